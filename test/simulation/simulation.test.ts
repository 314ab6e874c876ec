/** Worlds that every run lives through, and some that no run has seen: a failing one is named by its seed. */

import { randomInt } from 'node:crypto';
import { publicEvents } from '../../src/machines/events';
import { simulate } from './simulation';

const again = (seed: number): string => `npm run simulate -- --seed ${seed}`;

const result = new Set<string>();

async function expectRight(seed: number): Promise<void> {
  const { violations, applied } = await simulate(seed);
  for (const type of Object.keys(applied)) result.add(type);
  expect({ again: again(seed), violations }).toEqual({ again: again(seed), violations: [] });
}

/** Between them they take every event there is. */
it.each([2, 4, 9, 13, 23, 52])('world %i ends with everything right', expectRight);

it('worlds never seen before end with everything right', async () => {
  const first = randomInt(2 ** 31);
  for (let n = 0; n < 4; n++) await expectRight(first + n);
}, 60_000);

it('every event that comes from outside was taken in them', () => {
  const others = ['ACCESS_KEY_READ', 'CAMPAIGN_MIGRATE', 'DEADLINE_MOVED', 'EDIT', 'LINK_WITHDRAWN', 'UNUSE', 'USE'];
  expect([...result]).toEqual(expect.arrayContaining([...publicEvents, ...others]));
});

it('the same seed is the same world, step by step', async () => {
  const [one, two] = [await simulate(7), await simulate(7)];
  expect([two.steps, two.trace]).toEqual([one.steps, one.trace]);
  expect((await simulate(8)).trace).not.toBe(one.trace);
});

it('things happen in it: accounts are connected, refreshed, and processes end', async () => {
  const { accounts, faults, steps } = await simulate(3);
  expect(accounts).toBeGreaterThan(1);
  expect(steps).toBeGreaterThan(1_000);
  expect(Object.keys(faults).length).toBeGreaterThan(2);
});
