import { makeApiKeys } from '../../src/db/apiKeys';
import { connectDb, type Db } from '../../src/db/connection';
import { AT } from '../durable/samples';
import { testDatabase } from '../support/servers';
import { makeClock, silent } from './opened';

let db: Db;
let reads = 0;
const clock = makeClock(AT);
const keys = () => makeApiKeys(db, clock, 2_000);

beforeAll(async () => {
  const { url } = await testDatabase('apikeys');
  db = await connectDb(url, { log: silent, onCommand: ({ find }) => void (reads += find === 'apiKeys' ? 1 : 0) });
  await db.ensureIndexes();
});
/** The reads of keys that this took. */
async function readsOf(work: () => Promise<unknown>): Promise<number> {
  const before = reads;
  await work();
  return reads - before;
}
afterAll(() => db.close());

it('shows a new key once and keeps its hash only', async () => {
  const created = await keys().create({ tenantId: 'acme', role: 'operator' });
  expect(created).toMatchObject({ tenantId: 'acme', role: 'operator', createdAt: AT });
  expect(created.key).toMatch(/^upl_o_[\w-]{43}$/);
  const { key, ...known } = created;
  expect(await keys().findByKey(key)).toEqual(known);
  expect(await keys().findById(created.id)).toEqual(known);
  expect(await keys().findByKey(`${key}x`)).toBeNull();
  expect(JSON.stringify(await db.apiKeys.find().toArray())).not.toContain(key);
});

it('does not take a key for another whose id is the same', async () => {
  const { id, key } = await keys().create({ tenantId: 'acme', role: 'reader' });
  await db.apiKeys.updateOne({ _id: id }, { $set: { keyHash: 'f'.repeat(64) } });
  expect(await keys().findByKey(key)).toBeNull();
});

it('reads a key that was just seen from memory, and notices in 2 s that another process removed it', async () => {
  const [here, elsewhere] = [keys(), keys()];
  const { id, key } = await here.create({ tenantId: 'acme', role: 'platform' });
  expect(await here.findByKey(key)).not.toBeNull();
  expect(await elsewhere.remove({ tenantId: 'acme', id })).toBe(true);
  expect(await elsewhere.findByKey(key)).toBeNull();
  clock.pass(1_999);
  expect(await here.findByKey(key)).not.toBeNull();
  clock.pass(1);
  expect(await here.findByKey(key)).toBeNull();
});

it('removes a key within its tenant only, and everywhere for admins', async () => {
  const { id } = await keys().create({ tenantId: 'acme', role: 'reader' });
  expect(await keys().remove({ tenantId: 'globex', id })).toBe(false);
  expect(await keys().remove({ tenantId: null, id })).toBe(true);
  expect(await keys().remove({ tenantId: null, id })).toBe(false);
});

it('seeds a given key as often as one likes', async () => {
  const about = { tenantId: null, role: 'admin' as const, key: 'upl_a_given' };
  const [first, again] = await Promise.all([keys().ensure(about), keys().ensure(about)]);
  expect(again.id).toBe(first.id);
  expect(await keys().findByKey('upl_a_given')).toMatchObject({ id: first.id, role: 'admin', tenantId: null });
});

it('lists a tenant’s keys, or all', async () => {
  for (let n = 0; n < 3; n++) await keys().create({ tenantId: 'globex', role: 'reader' });
  const first = await keys().list({ tenantId: 'globex', limit: 2 });
  expect(first.items).toHaveLength(2);
  expect(first.items[0]).not.toHaveProperty('keyHash');
  const rest = await keys().list({ tenantId: 'globex', limit: 2, cursor: first.nextCursor ?? '' });
  expect(rest).toMatchObject({ items: [{ tenantId: 'globex' }], nextCursor: null });
  const all = await keys().list({ tenantId: null, limit: 200 });
  expect(new Set(all.items.map(({ tenantId }) => tenantId))).toEqual(new Set(['acme', 'globex', null]));
});

it('reads a key once for all who bring it at the same time, and a made-up one once in 2 s', async () => {
  const { key } = await keys().create({ tenantId: 'acme', role: 'reader' });
  const here = keys();
  const ask = (given: string, times: number) => Promise.all(Array.from({ length: times }, () => here.findByKey(given)));
  expect(await readsOf(() => ask(key, 20))).toBe(1);
  expect(await readsOf(() => ask('upl_p_junk', 20))).toBe(1);
  expect(await readsOf(() => ask('upl_p_junk', 20))).toBe(0);
  clock.pass(2_000);
  expect(await readsOf(() => ask('upl_p_junk', 20))).toBe(1);
});

it('takes a key that was refused a moment ago, as soon as it is made here, and in 2 s where it is made elsewhere', async () => {
  const [here, elsewhere] = [keys(), keys()];
  const about = { tenantId: null, role: 'admin' as const };
  expect([await here.findByKey('upl_a_mine'), await here.findByKey('upl_a_theirs')]).toEqual([null, null]);
  await here.ensure({ ...about, key: 'upl_a_mine' });
  await elsewhere.ensure({ ...about, key: 'upl_a_theirs' });
  expect(await here.findByKey('upl_a_mine')).not.toBeNull();
  clock.pass(2_000);
  expect(await here.findByKey('upl_a_theirs')).not.toBeNull();
});

it('knows which keys need no look-up among those of strangers', async () => {
  const { key } = await keys().create({ tenantId: 'acme', role: 'reader' });
  const here = keys();
  expect(here.knows(key)).toBe(false);
  await here.findByKey(key);
  await here.findByKey('upl_p_made-up');
  expect([here.knows(key), here.knows('upl_p_made-up')]).toEqual([true, true]);
  clock.pass(2_000);
  expect([here.knows(key), here.knows('upl_p_made-up')]).toEqual([true, false]);
});
