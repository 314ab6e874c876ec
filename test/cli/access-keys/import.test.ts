import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { REQUIRED_COLUMNS } from '../../../src/api/imports/lines';
import { connectDb, type Db } from '../../../src/db/connection';
import { createTenant } from '../../../src/db/tenants';
import { silent } from '../../db/opened';
import { testDatabase } from '../../support/servers';
import { until } from '../../support/until';
import { json, startUpslink, upslink } from '../upslink';

let db: Db;
let env: Record<string, string>;
let folder: string;

beforeAll(async () => {
  const { url } = await testDatabase('cli_import');
  env = { MONGODB_URL: url, ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}` };
  db = await connectDb(url, { log: silent });
  await db.ensureIndexes();
  folder = await mkdtemp(path.join(tmpdir(), 'upslink-import-'));
  const tenant = { name: 'Acme', returnOrigins: [], refreshPolicy: 'eager' as const, createdAt: 0 };
  await createTenant(db, { id: 'acme', ...tenant, accessKeyDeadline: Date.now() + 30 * 86_400_000 });
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

const line = (name: string, country = 'US') =>
  `${name},A1B2C3,1 Dock St,Timonium,MD,21093,${country},shipper,0123456789ABCDEF,user-SECRET,pass-SECRET`;

async function fileOf(name: string, lines: string[]): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, [REQUIRED_COLUMNS.join(','), ...lines].join('\n'));
  return file;
}
const run = (file: string, ...more: string[]) =>
  upslink(['access-keys', 'import', file, '--tenant', 'acme', ...more], env);

it('imports a file, and says what came in', async () => {
  const file = await fileOf('good.csv', [line('East'), line('West')]);
  const done = await run(file);
  expect(done).toMatchObject({ code: 0, stdout: '2 created, 0 unchanged, 0 failed\n' });
  expect((await run(file)).stdout).toBe('0 created, 2 unchanged, 0 failed\n');
  const [stored] = await db.accounts.find({ 'view.name': 'East' }).toArray();
  expect(stored).toMatchObject({ tenantId: 'acme', view: { scheme: 'access-key', state: 'connected' } });
  expect(JSON.stringify(stored)).not.toContain('SECRET');
});

it('names bad lines with their column and why, ends with 1, and keeps the good ones', async () => {
  const file = await fileOf('mixed.csv', [line('North'), line('South', 'XX')]);
  const failed = await run(file);
  expect(failed.code).toBe(1);
  expect(failed.stdout).toMatch(/1 created, 0 unchanged, 1 failed[^]*3 +country +country is no ISO/);
  const asJson = await run(file, '--json');
  expect(json(asJson)).toMatchObject({ created: 0, unchanged: 1, failed: [{ line: 3, field: 'country' }] });
  expect(asJson.stderr).toBe('');
  expect(failed.stdout + failed.stderr).not.toContain('SECRET');
});

it('refuses to seal with a ring that does not open what is stored, and takes nothing', async () => {
  await run(await fileOf('good.csv', [line('East')]));
  const file = await fileOf('more.csv', [line('Foreign')]);
  const foreign = randomBytes(32).toString('base64');
  for (const [ring, code] of [
    [`k2:${foreign}`, 'vault-key-missing'],
    [`k1:${foreign}`, 'seal-broken'],
  ] as const) {
    const args = ['access-keys', 'import', file, '--tenant', 'acme'];
    const refused = await upslink(args, { ...env, ENCRYPTION_KEYS: ring });
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain('Nothing was imported: set ENCRYPTION_KEYS as the service has it.');
    const asJson = await upslink([...args, '--json'], { ...env, ENCRYPTION_KEYS: ring });
    expect(asJson.code).toBe(1);
    expect(asJson.stdout + asJson.stderr).toContain(code);
  }
  expect(await db.accounts.countDocuments({ 'view.name': 'Foreign' })).toBe(0);
  const rotated = { ...env, ENCRYPTION_KEYS: `k2:${foreign},${env['ENCRYPTION_KEYS']}` };
  expect(await upslink(['access-keys', 'import', file, '--tenant', 'acme'], rotated)).toMatchObject({ code: 0 });
  await db.accounts.deleteMany({ 'view.name': 'Foreign' });
});

it.each([
  [['import', 'nowhere.csv', '--tenant', 'acme'], 2, 'no file'],
  [['import', '.', '--tenant', 'acme'], 2, 'is a folder: name the CSV file'],
  [['import', 'good.csv'], 2, '--tenant'],
  [['import', 'good.csv', '--tenant', 'nobody'], 1, 'no tenant'],
])('says what is wrong with %j', async (args, code, words) => {
  await fileOf('good.csv', [line('East')]);
  const [command = '', file = '', ...rest] = args;
  const ended = await upslink(['access-keys', command, path.join(folder, file), ...rest], env);
  expect([ended.code, ended.stdout]).toEqual([code, '']);
  expect(ended.stderr).toContain(words);
});

it('reads what is no regular file as it comes', async () => {
  const pipe = path.join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const running = run(pipe);
  await writeFile(pipe, [REQUIRED_COLUMNS.join(','), line('Piped')].join('\n'));
  expect(await running).toMatchObject({ code: 0, stdout: '1 created, 0 unchanged, 0 failed\n' });
  const nothing = await run('/dev/null');
  expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringContaining('The file is empty')]);
  const listing = await run(folder);
  expect([listing.code, listing.stderr]).toEqual([2, expect.stringContaining('is a folder: name the CSV file')]);
});

it('says that a file is no list of keys', async () => {
  const file = path.join(folder, 'other.csv');
  await writeFile(file, 'a,b\n1,2\n');
  const ended = await run(file);
  expect([ended.code, ended.stdout]).toEqual([1, '']);
  expect(ended.stderr).toContain('Cell 1 of the first line names no column');
});

it('stopped in the middle says so, and ends with 1', async () => {
  const names = Array.from({ length: 250 }, (_, n) => `Stopped ${n}`);
  const file = await fileOf(
    'stopped.csv',
    names.map((name) => line(name)),
  );
  const isIn = { 'view.name': /^Stopped/ };
  const stopping = startUpslink(['access-keys', 'import', file, '--tenant', 'acme', '--json'], env);
  await until('some of it is in', async () => (await db.accounts.countDocuments(isIn)) > 0);
  stopping.child.kill('SIGINT');
  const ended = await stopping.ended;
  expect(ended.code).toBe(1);
  const created = await db.accounts.countDocuments(isIn);
  expect(json(ended)).toEqual({ created, unchanged: 0, failed: [], stopped: true });
  expect(created).toBeLessThan(names.length);
});

it('killed in the middle is finished by running it again', async () => {
  const names = Array.from({ length: 250 }, (_, n) => `Killed ${n}`);
  const file = await fileOf(
    'long.csv',
    names.map((name) => line(name)),
  );
  const dying = startUpslink(['access-keys', 'import', file, '--tenant', 'acme'], env);
  const isIn = { 'view.name': /^Killed/ };
  await until('some of it is in', async () => (await db.accounts.countDocuments(isIn)) > 0);
  dying.child.kill('SIGKILL');
  await dying.ended;
  const before = await db.accounts.countDocuments(isIn);
  expect(before).toBeLessThan(names.length);
  expect((await run(file)).stdout).toBe(`${names.length - before} created, ${before} unchanged, 0 failed\n`);
});
