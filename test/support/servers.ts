/**
 * MongoDB and Redis for tests that need them. They are started once per run, when the first test asks, by the same
 * code as `npm start` (src/dev); tests that never ask cost nothing. In a test file:
 *
 *     let database: TestDatabase;
 *     beforeAll(async () => { database = await testDatabase('store'); });   // database.url, database.name
 *     const connection = { url: await testRedis(), prefix: testPrefix('store') };   // BullMQ: pass the prefix
 *
 * Every file has its own database and prefix. They are dropped when all tests of the file passed, and kept and named in
 * the output when one failed. What a file leaves open (sockets, servers, timers, processes) makes it fail: close it in
 * `afterAll` (test/support/environment.ts).
 *
 * A test that empties, stops or kills a server takes one of its own: `privateRedis()`, `privateMongodb()`.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { DevContext, DevServer } from '../../src/dev/context';
import { startJanitor } from '../../src/dev/janitor';
import { startMongodb } from '../../src/dev/mongodb';
import { identify, signalProcess } from '../../src/dev/processes';
import { startRedis } from '../../src/dev/redis';
import { Running } from '../../src/dev/running';
import { ask } from './broker-client';
import { createdStores } from './createdStores';

export interface TestDatabase {
  readonly url: string;
  readonly name: string;
}

/** `name` is the test file's and appears in the name of a kept database. */
export async function testDatabase(name: string): Promise<TestDatabase> {
  const { url: server } = await ask('mongodb');
  const database = `upslink_test_${name.replace(/\W/g, '_').slice(0, 30)}_${randomBytes(4).toString('hex')}`;
  createdStores().databases.push(database);
  return { url: patiently(withDatabase(server, database)), name: database };
}

/** The URL of the run's Redis. Never FLUSHALL it: others are using it. */
export async function testRedis(): Promise<string> {
  return (await ask('redis')).url;
}

/** A key prefix of this file's own, without `:`, which BullMQ refuses. */
export function testPrefix(name: string): string {
  const prefix = `upslink-test-${name.replace(/[^\w-]/g, '-').slice(0, 30)}-${randomBytes(4).toString('hex')}`;
  createdStores().prefixes.push(prefix);
  return prefix;
}

/** The program of a Chromium, for playwright's `executablePath`; installed where that is possible. */
export async function testBrowser(): Promise<string> {
  return (await ask('browser')).url;
}

export interface PrivateServer {
  readonly url: string;
  /** Sends SIGTERM and waits. */
  stop(): Promise<void>;
  /** Sends SIGKILL and waits. */
  kill(): Promise<void>;
  /** Starts it again on the same data, and on the same port where nobody has taken it. */
  start(): Promise<void>;
  /** Stops it and removes its data: for `afterAll`. */
  dispose(): Promise<void>;
}

/** A Redis of this test's own, with an append-only file; also where REDIS_URL names one. */
export async function privateRedis(): Promise<PrivateServer> {
  return privateServer(startRedis);
}

/** A MongoDB of this test's own; also where MONGODB_URL names one. */
export async function privateMongodb(): Promise<PrivateServer> {
  return privateServer(startMongodb);
}

async function privateServer(start: (context: DevContext) => Promise<DevServer>): Promise<PrivateServer> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-private-'));
  const running = new Running(folder);
  startJanitor(folder, 'thrown-away');
  const env = { ...process.env, MONGODB_URL: '', REDIS_URL: '' };
  const said: string[] = [];
  const signal = new AbortController().signal;
  // 'kept': it is started again on the data it had.
  const context: DevContext = { env, say: (line) => said.push(line), folder, running, signal, data: 'kept' };
  let server = await start(context);
  const stop = () => server.stop();
  return {
    get url() {
      return server.url;
    },
    stop,
    kill: async () => {
      for (const { pid } of running.list()) {
        const id = identify(pid);
        if (id !== undefined) signalProcess(id, 'SIGKILL');
      }
      await server.stop();
    },
    start: async () => {
      server = await start(context);
    },
    dispose: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Many files share the server, and on a slow machine one may keep the others waiting. */
function patiently(url: string): string {
  const patience = new URLSearchParams({
    ...{ serverSelectionTimeoutMS: '60000', connectTimeoutMS: '60000' },
    ...{ socketTimeoutMS: '120000', waitQueueTimeoutMS: '60000' },
  });
  return `${url}${url.includes('?') ? '&' : '?'}${patience.toString()}`;
}

/** The same server, another database. The login stays where it was: by default it moves along with the path. */
export function withDatabase(server: string, database: string): string {
  const parts = /^(?<head>mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/(?<path>[^?]*))?(?:\?(?<query>.*))?$/.exec(server)?.groups;
  const query = new URLSearchParams(parts?.['query'] ?? '');
  const head = parts?.['head'] ?? server;
  if (head.includes('@') && !query.has('authSource')) query.set('authSource', parts?.['path'] || 'admin');
  const search = query.toString();
  return `${head}/${database}${search === '' ? '' : `?${search}`}`;
}
