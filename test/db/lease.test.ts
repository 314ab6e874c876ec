import type { Db } from '../../src/db/connection';
import { acquireLease, releaseLease } from '../../src/db/lease';
import { openDb } from './testDb';

let db: Db;
beforeAll(async () => {
  db = await openDb('lease');
});
afterAll(() => db.close());

const acquire = (holder: string, now: number, name = 'sweep') => acquireLease(db, { name, holder, now, ttlMs: 100 });

it('is one holder’s until it ends, and may be renewed by that one', async () => {
  expect(await acquire('a', 0)).toBe(true);
  expect(await acquire('b', 99)).toBe(false);
  expect(await acquire('a', 99)).toBe(true);
  expect(await acquire('b', 198)).toBe(false);
  expect(await acquire('b', 199)).toBe(true);
  expect(await acquire('a', 200)).toBe(false);
});

it('is free when its holder gives it back, and only then', async () => {
  expect(await acquire('a', 0, 'back')).toBe(true);
  await releaseLease(db, { name: 'back', holder: 'b' });
  expect(await acquire('b', 1, 'back')).toBe(false);
  await releaseLease(db, { name: 'back', holder: 'a' });
  expect(await acquire('b', 1, 'back')).toBe(true);
});

it('goes to one of many that ask at once', async () => {
  const holders = Array.from({ length: 8 }, (_, n) => `h${n}`);
  const got = await Promise.all(holders.map((holder) => acquire(holder, 0, 'race')));
  expect(got.filter(Boolean)).toHaveLength(1);
});
