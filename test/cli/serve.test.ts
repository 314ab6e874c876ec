import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { privateRedis, testDatabase, type PrivateServer } from '../support/servers';
import { until } from '../support/until';
import { asVariable, ring } from './storedAccounts';
import { freePort, listenAnywhere } from './ports';
import { startUpslink, type Running } from './upslink';

const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-cli-serve-'));
let env: Record<string, string>;
/** Of its own: a service's queues have the same names everywhere. */
let redis: PrivateServer;
let running: Running | undefined;

beforeAll(async () => {
  redis = await privateRedis();
  env = {
    MONGODB_URL: (await testDatabase('cli_serve')).url,
    REDIS_URL: redis.url,
    PORT: String(await freePort()),
    UPS_BASE_URL: 'http://127.0.0.1:1',
    UPS_CLIENT_ID: 'served',
    UPS_CLIENT_SECRET: 'hunter2',
    ENCRYPTION_KEYS: asVariable(ring),
    DATA_DIR: folder,
  };
});
afterEach(async () => {
  running?.child.kill('SIGKILL');
  await running?.ended;
});
afterAll(async () => {
  await redis.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const isReady = (port: string) =>
  fetch(`http://localhost:${port}/readyz`).then(
    ({ status }) => status === 200 || undefined,
    () => undefined,
  );

it('serves until it is told to stop, then ends in order with 0', async () => {
  const service = (running = startUpslink(['serve'], env));
  await until('it is ready', () => isReady(env['PORT'] ?? ''));
  service.child.kill('SIGTERM');
  const { code, stdout, stderr } = await service.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const line of stdout.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('time');
  expect(stdout).not.toContain('hunter2');
});

it('ends with 1 and a sentence when its port is taken or MongoDB is away', async () => {
  const other = await listenAnywhere();
  const taken = await (running = startUpslink(['serve'], { ...env, PORT: String(other.port) })).ended;
  await other.close();
  expect(taken.code).toBe(1);
  expect(taken.stderr).toMatch(new RegExp(`^upslink: Port ${other.port} is taken: .* PORT `));
  const away = await (running = startUpslink(['serve'], { ...env, MONGODB_URL: 'mongodb://127.0.0.1:1/x' })).ended;
  expect(away.code).toBe(1);
  expect(away.stderr).toMatch(/^upslink: MongoDB did not answer: .*\n$/);
});

const answersAt = (address: string, port: string) =>
  fetch(`http://${address}:${port}/healthz`).then(
    ({ status }) => status,
    (error: Error) => (error.cause as NodeJS.ErrnoException).code,
  );

/** Addresses of this machine that are not 127.0.0.1; the second is there where it has a network. */
const others = [
  '127.0.0.2',
  ...Object.values(os.networkInterfaces()).flatMap((addresses = []) =>
    addresses.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address),
  ),
];

it('listens on HOST alone, and at localhost all the same', async () => {
  const port = env['PORT'] ?? '';
  const service = (running = startUpslink(['serve'], { ...env, HOST: '127.0.0.1' }));
  await until('it is ready', () => isReady(port));
  expect(await answersAt('127.0.0.1', port)).toBe(200);
  expect(await answersAt('localhost', port)).toBe(200);
  for (const address of others) expect([address, await answersAt(address, port)]).toEqual([address, 'ECONNREFUSED']);
  service.child.kill('SIGTERM');
  expect((await service.ended).code).toBe(0);
});

it('listens on every address where HOST is not set', async () => {
  const port = env['PORT'] ?? '';
  running = startUpslink(['serve'], { ...env, HOST: '' });
  await until('it is ready', () => isReady(port));
  for (const address of others) expect([address, await answersAt(address, port)]).toEqual([address, 200]);
});

it.each([
  ['203.0.113.77', 'is not an address of this machine'],
  ['nowhere.invalid', 'does not resolve'],
  ['127.0.1', 'must be an IP address or a host name of this machine'],
])('names HOST=%s before it opens anything', async (host, words) => {
  const refused = await (running = startUpslink(['serve'], {
    ...env,
    HOST: host,
    MONGODB_URL: 'mongodb://127.0.0.1:1/x',
  })).ended;
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(`HOST: `);
  expect(refused.stderr).toContain(`"${host}"`);
  expect(refused.stderr).toContain(words);
  expect(refused.stdout).toBe('');
});

it('does not look at HOST in roles that listen on nothing', async () => {
  const worker = (running = startUpslink(['serve'], { ...env, ROLE: 'worker', HOST: '203.0.113.77' }));
  await until('it is up', () => worker.said().stdout.includes('upslink is up'));
  worker.child.kill('SIGTERM');
  expect((await worker.ended).code).toBe(0);
});

it('names the variable whose folder cannot be, with all else that is wrong, and no stack', async () => {
  const wrong = { SPOOL_DIR: __filename, REDIS_URL: `${redis.url}/99` };
  const { code, stderr } = await (running = startUpslink(['serve'], { ...env, ...wrong })).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^ +SPOOL_DIR: .* is not a folder\. /m);
  expect(stderr).toMatch(/^ +REDIS_URL: Redis refuses the database index/m);
  const below = { DATA_DIR: path.join(__filename, 'below') };
  const { stderr: other } = await (running = startUpslink(['serve'], { ...env, ...below })).ended;
  expect(other).toMatch(/^ +DATA_DIR: .* below something that is not a folder/m);
  for (const said of [stderr, other]) expect(said).not.toMatch(/unexpected|\n\s+at /);
});

it('says in the log that a second signal ends it at once', async () => {
  // Its connection is taken and never answered: so is a request of a client that never ends.
  const service = (running = startUpslink(['serve'], env));
  await until('it is ready', () => isReady(env['PORT'] ?? ''));
  const slow = net.connect(Number(env['PORT']));
  slow.on('error', () => undefined);
  await new Promise((resolve) => slow.write('POST /v1/accounts HTTP/1.1\r\nHost: x\r\n', resolve));
  await until('a request is under way', async () => (await isReady(env['PORT'] ?? '')) ?? false);
  service.child.kill('SIGTERM');
  await until('it ends at once', () => {
    service.child.kill('SIGINT');
    return service.child.exitCode !== null || undefined;
  });
  const { code, stdout } = await service.ended;
  slow.destroy();
  expect(code).toBe(1);
  expect(stdout).toContain('"signal":"SIGINT"');
});
