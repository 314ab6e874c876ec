import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { REQUIRED_COLUMNS } from '../../../src/api/imports/lines';
import { connectDb, type Db } from '../../../src/db/connection';
import { createTenant } from '../../../src/db/tenants';
import { silent } from '../../db/testDb';
import { testDatabase } from '../../support/servers';
import { until } from '../../support/until';
import { runImport, type ImportOptions } from '../../../src/cli/access-keys/import';
import { failureOf, FoundFault } from '../../../src/cli/failure';
import { json, startUpslink, upslink, type Ended } from '../upslink';

/** Against hanging only: a program may take long to start where many run. */
const PATIENCE_MS = 180_000;
jest.setTimeout(PATIENCE_MS);

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

interface Told {
  /** As with --json; null when the command was refused. */
  result: object | null;
  /** As without. */
  text: string;
  code?: string;
  message?: string;
  isFaulty?: boolean;
}

/** The command itself, in this process: only where the process matters is one started. */
async function run(file: string, options: Partial<ImportOptions> = {}, environment = env): Promise<Told> {
  const told: Told = { result: null, text: '' };
  const output = {
    ...{ width: 80, head: () => undefined, row: () => undefined },
    ...{ remark: () => undefined, remarkInPlace: () => undefined },
    result: (value: unknown, render: () => string) => void Object.assign(told, { result: value, text: render() }),
  };
  try {
    await runImport(environment, output, file, { tenant: 'acme', ...options });
    return told;
  } catch (error) {
    return error instanceof FoundFault ? { ...told, isFaulty: true } : { ...told, ...failureOf(error) };
  }
}

it('imports a file as a program, and says what came in', async () => {
  const file = await fileOf('good.csv', [line('East'), line('West')]);
  const done = await upslink(['access-keys', 'import', file, '--tenant', 'acme'], env);
  expect(done).toMatchObject({ code: 0, stdout: '2 created, 0 unchanged, 0 failed\n' });
  expect((await run(file)).text).toBe('0 created, 2 unchanged, 0 failed');
  const [stored] = await db.accounts.find({ 'view.name': 'East' }).toArray();
  expect(stored).toMatchObject({ tenantId: 'acme', view: { scheme: 'access-key', state: 'connected' } });
  expect(JSON.stringify(stored)).not.toContain('SECRET');
});

it('ends with 1 for bad lines, as JSON on stdout alone', async () => {
  const file = await fileOf('mixed-json.csv', [line('Inland', 'XX')]);
  const asJson = await upslink(['access-keys', 'import', file, '--tenant', 'acme', '--json'], env);
  expect(asJson).toMatchObject({ code: 1, stderr: '' });
  expect(json(asJson)).toMatchObject({ created: 0, unchanged: 0, failed: [{ line: 2, field: 'country' }] });
});

it('names bad lines with their column and why, and keeps the good ones', async () => {
  const file = await fileOf('mixed.csv', [line('North'), line('South', 'XX')]);
  const failed = await run(file);
  expect(failed).toMatchObject({ isFaulty: true, result: { created: 1, unchanged: 0 } });
  expect(failed.text).toMatch(/1 created, 0 unchanged, 1 failed[^]*3 +country +country is no ISO/);
  expect((await run(file)).result).toMatchObject({ created: 0, unchanged: 1, failed: [{ line: 3, field: 'country' }] });
  expect(JSON.stringify(failed)).not.toContain('SECRET');
});

it('reads any separator, skips blank rows, and the encoding that is named', async () => {
  const file = path.join(folder, 'excel.csv');
  const rows = ['sep=;', REQUIRED_COLUMNS.join(';'), ';;;;;;', line('Caf\u00e9').replaceAll(',', ';')];
  await writeFile(file, Buffer.from(rows.join('\r\n'), 'latin1'));
  const wrong = await run(file);
  expect(wrong.result).toMatchObject({ created: 0, failed: [{ line: 4, field: 'name' }] });
  expect((await run(file, { encoding: 'windows-1252' })).result).toMatchObject({ created: 1, failed: [] });
  expect(await db.accounts.countDocuments({ 'view.name': 'Café' })).toBe(1);
  expect(await run(file, { encoding: 'utf-7' })).toMatchObject({
    ...{ code: 'wrong-usage', result: null },
    message: expect.stringContaining('--encoding is not a known encoding') as string,
  });
});

it('refuses to seal with a ring that does not open what is stored, and takes nothing', async () => {
  await run(await fileOf('good.csv', [line('East')]));
  const file = await fileOf('more.csv', [line('Foreign')]);
  const foreign = randomBytes(32).toString('base64');
  for (const [ring, code] of [
    [`k2:${foreign}`, 'vault-key-missing'],
    [`k1:${foreign}`, 'seal-broken'],
  ] as const) {
    const refused = await run(file, {}, { ...env, ENCRYPTION_KEYS: ring });
    expect(refused).toMatchObject({ result: null, code });
    expect(refused.message).toContain('Nothing was imported: use the ENCRYPTION_KEYS of the service.');
  }
  expect(await db.accounts.countDocuments({ 'view.name': 'Foreign' })).toBe(0);
  const rotated = { ...env, ENCRYPTION_KEYS: `k2:${foreign},${env['ENCRYPTION_KEYS']}` };
  expect((await run(file, {}, rotated)).result).toMatchObject({ created: 1, failed: [] });
  await db.accounts.deleteMany({ 'view.name': 'Foreign' });
});

it.each([
  ['nowhere.csv', {}, 'wrong-usage', 'no file'],
  ['.', {}, 'wrong-usage', 'is a folder: name the CSV file'],
  ['good.csv', { tenant: 'nobody' }, 'not-found', 'no tenant'],
])(
  'says what is wrong with %s %j',
  async (file, options, code, words) => {
    await fileOf('good.csv', [line('East')]);
    const ended = await run(path.join(folder, file), options);
    expect(ended).toMatchObject({ result: null, code });
    expect(ended.message).toContain(words);
  },
  180_000,
);

it('asks for the tenant, with 2', async () => {
  const ended = await upslink(['access-keys', 'import', path.join(folder, 'good.csv')], env);
  expect([ended.code, ended.stdout]).toEqual([2, '']);
  expect(ended.stderr).toContain('--tenant');
});

it('reads what is no regular file as it comes', async () => {
  const pipe = path.join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const running = run(pipe);
  await writeFile(pipe, [REQUIRED_COLUMNS.join(','), line('Piped')].join('\n'));
  expect((await running).text).toBe('1 created, 0 unchanged, 0 failed');
  expect((await run('/dev/null')).message).toContain('The file is empty');
});

it('says that a file is no list of keys', async () => {
  const file = path.join(folder, 'other.csv');
  await writeFile(file, 'a,b\n1,2\n');
  const ended = await run(file);
  expect(ended).toMatchObject({ result: null, code: 'unreadable-file' });
  expect(ended.message).toContain('Cell 1 of the first line names no column');
});

/** The program, hearing the signal once some of the file is in. */
async function killedHalfway(file: string, signal: NodeJS.Signals, isIn: object): Promise<Ended> {
  const { child, ended } = startUpslink(['access-keys', 'import', file, '--tenant', 'acme', '--json'], env);
  const hasEnded = ended.then(() => true);
  const someIn = async () => (await db.accounts.countDocuments(isIn)) > 0;
  try {
    await Promise.race([until('some of it is in', someIn, PATIENCE_MS), hasEnded]);
  } finally {
    child.kill(signal);
  }
  return ended;
}

it('stopped in the middle says so, and ends with 1', async () => {
  const names = Array.from({ length: 250 }, (_, n) => `Stopped ${n}`);
  const file = await fileOf(
    'stopped.csv',
    names.map((name) => line(name)),
  );
  const isIn = { 'view.name': /^Stopped/ };
  const ended = await killedHalfway(file, 'SIGINT', isIn);
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
  const isIn = { 'view.name': /^Killed/ };
  await killedHalfway(file, 'SIGKILL', isIn);
  const before = await db.accounts.countDocuments(isIn);
  expect(before).toBeLessThan(names.length);
  expect((await run(file)).text).toBe(`${names.length - before} created, ${before} unchanged, 0 failed`);
});
