import type { Db } from '../../src/db/connection';
import { connectDb } from '../../src/db/connection';
import { silent } from '../db/opened';
import { testDatabase } from '../support/servers';
import { makeLives } from './accounts';
import { json, upslink } from './upslink';

let db: Db;
let env: Record<string, string>;
let made = 0;

beforeAll(async () => {
  const { url } = await testDatabase('cli_replay');
  env = { MONGODB_URL: url };
  db = await connectDb(url, { log: silent });
  await db.ensureIndexes();
});
afterAll(() => db.close());

const replay = (...args: string[]) => upslink(['accounts', 'replay', ...args], env);

async function connected(tenantId: string): Promise<string> {
  const id = `acc_replay${(made += 1)}`;
  const lives = makeLives(db);
  await lives.create(id, tenantId, `UPS ${made}`);
  await lives.authorize(id, 'verified');
  await lives.settle();
  return id;
}

const rowAt = (id: string, seq: number) => ({ accountId: id, seq });

it('finds every account as history says, one, a tenant or all of them', async () => {
  const [first, second] = [await connected('acme'), await connected('acme')];
  await connected('globex');
  const [one, tenant, all] = await Promise.all([
    replay(first, second, '--json'),
    replay('--tenant', 'globex', '--json'),
    replay('--all'),
  ]);
  expect(one.code).toBe(0);
  expect(json(one)).toEqual({ replayed: 2, same: 2, different: [] });
  expect(json(tenant)).toEqual({ replayed: 1, same: 1, different: [] });
  expect(all).toMatchObject({ code: 0, stdout: '3 replayed, 3 as stored, 0 different\n' });
});

it('reads what still waits in the outbox too', async () => {
  const lives = makeLives(db);
  await lives.create('acc_waiting', 'acme', 'Waiting');
  await lives.settle();
  const document = await lives.runtime.load('acc_waiting');
  const row = await db.history.findOne(rowAt('acc_waiting', 1));
  if (!row) throw new Error('no row');
  const { _id, tenantId: _t, accountId: _a, expireAt: _e, ...bare } = row;
  await db.history.deleteOne({ _id });
  await db.accounts.updateOne({ _id: document.id }, { $set: { outbox: [{ row: bare, checkpoint: null }] } });
  expect((await replay('acc_waiting')).code).toBe(0);
});

it('names the first seq of a row that was tampered with, and ends with 1', async () => {
  const [id, good] = [await connected('tampered'), await connected('tampered')];
  await db.history.updateOne(rowAt(id, 5), { $set: { 'event.output.kind': 'not-in-profile' } });
  const [told, plain] = await Promise.all([replay(id, good, '--json'), replay('--tenant', 'tampered')]);
  expect(told.code).toBe(1);
  expect(json(told)).toEqual({
    replayed: 2,
    same: 1,
    different: [{ id, tenantId: 'tampered', seq: 5, why: expect.stringContaining('disconnected') as string }],
  });
  expect(plain.code).toBe(1);
  expect(plain.stdout).toMatch(new RegExp(`^${id} +tampered +5$`, 'm'));
  expect(plain.stderr).toBe('');
});

it('names the row the machine itself fails with', async () => {
  const id = await connected('failing');
  await db.history.updateOne(rowAt(id, 2), { $set: { 'facts.consentTtlMs': 'soon' } });
  const told = await replay(id, '--json');
  expect(told.code).toBe(1);
  expect(json(told)).toMatchObject({ different: [{ id, seq: 2, why: expect.stringContaining('finite') as string }] });
});

it('finds a missing row, and a document that was changed behind the back of its history', async () => {
  const [gap, changed] = [await connected('gaps'), await connected('gaps')];
  await db.history.deleteOne(rowAt(gap, 3));
  await db.accounts.updateOne({ _id: changed }, { $set: { 'snapshot.context.failures': 7 } });
  const told = await replay(gap, changed, '--json');
  expect(json(told)).toMatchObject({
    same: 0,
    different: [
      { id: gap, seq: 3, why: 'seq 3 is missing' },
      { id: changed, seq: 5 },
    ],
  });
});

it('starts at the newest checkpoint', async () => {
  const lives = makeLives(db);
  const id = 'acc_checkpoint';
  await lives.create(id, 'old', 'Old');
  for (let n = 0; n < 70; n += 1) {
    await lives.runtime.dispatch(id, { type: 'DEACTIVATE' }, { actor: 'key:test' });
    await lives.runtime.dispatch(id, { type: 'REACTIVATE' }, { actor: 'key:test' });
  }
  await lives.settle();
  expect(await db.checkpoints.countDocuments({ accountId: id })).toBe(1);
  // What a checkpoint covers may have been forgotten.
  await db.history.deleteMany({ accountId: id, seq: { $lt: 100 } });
  expect((await replay(id)).code).toBe(0);
  await db.history.updateOne(rowAt(id, 135), { $set: { to: 'connected' } });
  expect(json(await replay(id, '--json'))).toMatchObject({ different: [{ seq: 135 }] });
});
