import { replayOne, runReplay } from '../../src/cli/accounts/replay';
import type { Output } from '../../src/cli/output';
import { makeStore } from '../../src/db/accounts';
import type { Db } from '../../src/db/connection';
import { connectDb } from '../../src/db/connection';
import type { StoredCheckpoint } from '../../src/db/schemas';
import { ensureTenant, type Tenant } from '../../src/db/tenants';
import { MACHINE_VERSION } from '../../src/machines/account';
import { silent } from '../db/testDb';
import { testDatabase } from '../support/servers';
import { makeStoredAccounts } from './storedAccounts';
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
  const builder = makeStoredAccounts(db);
  await ensureTenant(db, { ...sampleTenant, id: tenantId });
  await builder.create(id, tenantId, `UPS ${made}`);
  await builder.authorize(id, 'verified');
  await builder.settle();
  return id;
}

const sampleTenant = {
  name: 'Acme',
  returnOrigins: [],
  refreshPolicy: 'eager',
  accessKeyDeadline: null,
  createdAt: 0,
} satisfies Omit<Tenant, 'id'>;

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
  expect(json(one)).toEqual({ replayed: 2, same: 2, older: 0, different: [] });
  expect(json(tenant)).toEqual({ replayed: 1, same: 1, older: 0, different: [] });
  expect(all).toMatchObject({ code: 0, stdout: '3 replayed, 3 as stored, 0 different\n' });
});

it('reads what still waits in the outbox too', async () => {
  const builder = makeStoredAccounts(db);
  await builder.create('acc_waiting', 'acme', 'Waiting');
  await builder.settle();
  const document = await builder.runtime.load('acc_waiting');
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
    older: 0,
    different: [{ id, tenantId: 'tampered', seq: 5, why: expect.stringContaining('disconnected') as string }],
  });
  expect(plain.code).toBe(1);
  expect(plain.stdout).toMatch(new RegExp(`^${id} +tampered +5$`, 'm'));
  expect(plain.stderr).toBe('');
});

it('compares where each row says the account came from, the first one too', async () => {
  const [id, begun] = [await connected('origins'), await connected('origins')];
  await db.history.updateOne(rowAt(id, 4), { $set: { from: 'connected' } });
  await db.history.updateOne(rowAt(begun, 1), { $set: { from: 'inactive' } });
  expect(json(await replay(id, begun, '--json'))).toMatchObject({
    different: [
      {
        ...{ id, seq: 4 },
        why: 'the machine stands in pending-authorization, history says xstate.done.actor.exchange came from connected',
      },
      { id: begun, seq: 1, why: 'the account begins here, history says CREATE came from inactive' },
    ],
  });
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

it('names all that are not there before it replays any, and a tenant that is not', async () => {
  const [first, second] = [await connected('acme'), await connected('globex')];
  const [told, foreign, tenant] = await Promise.all([
    replay(first, 'acc_nope', second, 'acc_none'),
    replay(first, second, '--tenant', 'acme'),
    replay('--tenant', 'nobody', '--json'),
  ]);
  expect(told).toMatchObject({ code: 1, stdout: '' });
  expect(told.stderr).toContain('There is no account acc_nope, acc_none: ');
  expect(foreign).toMatchObject({ code: 1, stdout: '' });
  expect(foreign.stderr).toContain(`There is no account ${second} in tenant acme`);
  expect(tenant).toMatchObject({ code: 1, stdout: '' });
  expect(tenant.stderr).toContain('There is no tenant nobody');
});

it.each([
  ['an older one without its context', { version: MACHINE_VERSION - 1, 'snapshot.context': null }, 'snapshot.context'],
  ['one without its snapshot', { snapshot: null }, 'snapshot'],
  ['one whose outbox is gone', { outbox: null }, 'outbox'],
] as const)('reports a damaged account and goes on with the others: %s', async (name, damage, part) => {
  const tenant = `damaged ${name}`;
  const ids = [await connected(tenant), await connected(tenant), await connected(tenant)];
  const [, id = ''] = ids;
  await db.accounts.updateOne({ _id: id }, { $set: damage } as object);
  const told = await replay(...ids, '--json');
  expect(told.code).toBe(1);
  expect(json(told)).toEqual({
    ...{ replayed: 3, same: 2, older: 0 },
    different: [{ id, tenantId: tenant, seq: 5, why: `the stored account is damaged: ${part} is missing` }],
  });
  expect(json(await replay('--all', '--json'))).toMatchObject({
    different: expect.arrayContaining([expect.objectContaining({ id })]) as unknown,
  });
});

it('reports a checkpoint that is damaged and goes on with the others', async () => {
  const [id, good] = [await connected('half'), await connected('half')];
  const checkpoint = { seq: 3, at: 0, version: MACHINE_VERSION, snapshot: null, timers: [], invocations: [] };
  const at = { _id: `${id}:0000000003`, accountId: id, tenantId: 'half', expireAt: null };
  await db.checkpoints.insertOne({ ...checkpoint, ...at } as unknown as StoredCheckpoint);
  expect(json(await replay(id, good, '--json'))).toMatchObject({ same: 1, different: [{ id, seq: 4 }] });
});

/** An account of 141 rows, which are two pages, and a checkpoint at 129. */
async function longLived(id: string): Promise<void> {
  const builder = makeStoredAccounts(db);
  await builder.create(id, 'old', 'Old');
  for (let n = 0; n < 70; n += 1) {
    await builder.runtime.dispatch(id, { type: 'DEACTIVATE' }, { actor: 'key:test' });
    await builder.runtime.dispatch(id, { type: 'REACTIVATE' }, { actor: 'key:test' });
  }
  await builder.settle();
}

it('starts at the newest checkpoint', async () => {
  const id = 'acc_checkpoint';
  await longLived(id);
  expect(await db.checkpoints.countDocuments({ accountId: id })).toBe(1);
  // What a checkpoint covers may have been forgotten.
  await db.history.deleteMany({ accountId: id, seq: { $lt: 100 } });
  expect((await replay(id)).code).toBe(0);
  await db.history.updateOne(rowAt(id, 135), { $set: { to: 'connected' } });
  expect(json(await replay(id, '--json'))).toMatchObject({ different: [{ seq: 135 }] });
});

it('leaves an account to the version that wrote it last, and counts it', async () => {
  const [old, good] = [await connected('older'), await connected('older')];
  await db.accounts.updateOne({ _id: old }, { $set: { version: MACHINE_VERSION - 1 } });
  const [told, plain] = await Promise.all([replay(old, good, '--json'), replay(old, good)]);
  expect(told.code).toBe(0);
  expect(json(told)).toEqual({ replayed: 2, same: 1, older: 1, different: [] });
  expect(plain.stdout).toBe(
    '2 replayed, 1 as stored, 0 different, 1 written by an older version: replay them with that version\n',
  );
});

it('reads a page of rows at a time, and none behind the first difference', async () => {
  const id = 'acc_pages';
  await longLived(id);
  await db.checkpoints.deleteMany({ accountId: id });
  let pages = 0;
  const watched = await connectDb(env['MONGODB_URL'] ?? '', {
    log: silent,
    onCommand: (command) => void (pages += command['find'] === 'history' ? 1 : 0),
  });
  try {
    const document = await makeStore(watched).load(id);
    if (!document) throw new Error('no account');
    const replayed = async () => {
      pages = 0;
      return replayOne(watched, document);
    };
    expect([await replayed(), pages]).toEqual([{ same: true, seq: 141 }, 2]);
    await db.history.updateOne(rowAt(id, 120), { $set: { to: 'connected' } });
    expect([await replayed(), pages]).toMatchObject([{ same: false, seq: 120 }, 2]);
    await db.history.updateOne(rowAt(id, 7), { $set: { to: 'connected' } });
    expect([await replayed(), pages]).toMatchObject([{ same: false, seq: 7 }, 1]);
  } finally {
    await watched.close();
  }
});

describe('a long run', () => {
  /** Every look at the clock is a second later. */
  async function remarksOf(ids: string[], options: { all?: true; tenant?: string }): Promise<string[]> {
    const remarks: string[] = [];
    const out: Output = {
      width: 80,
      result: () => undefined,
      head: () => undefined,
      row: () => undefined,
      remark: (text) => remarks.push(text),
      remarkInPlace: () => undefined,
    };
    let now = 0;
    await runReplay(env, out, ids, options, { isTerminal: false, now: () => (now += 1_000) });
    return remarks.map((text) => text.replace(/^[█░]+ /, '').replace(/, about.*/, ''));
  }

  it('says how many accounts are replayed, and of how many', async () => {
    const ids = [await connected('long'), await connected('long'), await connected('long'), await connected('long')];
    expect(await remarksOf([], { tenant: 'long' })).toEqual(['50 %, 2 of 4 accounts, 1 a second']);
    expect(await remarksOf(ids.slice(1), {})).toEqual(['67 %, 2 of 3 accounts, 1 a second']);
  });

  it('knows about how many there are of all tenants', async () => {
    await db.accounts.deleteMany({ tenantId: { $ne: 'long' } });
    expect(await remarksOf([], { all: true })).toEqual(['50 %, 2 of about 4 accounts, 1 a second']);
  });
});
