import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { privateRedis, testDatabase, type PrivateServer } from '../support/servers';
import { until } from '../support/until';
import { asVariable, ring } from './accounts';
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
  expect(taken.stderr).toMatch(new RegExp(`^upslink: Port ${other.port} is taken: `));
  const away = await (running = startUpslink(['serve'], { ...env, MONGODB_URL: 'mongodb://127.0.0.1:1/x' })).ended;
  expect(away.code).toBe(1);
  expect(away.stderr).toMatch(/^upslink: MongoDB did not answer: .*\n$/);
});
