import { makeApiKeys, type ApiKey, type Found } from '../../src/db/apiKeys';
import { KEYS_MAX, TooManyKeys } from '../../src/db/keyPlaces';
import { namesOfActors } from '../../src/db/keyNames';
import { connectDb, type Db } from '../../src/db/connection';
import { AT } from '../durable/samples';
import { until } from '../support/until';
import { testDatabase } from '../support/servers';
import { makeClock, silent } from './testDb';

let db: Db;
let reads = 0;
const clock = makeClock(AT);
const BY = { createdBy: 'cli' };
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
  const created = await keys().create({ tenantId: 'acme', role: 'operator', ...BY });
  expect(created).toMatchObject({ tenantId: 'acme', role: 'operator', createdAt: AT });
  expect(created.key).toMatch(/^upl_o_[\w-]{43}$/);
  const { key, lastUsedOn: _, ...known } = created;
  expect(await keys().findByKey(key)).toMatchObject(known);
  expect(await keys().findById(created.id)).toMatchObject(known);
  expect(await keys().findByKey(`${key}x`)).toBeNull();
  expect(JSON.stringify(await db.apiKeys.find().toArray())).not.toContain(key);
});

it('does not take a key for another whose id is the same', async () => {
  const { id, key } = await keys().create({ tenantId: 'acme', role: 'reader', ...BY });
  await db.apiKeys.updateOne({ _id: id }, { $set: { keyHash: 'f'.repeat(64) } });
  expect(await keys().findByKey(key)).toBeNull();
});

it('reads a key that was just seen from memory, and notices in 2 s that another process removed it', async () => {
  const [here, elsewhere] = [keys(), keys()];
  const { id, key } = await here.create({ tenantId: 'acme', role: 'platform', ...BY });
  expect(await here.findByKey(key)).not.toBeNull();
  expect(await elsewhere.remove({ tenantId: 'acme', id, by: 'cli' })).toBe(true);
  expect(await elsewhere.findByKey(key)).toBeNull();
  clock.pass(1_999);
  expect(await here.findByKey(key)).not.toBeNull();
  clock.pass(1);
  expect(await here.findByKey(key)).toBeNull();
});

it('removes a key within its tenant only, and everywhere for admins', async () => {
  const { id } = await keys().create({ tenantId: 'acme', role: 'reader', ...BY });
  expect(await keys().remove({ tenantId: 'globex', id, by: 'cli' })).toBe(false);
  expect(await keys().remove({ tenantId: null, id, by: 'cli' })).toBe(true);
  expect(await keys().remove({ tenantId: null, id, by: 'cli' })).toBe(false);
});

it('seeds a given key as often as one likes', async () => {
  const about = { tenantId: null, role: 'admin' as const, key: 'upl_a_given', createdBy: 'setup' };
  const [first, again] = await Promise.all([keys().ensure(about), keys().ensure(about)]);
  expect(again?.id).toBe(first?.id);
  expect(await keys().findByKey('upl_a_given')).toMatchObject({ id: first?.id, role: 'admin', tenantId: null });
});

it('lists a tenant’s keys, or all', async () => {
  for (let n = 0; n < 3; n++) await keys().create({ tenantId: 'globex', role: 'reader', ...BY });
  const first = await keys().list({ tenantId: 'globex', limit: 2 });
  expect(first.items).toHaveLength(2);
  expect(first.items[0]).not.toHaveProperty('keyHash');
  const rest = await keys().list({ tenantId: 'globex', limit: 2, cursor: first.nextCursor ?? '' });
  expect(rest).toMatchObject({ items: [{ tenantId: 'globex' }], nextCursor: null });
  const all = await keys().list({ tenantId: null, limit: 200 });
  expect(new Set(all.items.map(({ tenantId }) => tenantId))).toEqual(new Set(['acme', 'globex', null]));
});

const DAY = 86_400_000;
const storedOf = (id: string) => db.apiKeys.findOne({ _id: id });

describe('an expiring key', () => {
  it('is refused from its instant on, also where it is remembered and by its id', async () => {
    const here = keys();
    const { id, key } = await here.create({ tenantId: 'acme', role: 'reader', ...BY, expiresAt: clock.now() + 1_000 });
    expect(await here.findByKey(key)).toMatchObject({ id, expiresAt: clock.now() + 1_000 });
    clock.pass(999);
    expect(await here.findByKey(key)).toMatchObject({ id });
    clock.pass(1);
    const refused: Found[] = [await here.findByKey(key), await here.findById(id), await keys().findByKey(key)];
    expect(refused).toEqual(['expired', 'expired', 'expired']);
    // To a wrong key that begins alike nothing is told.
    expect(await here.findByKey(`${key}x`)).toBeNull();
  });

  it('keeps its place until it is deleted', async () => {
    const here = keys();
    const { id } = await here.create({ tenantId: 'full-1', role: 'reader', ...BY, expiresAt: clock.now() + 1 });
    for (let n = 1; n < KEYS_MAX; n++) await here.create({ tenantId: 'full-1', role: 'reader', ...BY });
    clock.pass(1);
    await expect(here.create({ tenantId: 'full-1', role: 'reader', ...BY })).rejects.toThrow(TooManyKeys);
    expect(await here.remove({ tenantId: 'full-1', id, by: 'cli' })).toBe(true);
    await here.create({ tenantId: 'full-1', role: 'reader', ...BY });
    await expect(here.create({ tenantId: 'full-1', role: 'reader', ...BY })).rejects.toThrow(TooManyKeys);
  });
});

it('makes no key beyond the bound, however many are made at once by several processes', async () => {
  const tenantId = 'full-2';
  const makers = Array.from({ length: 3 }, () => keys());
  const tries = await Promise.allSettled(
    makers.flatMap((maker) => Array.from({ length: 40 }, () => maker.create({ tenantId, role: 'reader', ...BY }))),
  );
  expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(KEYS_MAX);
  for (const one of tries) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(TooManyKeys);
  expect((await keys().list({ tenantId, limit: 200 })).items).toHaveLength(KEYS_MAX);
  // Another tenant, and the installation, have places of their own.
  await keys().create({ tenantId: 'empty', role: 'reader', ...BY });
  await keys().create({ tenantId: null, role: 'admin', ...BY });
});

it('stores the event of a new key with the key, for whoever relays it later, and keeps it when the key is deleted', async () => {
  const about = {
    tenantId: 'acme',
    role: 'platform' as const,
    name: 'Checkout',
    createdBy: 'key:key_1',
    expiresAt: null,
  };
  const { id } = await keys().create(about);
  await keys().remove({ tenantId: 'acme', id, by: 'cli' });
  const data = { keyId: id, role: 'platform', name: 'Checkout', createdBy: 'key:key_1', expiresAt: null };
  expect(await storedOf(id)).toMatchObject({
    ...{ tenantId: 'acme', deletedBy: 'cli', deletedAt: clock.now() },
    outbox: [{ id: `${id}:created`, type: 'api-key.created', at: clock.now(), data }],
  });
});

describe('the day of the last use', () => {
  /** The api as it is, with a count of the writes to keys. */
  function counted() {
    let writes = 0;
    const apiKeys = Object.create(db.apiKeys) as Db['apiKeys'];
    apiKeys.updateOne = (...args: Parameters<Db['apiKeys']['updateOne']>) => {
      writes += 1;
      return db.apiKeys.updateOne(...args);
    };
    return { keys: makeApiKeys({ ...db, apiKeys }, clock, 2_000), writes: () => writes };
  }

  it('is written once a day by a process, and not at all where another one has done so', async () => {
    const [here, elsewhere] = [counted(), counted()];
    const { id, key, lastUsedOn } = await here.keys.create({ tenantId: 'acme', role: 'platform', ...BY });
    expect(lastUsedOn).toBeNull();
    const today = clock.now() - (clock.now() % DAY);
    await Promise.all(Array.from({ length: 500 }, () => here.keys.findByKey(key)));
    await until('the use is noted', async () => (await storedOf(id))?.lastUsedOn === today);
    await elsewhere.keys.findByKey(key);
    clock.pass(3_000);
    await here.keys.findByKey(key);
    await here.keys.findById(id);
    expect([here.writes(), elsewhere.writes()]).toEqual([1, 0]);

    clock.pass(DAY);
    await Promise.all([here.keys.findByKey(key), elsewhere.keys.findById(id)]);
    await until('the next day is noted', async () => (await storedOf(id))?.lastUsedOn === today + DAY);
    await Promise.all([here.keys.findByKey(key), elsewhere.keys.findByKey(key)]);
    expect(here.writes()).toBeLessThanOrEqual(2);
    expect(elsewhere.writes()).toBeLessThanOrEqual(1);
  });

  it('fails no request and waits for none; a write that failed is tried again a minute later', async () => {
    const { id, key } = await keys().create({ tenantId: 'acme', role: 'platform', ...BY });
    let answer: (() => void) | null = null;
    let writes = 0;
    const apiKeys = Object.create(db.apiKeys) as Db['apiKeys'];
    apiKeys.updateOne = () => {
      writes += 1;
      return new Promise((_, reject) => (answer = () => reject(new Error('The store is away, as the test asked.'))));
    };
    const here = makeApiKeys({ ...db, apiKeys }, clock, 2_000);
    expect(await here.findByKey(key)).toMatchObject({ id });
    expect(await here.findByKey(key)).toMatchObject({ id });
    (answer as (() => void) | null)?.();
    await new Promise((resolve) => setImmediate(resolve));
    clock.pass(59_000);
    await here.findByKey(key);
    expect(writes).toBe(1);
    clock.pass(1_000);
    await here.findByKey(key);
    expect(writes).toBe(2);
  });

  it('is not noted for a key that has expired', async () => {
    const { id, key } = await keys().create({ tenantId: 'acme', role: 'reader', ...BY, expiresAt: clock.now() + 1 });
    clock.pass(1);
    const here = counted();
    await here.keys.findByKey(key);
    expect(here.writes()).toBe(0);
    expect((await storedOf(id))?.lastUsedOn).toBeUndefined();
  });
});

it('names who acted, deleted keys too, and none of another tenant', async () => {
  const made: Record<string, ApiKey> = {};
  for (const [name, tenantId] of [
    ['Mine', 'acme'],
    ['Theirs', 'globex'],
    ['Ours', null],
  ] as const)
    made[name] = await keys().create({ tenantId, role: tenantId === null ? 'admin' : 'reader', name, ...BY });
  await keys().remove({ tenantId: 'acme', id: made['Mine']?.id ?? '', by: 'cli' });
  const unnamed = await keys().create({ tenantId: 'acme', role: 'reader', ...BY });
  const actors = [...Object.values(made), unnamed].map(({ id }) => `key:${id}`);
  const names = await namesOfActors(db, [...actors, 'machine', 'merchant', 'cli', 'key:test'], 'acme');
  expect([...names.values()].sort()).toEqual(['Mine', 'Ours']);
  expect((await namesOfActors(db, actors, null)).size).toBe(3);
});

it('does not revive a given key that was deleted', async () => {
  const about = { tenantId: 'acme', role: 'reader' as const, key: 'upl_r_given-and-deleted', createdBy: 'setup' };
  const made = await keys().ensure(about);
  await keys().remove({ tenantId: 'acme', id: made?.id ?? '', by: 'cli' });
  expect(await keys().ensure(about)).toBeNull();
  expect(await keys().findByKey(about.key)).toBeNull();
});

it('forgets at once a key that is deleted while it is read', async () => {
  const { id, key } = await keys().create({ tenantId: 'acme', role: 'reader', ...BY });
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const apiKeys = Object.create(db.apiKeys) as Db['apiKeys'];
  let isRead = false;
  apiKeys.findOne = (async (filter: object) => {
    const found = await db.apiKeys.findOne(filter);
    isRead = true;
    await held;
    return found;
  }) as Db['apiKeys']['findOne'];
  const here = makeApiKeys({ ...db, apiKeys }, clock, 2_000);
  const reading = here.findByKey(key);
  await until('the store has answered', () => isRead);
  await here.remove({ tenantId: 'acme', id, by: 'cli' });
  goOn();
  await reading;
  expect(await here.findByKey(key)).toBeNull();
});

it('reads a key once for all who bring it at the same time, and a made-up one once in 2 s', async () => {
  const { key } = await keys().create({ tenantId: 'acme', role: 'reader', ...BY });
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
  const about = { tenantId: null, role: 'admin' as const, ...BY };
  expect([await here.findByKey('upl_a_mine'), await here.findByKey('upl_a_theirs')]).toEqual([null, null]);
  await here.ensure({ ...about, key: 'upl_a_mine' });
  await elsewhere.ensure({ ...about, key: 'upl_a_theirs' });
  expect(await here.findByKey('upl_a_mine')).not.toBeNull();
  clock.pass(2_000);
  expect(await here.findByKey('upl_a_theirs')).not.toBeNull();
});

it('knows which keys need no look-up among those of strangers', async () => {
  const { key } = await keys().create({ tenantId: 'acme', role: 'reader', ...BY });
  const here = keys();
  expect(here.knows(key)).toBe(false);
  await here.findByKey(key);
  await here.findByKey('upl_p_made-up');
  expect([here.knows(key), here.knows('upl_p_made-up')]).toEqual([true, true]);
  clock.pass(2_000);
  expect([here.knows(key), here.knows('upl_p_made-up')]).toEqual([true, false]);
});
