import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connectDb, type Db } from '../../../src/db/connection';
import type { StoredAccount } from '../../../src/db/schemas';
import { startSandbox, type RunningSandbox } from '../../../src/sandbox';
import { silent } from '../../db/testDb';
import { testDatabase, testRedis } from '../../support/servers';
import { asVariable, makeStoredAccounts, ring } from '../storedAccounts';
import { listenAnywhere, type Listening } from '../ports';
import { json, upslink } from '../upslink';

interface Check {
  name: string;
  status: string;
  detail: string;
  next: string | null;
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-cli-doctor-'));
let sandbox: RunningSandbox;
let service: Listening;
let db: Db;
let env: Record<string, string>;

beforeAll(async () => {
  service = await listenAnywhere();
  const publicUrl = `http://localhost:${service.port}`;
  const client = { clientId: 'doctors', clientSecret: 'hunter2' };
  sandbox = await startSandbox({ port: 0, dataDir: folder, publicUrl, ...client });
  const { url } = await testDatabase('cli_doctor');
  db = await connectDb(url, { log: silent });
  env = {
    MONGODB_URL: url,
    REDIS_URL: await testRedis(),
    PUBLIC_URL: publicUrl,
    UPS_BASE_URL: sandbox.url,
    UPS_CLIENT_ID: client.clientId,
    UPS_CLIENT_SECRET: client.clientSecret,
    ENCRYPTION_KEYS: asVariable(ring),
  };
});
afterAll(async () => {
  await db.close();
  await sandbox.stop();
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

async function doctor(changes: Record<string, string> = {}) {
  const ended = await upslink(['doctor', '--json'], { ...env, ...changes });
  const { ok, checks } = json(ended) as { ok: boolean; checks: Check[] };
  const named = (name: string) => checks.filter((check) => check.name === name);
  return { ...ended, ok, checks, named, failed: checks.filter(({ status }) => status === 'fail') };
}

it('finds fault with nothing when all is well, and says what is missing in a new database', async () => {
  const fresh = await doctor();
  expect(fresh).toMatchObject({ code: 0, ok: true, failed: [] });
  expect(fresh.named('left alone')).toMatchObject([{ status: 'warn', detail: 'not checked' }]);
  expect(fresh.named('indexes')).toMatchObject([{ status: 'warn', next: expect.stringContaining('serve') as string }]);

  await db.ensureIndexes();
  const builder = makeStoredAccounts(db);
  await builder.create('acc_doctor', 'acme');
  await builder.authorize('acc_doctor', 'verified');
  await builder.settle();
  const { code, checks, named } = await doctor();
  expect(code).toBe(0);
  for (const name of [
    'environment',
    'MongoDB write',
    'indexes',
    'left alone',
    'encryption keys',
    'second place',
    'UPS',
    'PUBLIC_URL',
    'clock',
  ])
    expect(named(name)).toMatchObject([{ name, status: 'ok', next: null }]);
  expect(named('encryption keys')[0]?.detail).toContain('2 stored samples');
  for (const { status, next } of checks) expect(status === 'ok' || next).toBeTruthy();
  expect(await db.leases.countDocuments({})).toBe(0);
  const { violations } = (await (await fetch(`${sandbox.url}/sandbox/ledger`)).json()) as { violations: unknown[] };
  expect(violations).toEqual([]);
});

it('counts accounts that a newer machine wrote, and fails for another one under our own number', async () => {
  const model = await db.accounts.findOne({ _id: 'acc_doctor' });
  if (!model) throw new Error('no model');
  const { snapshot, version, rev, seq } = model;
  const wroteIt = (machine: { version: number; shape: string }, n: number) => ({
    ...{ _id: `acc_wrote_${machine.version}_${n}`, tenantId: 'acme', rev, seq, snapshot, wakeAt: 1, ...machine },
  });
  await db.accounts.insertMany([
    ...[1, 2].map((n) => wroteIt({ version: version + 1, shape: 'next' }, n)),
    wroteIt({ version: version + 2, shape: 'after next' }, 1),
    wroteIt({ version: version - 1, shape: 'before' }, 1),
  ] as StoredAccount[]);
  const newer = await doctor();
  expect(newer).toMatchObject({ code: 0, ok: true });
  expect(newer.named('left alone')).toEqual([
    {
      name: 'left alone',
      status: 'warn',
      detail: `3 overdue accounts are of machine version ${version + 1} and ${version + 2}, newer than ours, ${version}`,
      next: expect.stringContaining('`upslink machine preview`') as string,
    },
  ]);

  const fine = wroteIt({ version, shape: model.shape ?? '' }, 2);
  await db.accounts.insertMany([wroteIt({ version, shape: 'changed' }, 1), fine] as StoredAccount[]);
  const other = await doctor();
  expect(other).toMatchObject({ code: 1, failed: [{ name: 'left alone' }] });
  expect(other.failed[0]?.detail).toMatch(
    /^3 overdue accounts .*; 1 overdue account is of a different machine that also has version \d+$/,
  );

  await db.accounts.deleteMany({ _id: { $regex: '^acc_wrote_' } });
  expect((await doctor()).named('left alone')).toMatchObject([{ status: 'ok' }]);
});

it('finds out that the ring lacks a key, or holds another under its name', async () => {
  const [missing, changed] = await Promise.all([
    doctor({ ENCRYPTION_KEYS: asVariable([{ id: 'k2', key: Buffer.alloc(32, 8) }]) }),
    doctor({ ENCRYPTION_KEYS: asVariable([{ id: 'k1', key: Buffer.alloc(32, 9) }]) }),
  ]);
  expect(missing).toMatchObject({ code: 1, ok: false, failed: [{ name: 'encryption keys' }] });
  expect(missing.failed[0]?.next).toContain("'k1'");
  expect(changed).toMatchObject({ code: 1, ok: false, failed: [{ name: 'encryption keys' }] });
});

it('opens access keys too: a ring that lacks theirs is wrong although nobody is connected by UPS', async () => {
  const kept = await db.accounts.find({}).toArray();
  await db.accounts.deleteMany({});
  const builder = makeStoredAccounts(db);
  await builder.withKey('acc_doctor_key');
  await builder.settle();
  const [right, wrong] = await Promise.all([
    doctor(),
    doctor({ ENCRYPTION_KEYS: asVariable([{ id: 'k2', key: Buffer.alloc(32, 8) }]) }),
  ]);
  expect(right.named('encryption keys')).toMatchObject([{ status: 'ok', detail: "open 1 stored samples; 'k1' seals" }]);
  expect(wrong.failed).toMatchObject([{ name: 'encryption keys', next: expect.stringContaining("'k1'") as string }]);
  await db.accounts.deleteMany({});
  await db.accounts.insertMany(kept);
});

it('warns of a SPOOL_DIR that cannot be used', async () => {
  const file = path.join(folder, 'a-file');
  writeFileSync(file, '');
  const { code, named } = await doctor({ SPOOL_DIR: path.join(file, 'spool') });
  expect(code).toBe(0);
  expect(named('second place')).toMatchObject([{ status: 'warn', detail: expect.stringContaining(file) as string }]);
});

it('looks at the rest although a variable is bad, and names each bad one', async () => {
  const { code, checks, named } = await doctor({ UPS_CLIENT_ID: '', PORT: 'http' });
  expect(code).toBe(1);
  expect(named('environment').map(({ detail }) => detail.split(' ')[0])).toEqual(['PORT', 'UPS_CLIENT_ID']);
  expect(named('UPS')).toMatchObject([{ status: 'warn', detail: 'not checked' }]);
  expect(named('encryption keys')).toMatchObject([{ status: 'ok' }]);
  expect(checks.some(({ detail }) => detail.includes('unused'))).toBe(false);
});

it('says where nothing answers and what to do, and gives no login away', async () => {
  const { code, failed, stdout, stderr } = await doctor({
    MONGODB_URL: 'mongodb://someone:hunter2@127.0.0.1:1/upslink',
    REDIS_URL: 'redis://someone:hunter2@127.0.0.1:1',
    UPS_BASE_URL: 'http://127.0.0.1:1',
  });
  expect(code).toBe(1);
  expect(failed.map(({ name }) => name)).toEqual(['MongoDB', 'Redis', 'UPS']);
  for (const { next } of failed) expect(next).not.toBeNull();
  expect(stdout + stderr).not.toContain('hunter2');
});

it('sees that UPS does not know the application', async () => {
  const { named } = await doctor({ UPS_CLIENT_ID: 'somebody-else' });
  expect(named('UPS')).toMatchObject([{ status: 'warn', next: expect.stringContaining('/oauth/callback') as string }]);
});

it('shows people a line a check, within 80 columns', async () => {
  const { code, stdout } = await upslink(['doctor'], env);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ok {4}environment /);
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});
