/** The whole system as processes of its own: MongoDB, Redis, sandbox, service; for what is measured from outside. */

import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeApiKeys, mintKey, type Role } from '../src/db/apiKeys';
import { connectDb } from '../src/db/connection';
import { createTenant } from '../src/db/tenants';
import { startMongodb } from '../src/dev/mongodb';
import { startRedis } from '../src/dev/redis';
import { Running } from '../src/dev/running';
import { DAY_MS } from '../src/durations';
import { makeReleases, type Releases } from '../src/release';
import { systemClock } from '../src/ups';

/** Where the tenant's merchants are sent back to; nobody listens there. */
export const RETURN_ORIGIN = 'http://localhost:9999';

export const ADDRESS = {
  addressLine: '1 Dock St',
  city: 'Timonium',
  stateProvinceCode: 'MD',
  postalCode: '21093',
  countryCode: 'US',
};

export interface System {
  apiUrl: string;
  sandboxUrl: string;
  key: string;
  operatorKey: string;
  adminKey: string;
  serverName: string;
  mongodbUrl: string;
  redisUrl: string;
  /** As ENCRYPTION_KEYS has them: for accounts that are written past the api. */
  encryptionKeys: string;
  upsClient: { id: string; secret: string };
  /** The process that serves the api. */
  api: ChildProcess;
  /** Another process of the service. */
  startRole(role: string): ChildProcess;
  stop(): Promise<void>;
}

const TENANT = 'bench';
const DEADLINE_MS = 30 * DAY_MS;
const program = path.join(__dirname, '..', 'bin', 'upslink.js');
const silent = { info: () => {}, warn: () => {} };

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

async function answers(url: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const ok = await fetch(url)
      .then((response) => response.ok)
      .catch(() => false);
    if (ok) return;
    await delay(100);
  }
  throw new Error(`${url} does not answer`);
}

async function seed(
  mongodbUrl: string,
  returnOrigin: string,
): Promise<Pick<System, 'key' | 'operatorKey' | 'adminKey'>> {
  const db = await connectDb(mongodbUrl, { log: silent, database: 'upslink' });
  await db.ensureIndexes();
  const tenant = { id: TENANT, name: 'Bench', returnOrigins: [returnOrigin], refreshPolicy: 'eager' as const };
  await createTenant(db, { ...tenant, accessKeyDeadline: Date.now() + DEADLINE_MS, createdAt: Date.now() });
  const apiKeys = makeApiKeys(db, systemClock);
  const makeKey = async (role: Role): Promise<string> => {
    const key = mintKey(role);
    await apiKeys.ensure({ tenantId: role === 'admin' ? null : TENANT, role, key, createdBy: 'setup' });
    return key;
  };
  const keys = {
    key: await makeKey('platform'),
    operatorKey: await makeKey('operator'),
    adminKey: await makeKey('admin'),
  };
  await db.close();
  return keys;
}

/** Opens everything, or nothing. `role`: of the process that serves the api. */
export async function startSystem(returnOrigin: string, role: 'all' | 'api' = 'all'): Promise<System> {
  const releases = makeReleases((what, error) => void process.stderr.write(`${what}: ${String(error)}\n`));
  try {
    return await start(returnOrigin, role, releases);
  } catch (error) {
    await releases.all();
    throw error;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exit;
}

async function start(returnOrigin: string, role: 'all' | 'api', releases: Releases): Promise<System> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-bench-'));
  releases.add('folder', () => rmSync(folder, { recursive: true, force: true }));
  const running = new Running(folder);
  const signal = new AbortController().signal;
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const context = { env: process.env, say, folder, running, signal, data: 'thrown-away' as const };
  const mongodb = await startMongodb(context);
  releases.add('MongoDB', () => mongodb.stop());
  const redis = await startRedis(context);
  releases.add('Redis', () => redis.stop());
  const keys = await seed(mongodb.url, returnOrigin);
  const [port, sandboxPort] = [await freePort(), await freePort()];
  const upsClient = { id: 'bench', secret: randomBytes(24).toString('base64url') };
  const encryptionKeys = `k1:${randomBytes(32).toString('base64')}`;
  const env = {
    ...process.env,
    MONGODB_URL: mongodb.url,
    REDIS_URL: redis.url,
    PORT: String(port),
    PUBLIC_URL: `http://localhost:${port}`,
    SANDBOX_PORT: String(sandboxPort),
    UPS_ENV: 'sandbox',
    UPS_CLIENT_ID: upsClient.id,
    UPS_CLIENT_SECRET: upsClient.secret,
    ENCRYPTION_KEYS: encryptionKeys,
    DATA_DIR: folder,
    RATE_LIMIT: '1000000:1000000',
    LOG_LEVEL: 'warn',
    ROLE: role,
  };
  const startProcess = (command: string, more: Record<string, string> = {}): ChildProcess => {
    const child = spawn(process.execPath, [program, command], {
      env: { ...env, ...more },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    releases.add(command, () => ended(child));
    return child;
  };
  startProcess('sandbox');
  const api = startProcess('serve');
  const apiUrl = `http://localhost:${port}`;
  const sandboxUrl = `http://localhost:${sandboxPort}`;
  await answers(`${sandboxUrl}/sandbox/settings`);
  await answers(`${apiUrl}/readyz`);
  return {
    apiUrl,
    sandboxUrl,
    ...keys,
    serverName: mongodb.name,
    mongodbUrl: mongodb.url,
    redisUrl: redis.url,
    encryptionKeys,
    upsClient,
    api,
    startRole: (one) => startProcess('serve', { ROLE: one }),
    stop: () => releases.all(),
  };
}

/** The whole life of a program that measures an api: everything is ended, whatever happens, and what went wrong is said. */
export function measure(run: (system: System) => Promise<void>): void {
  const whole = async (): Promise<void> => {
    const system = await startSystem(RETURN_ORIGIN, 'api');
    await run(system).finally(() => system.stop());
  };
  whole().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  });
}
