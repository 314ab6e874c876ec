import { makeStore } from '../../src/db/accounts';
import { connectDb, type Db } from '../../src/db/connection';
import { bury } from '../../src/db/erasure';
import { readEvents, readHistory } from '../../src/db/history';
import { countByState, listAccounts } from '../../src/db/queries';
import { silent } from '../db/testDb';
import { testDatabase } from '../support/servers';
import { makeStoredAccounts } from './storedAccounts';
import { json, upslink } from './upslink';

let db: Db;
let env: Record<string, string>;
let builder: ReturnType<typeof makeStoredAccounts>;
let made = 0;
const newId = () => `acc_${String(++made).padStart(26, 'a')}`;

beforeAll(async () => {
  const { url } = await testDatabase('cli_erase');
  env = { MONGODB_URL: url };
  db = await connectDb(url, { log: silent });
  await db.ensureIndexes();
  builder = makeStoredAccounts(db);
});
afterAll(() => db.close());

const erase = (id: string, ...more: string[]) =>
  upslink(['accounts', 'erase', id, '--tenant', 'acme', '--yes', ...more], env);

/** An account that lived and was deactivated, at seq 6. */
async function closed(): Promise<string> {
  const id = newId();
  await builder.create(id);
  await builder.authorize(id, 'verified');
  await builder.runtime.dispatch(id, { type: 'DEACTIVATE' }, { actor: 'key:test', eventId: 'closing' });
  await builder.settle();
  return id;
}

const leftOf = async (id: string) => ({
  rows: await db.history.countDocuments({ accountId: id }),
  events: await db.events.countDocuments({ accountId: id }),
  receipts: await db.receipts.countDocuments({ accountId: id }),
});

it('removes an inactive account and its history, except a receipt', async () => {
  const id = await closed();
  const done = await erase(id, '--json');
  expect(done.code).toBe(0);
  expect(json(done)).toMatchObject({ accountId: id, tenantId: 'acme', seq: 6, erasedBy: 'cli' });
  expect(await makeStore(db).load(id)).toBeNull();
  expect(await leftOf(id)).toEqual({ rows: 0, events: 0, receipts: 1 });
  const [tombstone, receipt] = [await db.accounts.findOne({ _id: id }), await db.receipts.findOne({ accountId: id })];
  expect(JSON.stringify([tombstone, receipt])).not.toMatch(/UPS East|A1B2C3|Dock/);
  expect((await listAccounts(db, { tenantId: 'acme', limit: 200 })).items.map((one) => one.id)).not.toContain(id);
  expect((await countByState(db, 'acme')).inactive).toBe(0);
});

it('refuses an account that is not closed, or is not there', async () => {
  const id = newId();
  await builder.create(id);
  const open = await erase(id);
  expect([open.code, open.stdout]).toEqual([1, '']);
  expect(open.stderr).toContain('deactivate it first');
  expect((await erase('acc_nobody')).stderr).toContain('no account');
  const foreign = await upslink(['accounts', 'erase', await closed(), '--tenant', 'other', '--yes'], env);
  expect(foreign.stderr).toContain('no account');
});

it('asks, and is not taken for granted where nobody can be asked', async () => {
  const id = await closed();
  const ended = await upslink(['accounts', 'erase', id, '--tenant', 'acme'], env);
  expect([ended.code, await makeStore(db).load(id)]).toEqual([2, expect.objectContaining({ id })]);
});

it('lets an account of that name begin behind the old one’s numbers', async () => {
  const id = await closed();
  await erase(id);
  const document = await builder.create(id);
  expect(document).toMatchObject({ seq: 7, firstSeq: 7, data: { settings: { seq: 7 } } });
  // The id of an event of the old account is new to this one.
  const verdict = await builder.runtime.dispatch(id, { type: 'DEACTIVATE' }, { actor: 'key:test', eventId: 'closing' });
  expect(verdict.verdict).toBe('applied');
  await builder.settle();
  const stored = await makeStore(db).load(id);
  const rows = stored ? await readHistory(db, stored, 0) : [];
  expect(rows.map(({ seq, event }) => [seq, event.type])).toEqual([
    [7, 'CREATE'],
    [8, 'DEACTIVATE'],
  ]);
  expect(stored && (await readEvents(db, stored, 0)).map(({ type }) => type)).toEqual([
    'account.created',
    'account.deactivated',
  ]);
  const replayed = await upslink(['accounts', 'replay', id, '--json'], env);
  expect(replayed.code).toBe(0);
  expect(await leftOf(id)).toMatchObject({ receipts: 1 });
});

it('interrupted behind its first write is finished by running it again, or by a new account of that name', async () => {
  const [again, anew] = [await closed(), await closed()];
  for (const id of [again, anew]) {
    const document = await makeStore(db).load(id);
    expect(document && (await bury(db, document, { by: 'cli', at: Date.now() }))).toBe(true);
    expect(await makeStore(db).load(id)).toBeNull();
    expect((await leftOf(id)).rows).toBe(6);
  }
  expect(json(await erase(again, '--json'))).toMatchObject({ seq: 6 });
  expect(await leftOf(again)).toEqual({ rows: 0, events: 0, receipts: 1 });
  await Promise.all([builder.create(anew), builder.create(anew)]);
  await builder.settle();
  expect(await leftOf(anew)).toEqual({ rows: 1, events: 1, receipts: 1 });
});

it('takes no row that somebody had in hand at the erasure for one of the new account', async () => {
  const id = await closed();
  const late = await db.history.findOne({ accountId: id, eventId: 'closing' });
  await erase(id);
  const document = await builder.create(id);
  await builder.settle();
  if (late) await db.history.insertOne(late);
  expect((await readHistory(db, document, 0)).map(({ seq }) => seq)).toEqual([7]);
  expect((await upslink(['accounts', 'replay', id, '--json'], env)).code).toBe(0);
  const verdict = await builder.runtime.dispatch(id, { type: 'DEACTIVATE' }, { actor: 'key:test', eventId: 'closing' });
  expect(verdict.verdict).toBe('applied');
});

it('loses a race with a write, and changes nothing then', async () => {
  const id = await closed();
  const document = await makeStore(db).load(id);
  await builder.runtime.dispatch(id, { type: 'REACTIVATE' }, { actor: 'key:test' });
  expect(document && (await bury(db, document, { by: 'cli', at: Date.now() }))).toBe(false);
  expect((await erase(id)).code).toBe(1);
});
