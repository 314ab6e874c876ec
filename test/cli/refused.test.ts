/** `upslink serve` on a Redis that answers and refuses: as a real process, on a real Redis, in every way it refuses. */

import { Redis } from 'ioredis';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startRedisProxy, type RedisProxy } from '../support/redisProxy';
import { privateRedis, testDatabase, type PrivateServer } from '../support/servers';
import { until } from '../support/until';
import { selfSigned } from '../ups/self-signed';
import { asVariable, ring } from './storedAccounts';
import { freePort } from './ports';
import { startUpslink, type Running } from './upslink';

const PASSWORD = 'p/a#s%s-hunter2';
const HANGS = 180_000;
/** What a service may send in the time of three tries; one that asks again at once sends as much in a moment. */
const COMMANDS_MAX = 400;

const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-cli-refused-'));
const releases: (() => Promise<void> | void)[] = [];
let redis: PrivateServer;
let admin: Redis;
let mongodbUrl: string;

beforeAll(async () => {
  redis = await privateRedis();
  mongodbUrl = (await testDatabase('cli_refused')).url;
  admin = new Redis(redis.url);
});
beforeEach(async () => {
  await admin.acl('SETUSER', 'service', 'reset', 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
});
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release();
  await admin.config('SET', 'maxmemory', '0');
  await admin.replicaof('NO', 'ONE');
});
afterAll(async () => {
  admin.disconnect();
  await redis.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** The server's own address, with the login of the service. */
const asService = (more = ''): string =>
  redis.url.replace('redis://', `redis://service:${encodeURIComponent(PASSWORD)}@`) + more;

interface Served extends Running {
  readyz(): Promise<{ status: number; body: { redis?: { status: string; code: string; detail: string } } }>;
}

async function serve(redisUrl: string, more: Record<string, string> = {}): Promise<Served> {
  const port = await freePort();
  const running = startUpslink(['serve'], { ...environment(redisUrl, port), ...more });
  releases.push(async () => {
    running.child.kill('SIGKILL');
    await running.ended;
  });
  const readyz = async () => {
    const response = await fetch(`http://localhost:${port}/readyz`);
    return { status: response.status, body: (await response.json()) as object };
  };
  return { ...running, readyz };
}

/** A command that is to end by itself; it is killed when the test does not wait for it. */
function run(args: string[], env: Record<string, string>) {
  const { child, ended } = startUpslink(args, env);
  releases.push(() => void child.kill('SIGKILL'));
  return ended;
}

const environment = (redisUrl: string, port: number): Record<string, string> => ({
  MONGODB_URL: mongodbUrl,
  REDIS_URL: redisUrl,
  PORT: String(port),
  UPS_BASE_URL: 'http://127.0.0.1:1',
  UPS_CLIENT_ID: 'served',
  UPS_CLIENT_SECRET: 'secret',
  ENCRYPTION_KEYS: asVariable(ring),
  DATA_DIR: folder,
});

async function proxied(target: string, more: object = {}): Promise<RedisProxy> {
  const proxy = await startRedisProxy(target, more);
  releases.push(() => proxy.close());
  return proxy;
}

const ready = (service: Served) =>
  until(
    'it is ready',
    () =>
      service.readyz().then(
        ({ status }) => status === 200,
        () => false,
      ),
    HANGS,
  );

const refusalIn = async (service: Served) => (await service.readyz()).body.redis;

const said = (service: Served, code: string) =>
  service
    .said()
    .stdout.split('\n')
    .filter((line) => line.includes(`"refused":"${code}"`));

/** SIGTERM, and how it ended; the test's own patience is the bound that matters less than that it ends at all. */
async function terminated(service: Served): Promise<number | null> {
  service.child.kill('SIGTERM');
  const bound = new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), 120_000).unref());
  const ended = await Promise.race([service.ended, bound]);
  if (ended === 'late') throw new Error('SIGTERM did not end it');
  return ended.code;
}

async function rotate(): Promise<void> {
  await admin.acl('SETUSER', 'service', 'resetpass', '>another');
  await admin.client('KILL', 'USER', 'service');
}
const forbid =
  (...commands: string[]) =>
  async () => {
    await admin.acl('SETUSER', 'service', ...commands.map((one) => `-${one}`));
  };

const LOADING = 'LOADING Redis is loading the dataset in memory';
const cases: [what: string, code: string, begins: (proxy: RedisProxy) => Promise<unknown> | void][] = [
  ['a password that was changed', 'WRONGPASS', rotate],
  ['an ACL without EVALSHA and EVAL', 'NOPERM', forbid('evalsha', 'eval')],
  ['an ACL without BZPOPMIN', 'NOPERM', forbid('bzpopmin')],
  ['an ACL without what scripts use', 'NOPERM', forbid('rpoplpush', 'lmove', 'zrangebyscore', 'zpopmin', 'hget')],
  ['a replica that takes no writes', 'READONLY', () => admin.replicaof('127.0.0.1', '1')],
  ['a full memory', 'OOM', () => admin.config('SET', 'maxmemory', '1')],
  ['data that is being loaded', 'LOADING', (proxy) => proxy.refuse(LOADING)],
  ['a disk that is full', 'MISCONF', (proxy) => proxy.refuse('MISCONF Errors writing to the AOF file')],
];

it.each(cases)(
  '%s is said once as %s, asked for slowly, and does not hold up the end',
  async (_, code, begins) => {
    const proxy = await proxied(asService());
    const service = await serve(proxy.url);
    await ready(service);
    await until('the workers are at work', () => proxy.commands() > 20, HANGS);
    const connected = proxy.connections();
    const before = proxy.commands();
    await begins(proxy);
    const refusal = await until(`/readyz says ${code}`, () => refusalIn(service), HANGS);
    expect(refusal).toMatchObject({ status: 'refused', code });
    await until('it has tried three times', () => proxy.connections() >= connected + 3, HANGS);
    expect(proxy.commands() - before).toBeLessThan(COMMANDS_MAX);
    expect((await service.readyz()).status).toBe(200);
    const commands = said(service, code).map((line) => (JSON.parse(line) as { command: string }).command);
    expect(commands.length).toBeGreaterThan(0);
    expect(commands).toEqual([...new Set(commands)]);
    expect(await terminated(service)).toBe(0);
    expect(service.said().stdout + service.said().stderr).not.toContain('hunter2');
    expect(service.said().stderr).toBe('');
  },
  HANGS,
);

it(
  'a certificate that is not trusted is said, tried slowly, and does not hold up the end',
  async () => {
    const proxy = await proxied(asService(), { certificate: selfSigned });
    const service = await serve(proxy.url);
    await ready(service);
    const refusal = await until('/readyz says so', () => refusalIn(service), HANGS);
    expect(refusal).toMatchObject({ status: 'refused', code: 'certificate' });
    expect(refusal.detail).toContain('NODE_EXTRA_CA_CERTS');
    await until('it has tried for a while', () => proxy.connections() >= 12, HANGS);
    expect(await terminated(service)).toBe(0);
  },
  HANGS,
);

it(
  'takes up its work by itself when Redis takes everything again',
  async () => {
    const proxy = await proxied(asService());
    const service = await serve(proxy.url, { ROLE: 'all' });
    await ready(service);
    await forbid('evalsha', 'eval')();
    await until('it is refused', () => refusalIn(service), HANGS);
    await admin.acl('SETUSER', 'service', '+@all');
    await until('nothing is refused', async () => (await refusalIn(service)) === undefined, HANGS);
    expect(service.said().stdout).toContain('Redis takes everything again.');
  },
  HANGS,
);

it.each(['worker', 'scheduler', 'api'])(
  'role %s ends when it is told to while its password is refused',
  async (ROLE) => {
    const proxy = await proxied(asService());
    const service = await serve(proxy.url, { ROLE });
    await until('it is up', () => service.said().stdout.includes('upslink is up'), HANGS);
    await rotate();
    await until('it is said', () => said(service, 'WRONGPASS').length > 0, HANGS);
    expect(await terminated(service)).toBe(0);
  },
  HANGS,
);

it.each([
  ['a wrong password', (url: string) => url.replace(/:[^:@]*@/, ':wrong-hunter2@'), 'WRONGPASS'],
  ['a user that is not there', (url: string) => url.replace('service:', 'nobody:'), 'WRONGPASS'],
  ['a database that is not there', (url: string) => `${url}/99`, 'database index'],
])(
  'refuses to start with %s, and so does the doctor',
  async (_, wrong, named) => {
    const env = environment(wrong(asService()), await freePort());
    const started = await run(['serve'], env);
    expect(started.code).toBe(1);
    expect(started.stderr).toMatch(new RegExp(`^ +REDIS_URL: .*${named}`, 'm'));
    expect(started.stderr).not.toMatch(/hunter2|^ +at |unexpected/m);
    const { stdout, code } = await run(['doctor', '--json'], env);
    const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; detail: string }[] };
    const check = checks.find(({ name }) => name === 'Redis');
    expect({ code, check }).toMatchObject({ code: 1, check: { status: 'fail' } });
    expect(check?.detail).toContain(named);
    expect(stdout).not.toContain('hunter2');
  },
  HANGS,
);

it(
  'asks for a password by name where REDIS_URL has none',
  async () => {
    await admin.config('SET', 'requirepass', 'set-by-somebody');
    releases.push(() => void admin.config('SET', 'requirepass', ''));
    const { code, stderr } = await run(['serve'], environment(redis.url, await freePort()));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ +REDIS_URL: .*NOAUTH/m);
  },
  HANGS,
);
