/* global db, rs, sleep, quit, print */
// Run by mongosh: three members become one set, once. Waits until one of them is primary.
const members = ['mongodb-1', 'mongodb-2', 'mongodb-3'].map((host, _id) => ({ _id, host: `${host}:27017` }));
try {
  rs.initiate({ _id: 'upslink', members });
} catch (error) {
  if (error.codeName !== 'AlreadyInitialized') throw error;
}
for (let tries = 0; tries < 60; tries += 1) {
  const { primary } = db.hello();
  if (primary) {
    print(`primary: ${primary}`);
    quit(0);
  }
  sleep(1000);
}
quit(1);
