import { makeStore } from '../../src/db/accounts';
import { connectDb, type Db } from '../../src/db/connection';
import { StoreUnavailable } from '../../src/durable/errors';
import { sampleDocument, sampleEntry, sampleRow } from '../durable/samples';
import { privateMongodb, type PrivateServer } from '../support/servers';
import { silent } from './testDb';
import { startLossyProxy, type LossyProxy } from '../support/lossyProxy';

/** The driver's default for a server that is not there. */
const DRIVERS_OWN_MS = 30_000;

let server: PrivateServer;
let proxy: LossyProxy;
let db: Db;
const store = () => makeStore(db);

beforeAll(async () => {
  server = await privateMongodb();
  proxy = await startLossyProxy(server.url);
  db = await connectDb(proxy.url, { log: silent });
  await db.ensureIndexes();
});
afterAll(async () => {
  await db.close();
  await proxy.close();
  await server.dispose();
});

async function isBack(): Promise<void> {
  proxy.become('open');
  for (;;)
    if (
      await db.ping().then(
        () => true,
        () => false,
      )
    )
      return;
}
afterEach(isBack);

it('says unknown of a write whose answer was lost, which did happen', async () => {
  const document = sampleDocument({ id: 'acc_lossy' });
  proxy.loseAnswerTo('insert');
  expect(await store().insert(document)).toBe('unknown');
  expect((await store().load(document.id))?.rev).toBe(1);

  proxy.loseAnswerTo('update');
  expect(await store().write(document, { ...document, rev: 2 })).toBe('unknown');
  expect((await store().load(document.id))?.rev).toBe(2);
});

it('sends a write once: a lost answer is not followed by a second try of the driver', async () => {
  const document = sampleDocument({ id: 'acc_once' });
  await store().insert(document);
  const sent: string[] = [];
  const watched = await connectDb(proxy.url, {
    log: silent,
    onCommand: (command) => sent.push(...Object.keys(command).slice(0, 1)),
  });
  sent.length = 0;
  proxy.loseAnswerTo('update');
  await makeStore(watched).write(document, { ...document, rev: 2 });
  await watched.close();
  expect(sent.filter((name) => name === 'update')).toHaveLength(1);
});

it('asks for a majority, journaled, whatever the URL says', async () => {
  const writes: unknown[] = [];
  const url = new URL(proxy.url);
  url.search = '?w=1&journal=false&readConcernLevel=local&retryWrites=true';
  const weak = await connectDb(url.href, {
    log: silent,
    onCommand: ({ update, writeConcern }) => void (update !== undefined && writes.push(writeConcern)),
  });
  const document = sampleDocument({ id: 'acc_majority' });
  await makeStore(weak).insert(document);
  await makeStore(weak).write(document, { ...document, rev: 2 });
  await weak.close();
  expect(writes).toEqual([{ w: 'majority', j: true, wtimeout: 4_000 }]);
});

it('gives up on a server that takes requests and says nothing', async () => {
  proxy.become('deaf');
  const document = sampleDocument({ id: 'acc_deaf' });
  const outcomes = await Promise.all([
    store().insert(document),
    store()
      .load(document.id)
      .catch((error: unknown) => error),
  ]);
  expect(outcomes).toEqual(['unknown', expect.any(StoreUnavailable)]);
});

it('waits for as long as the URL says', async () => {
  const hasty = await connectDb(`${proxy.url}${proxy.url.includes('?') ? '&' : '?'}sockettimeoutms=500`, {
    log: silent,
  });
  proxy.become('deaf');
  const order: string[] = [];
  const ping = (one: Db, name: string) =>
    expect(one.ping())
      .rejects.toThrow(StoreUnavailable)
      .then(() => order.push(name));
  await Promise.all([ping(db, 'with the usual time-out'), ping(hasty, 'with 500 ms')]);
  expect(order).toEqual(['with 500 ms', 'with the usual time-out']);
  await hasty.close();
});

it('says that nobody is there before the driver would by itself, each method in its own way', async () => {
  proxy.become('cut');
  const document = sampleDocument({ id: 'acc_cut' });
  const before = performance.now();
  const away = (what: Promise<unknown>) => expect(what).rejects.toThrow(StoreUnavailable);
  await Promise.all([
    expect(store().insert(document)).resolves.toBe('unknown'),
    expect(store().write(document, { ...document, rev: 2 })).resolves.toBe('unknown'),
    away(store().load('acc_cut')),
    away(store().findApplied('acc_cut', 'x')),
    away(store().appendHistory([sampleEntry('acc_cut', sampleRow(1))])),
    away(store().due({ kind: 'wake', now: 1, after: null, limit: 1 })),
    away(db.ping()),
  ]);
  expect(performance.now() - before).toBeLessThan(DRIVERS_OWN_MS);
});

it('is as it was when the server is back', async () => {
  proxy.become('cut');
  await expect(store().load('acc_back')).rejects.toThrow(StoreUnavailable);
  await isBack();
  expect(await store().insert(sampleDocument({ id: 'acc_back' }))).toBe('done');
});

it('does not start without a server, and shows no password', async () => {
  proxy.become('cut');
  const url = new URL(proxy.url.replace(/^mongodb:/, 'http:'));
  url.username = 'someone';
  url.password = 'a-password';
  const refused = connectDb(url.href.replace(/^http:/, 'mongodb:'), { log: silent });
  await expect(refused).rejects.toThrow(StoreUnavailable);
  for (const bad of ['mongo://u:a-password@host/x', 'mongodb://u:a-password@/', 'a-password']) {
    await expect(connectDb(bad, { log: silent })).rejects.toThrow('MONGODB_URL is not a MongoDB connection string.');
  }
});
