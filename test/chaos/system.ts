/** Starts everything that runs: the store, Redis, the sandbox, and service processes of each role. */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { makeApiKeys, mintKey } from '../../src/db/apiKeys';
import { connectDb } from '../../src/db/connection';
import { createTenant } from '../../src/db/tenants';
import type { DevContext, DevServer, Environment } from '../../src/dev/context';
import { startJanitor } from '../../src/dev/janitor';
import { startMongodb } from '../../src/dev/mongodb';
import { freePort } from '../../src/dev/network';
import { startRedis } from '../../src/dev/redis';
import { Running } from '../../src/dev/running';
import { startServer } from '../../src/dev/server';
import { makeReleases, type Releases } from '../../src/release';
import { systemClock } from '../../src/ups';
import { startRedisProxy } from '../support/redisProxy';
import { startManagedProcess, type ManagedProcess, type ProcessEvents } from './managedProcess';
import { startBalancer } from './loadBalancer';
import type { ChaosOptions } from './options';
import { makeRefusingRedis, makeUser, withLogin, type RefusingRedis } from './redisRefusals';
import { makeRestartableServer, type RestartableServer } from './restartableServer';
import { makeSandboxControl, type SandboxControl } from './sandboxControl';

export const TENANT = 'chaos';
export const RETURN = 'http://localhost:9';

export interface TestSystem {
  folder: string;
  apiUrl: string;
  ups: SandboxControl;
  store: RestartableServer;
  redis: RestartableServer;
  /** The same Redis as the service reaches it, through a proxy. */
  refusing: RefusingRedis;
  serverName: string;
  processes: ManagedProcess[];
  keys: { platform: string; operator: string };
  encryptionKey: { id: string; key: Buffer };
  /** Sends SIGTERM to every service process and waits. The store and the sandbox keep running. */
  stopProcesses(): Promise<void>;
  /** Ends everything, and removes the folder unless told to keep it. */
  close(keepsFolder: boolean): Promise<void>;
}

const silent = { info: () => {}, warn: () => {} };
const ROLES = ['api', 'worker', 'scheduler'] as const;

/** Releases what it has started if one part fails to start. */
export async function startSystem(
  options: ChaosOptions,
  tell: ProcessEvents,
  say: (line: string) => void,
): Promise<TestSystem> {
  const releases = makeReleases((what, error) => say(`${what} could not be ended: ${String(error)}`));
  const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-chaos-'));
  const removed = () => rmSync(folder, { recursive: true, force: true });
  try {
    const system = await open(folder, options, tell, say, releases);
    return { ...system, close: async (keeps) => releases.all().then(() => (keeps ? undefined : removed())) };
  } catch (error) {
    await releases.all();
    removed();
    throw error;
  }
}

async function open(
  folder: string,
  options: ChaosOptions,
  tell: ProcessEvents,
  say: (line: string) => void,
  releases: Releases,
): Promise<Omit<TestSystem, 'close'>> {
  const running = new Running(folder);
  // Ends what this process started if it is killed. The folder is kept, because it shows what went wrong.
  startJanitor(folder, 'kept');
  const leaving = new AbortController();
  // Always private servers, whatever the environment names, since they are stopped and emptied.
  const env: Environment = { ...process.env, MONGODB_URL: '', REDIS_URL: '' };
  const context: DevContext = { env, say, folder, running, signal: leaving.signal, data: 'thrown-away' };

  let started: DevServer | null = null;
  const store = await makeRestartableServer(async () => (started = await startMongodb(context)), running);
  releases.add('the store', () => store.stop('SIGTERM'));
  const redis = await makeRestartableServer(async () => {
    const one = await startRedis(context);
    await makeUser(one.url);
    return one;
  }, running);
  releases.add('Redis', () => redis.stop('SIGTERM'));
  const proxy = await startRedisProxy(withLogin(redis.url));
  releases.add('the way to Redis', () => proxy.close());
  const refusing = makeRefusingRedis(redis, proxy);

  const keys = await seed(store.url);
  const ports = await Promise.all(Array.from({ length: options.processesPerRole }, () => freePort()));
  const balancer = await startBalancer(ports);
  releases.add('the balancer', () => balancer.stop());
  const sandboxPort = await freePort();
  const key = randomBytes(32);
  const service = serviceEnvironment(options, {
    store,
    redisUrl: refusing.url,
    sandboxPort,
    publicUrl: balancer.url,
    folder,
    key,
  });
  const ups = await openSandbox(context, service, options, releases);

  const processes = ROLES.flatMap((role) =>
    ports.map((port, n) => {
      const name = `${role}-${n + 1}`;
      // One folder per process: the second place is a volume that outlives it.
      const own = { ROLE: role, PORT: String(port), DATA_DIR: path.join(folder, name), LOG_LEVEL: 'info' };
      return startManagedProcess(context, { name, env: { ...service, ...own }, tell });
    }),
  );
  const stopProcesses = async (): Promise<void> => {
    const stopping = Promise.all(processes.map((managed) => managed.stop()));
    leaving.abort();
    await stopping;
  };
  releases.add('the processes', stopProcesses);
  const serverName = (started as DevServer | null)?.name ?? '';
  const encryptionKey = { id: 'k1', key };
  return {
    folder,
    apiUrl: balancer.url,
    ups,
    store,
    redis,
    refusing,
    serverName,
    processes,
    keys,
    encryptionKey,
    stopProcesses,
  };
}

function serviceEnvironment(
  { consentTtlSeconds }: ChaosOptions,
  at: {
    store: RestartableServer;
    redisUrl: string;
    sandboxPort: number;
    publicUrl: string;
    folder: string;
    key: Buffer;
  },
): Record<string, string> {
  const inherited = Object.entries(process.env).filter(([name]) => /^(PATH|HOME|TMPDIR|LANG|XDG_.*)$/.test(name));
  return {
    ...Object.fromEntries(inherited.map(([name, value]) => [name, value ?? ''])),
    MONGODB_URL: at.store.url,
    REDIS_URL: at.redisUrl,
    PUBLIC_URL: at.publicUrl,
    SANDBOX_PORT: String(at.sandboxPort),
    UPS_ENV: 'sandbox',
    UPS_CLIENT_ID: 'chaos',
    UPS_CLIENT_SECRET: randomBytes(24).toString('base64url'),
    ENCRYPTION_KEYS: `k1:${at.key.toString('base64')}`,
    DATA_DIR: at.folder,
    CONSENT_TTL_SECONDS: String(consentTtlSeconds),
    RATE_LIMIT: '1000000:1000000',
  };
}

/** No fault touches the sandbox process: its ledger records every request that arrived. */
async function openSandbox(
  context: DevContext,
  env: Record<string, string>,
  { accessTokenSeconds }: ChaosOptions,
  releases: Releases,
): Promise<SandboxControl> {
  const ups = makeSandboxControl(`http://127.0.0.1:${env['SANDBOX_PORT'] ?? ''}`);
  const sandbox = await startServer(context, {
    name: 'the UPS sandbox',
    command: process.execPath,
    args: [path.join(__dirname, '..', '..', 'bin', 'upslink.js'), 'sandbox'],
    env,
    logFile: path.join(context.folder, 'logs', 'sandbox.log'),
    answers: () => ups.answers(),
    patienceMs: 60_000,
  });
  releases.add('the sandbox', () => sandbox.stop());
  await ups.settings({ accessTokenSeconds });
  return ups;
}

async function seed(mongodbUrl: string): Promise<TestSystem['keys']> {
  const db = await connectDb(mongodbUrl, { log: silent });
  try {
    await db.ensureIndexes();
    const tenant = { id: TENANT, name: 'Chaos', returnOrigins: [RETURN], refreshPolicy: 'eager' as const };
    await createTenant(db, { ...tenant, accessKeyDeadline: null, createdAt: Date.now() });
    const keys = { platform: mintKey('platform'), operator: mintKey('operator') };
    const apiKeys = makeApiKeys(db, systemClock);
    for (const role of ['platform', 'operator'] as const)
      await apiKeys.ensure({ tenantId: TENANT, role, key: keys[role], createdBy: 'setup' });
    return keys;
  } finally {
    await db.close();
  }
}
