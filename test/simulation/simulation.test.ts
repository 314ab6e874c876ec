/** Simulates fixed seeds and some random ones; a failure names its seed. */

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

/** Together these seeds apply every event there is. */
it.each([2, 4, 9, 13, 23, 52])('seed %i ends without a violation', expectRight);

it('random seeds end without a violation', async () => {
  const first = randomInt(2 ** 31);
  for (let n = 0; n < 4; n++) await expectRight(first + n);
}, 60_000);

it('every public event was applied in these simulations', () => {
  const others = ['ACCESS_KEY_READ', 'CAMPAIGN_MIGRATE', 'DEADLINE_MOVED', 'EDIT', 'LINK_WITHDRAWN', 'UNUSE', 'USE'];
  expect([...result]).toEqual(expect.arrayContaining([...publicEvents, ...others]));
});

it('the same seed gives the same simulation, step by step', async () => {
  const [one, two] = [await simulate(7), await simulate(7)];
  expect([two.steps, two.trace]).toEqual([one.steps, one.trace]);
  expect((await simulate(8)).trace).not.toBe(one.trace);
});

it('accounts are created, steps are run and faults happen', async () => {
  const { accounts, faults, steps } = await simulate(3);
  expect(accounts).toBeGreaterThan(1);
  expect(steps).toBeGreaterThan(1_000);
  expect(Object.keys(faults).length).toBeGreaterThan(2);
});
