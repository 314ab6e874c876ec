'use strict';
// For Docker's HEALTHCHECK. A role with the api is healthy when /readyz says so. The others listen on nothing, and end
// when they cannot go on; what can be seen of them from beside is whether the servers they need can be reached.
const net = require('node:net');

const { ROLE, PORT, HOST, MONGODB_URL = '', REDIS_URL = '' } = process.env;
const hasApi = !ROLE || ROLE === 'all' || ROLE === 'api';

const [, mongodb = ''] = /^mongodb:\/\/(?:[^@/]*@)?([^/?]+)/.exec(MONGODB_URL) ?? [];
const [, redis = ''] = /^rediss?:\/\/(?:[^@/]*@)?([^/?]+)/.exec(REDIS_URL) ?? [];

// Every address includes 127.0.0.1; of `::` that holds where sockets of IPv6 take IPv4 too, so its own loopback is asked.
function listensAt() {
  if (!HOST || HOST === '0.0.0.0') return '127.0.0.1';
  if (HOST === '::') return '[::1]';
  return HOST.includes(':') ? `[${HOST}]` : HOST;
}

const isReachable = (address, port) =>
  new Promise((resolve) => {
    const { hostname, port: own } = new URL(`tcp://${address}`);
    const socket = net.connect({ host: hostname, port: Number(own || port), timeout: 3_000 });
    const end = (is) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });

async function isHealthy() {
  if (hasApi) return (await fetch(`http://${listensAt()}:${PORT || 4400}/readyz`)).ok;
  // mongodb+srv has no address to try: its driver looks it up.
  const members = mongodb === '' ? [Promise.resolve(true)] : mongodb.split(',').map((one) => isReachable(one, 27017));
  const isOneThere = (await Promise.all(members)).includes(true);
  return isOneThere && (await isReachable(redis, 6379));
}

isHealthy().then(
  (is) => process.exit(is ? 0 : 1),
  () => process.exit(1),
);
