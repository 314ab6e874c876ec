/** What keeping idle accounts alive costs by the day, for those that were connected on one day: 120 days of pure timing. */

import { accountIdOf } from '../../src/hash';
import type { Facts } from '../../src/machines/context';
import { jitterOf } from '../../src/machines/definition';
import { refreshDueAt } from '../../src/machines/timing';
import { DAY, HOUR, T0 } from './accountBuilder';

const ACCOUNTS = 20_000;
const DAYS = 120;
const LIFE = 60 * DAY;

function keptAlive(id: string, begun: number): { days: number[]; longestMs: number } {
  const facts = { jitter: jitterOf(id), refreshPolicy: 'lazy' } as Facts;
  const days: number[] = [];
  let longestMs = 0;
  for (let issuedAt = begun; ;) {
    const pair = { grantId: 'g', generation: 1, issuedAt, accessExpiresAt: issuedAt + HOUR };
    const dueAt = refreshDueAt({ ...pair, refreshExpiresAt: issuedAt + LIFE }, facts);
    longestMs = Math.max(longestMs, dueAt - issuedAt);
    if (dueAt >= T0 + DAYS * DAY) return { days, longestMs };
    days.push(Math.floor((dueAt - T0) / DAY));
    issuedAt = dueAt;
  }
}

const lives = Array.from({ length: ACCOUNTS }, (_, n) =>
  keptAlive(accountIdOf('acme', `UPS ${n}`), T0 + (n % 24) * HOUR),
);
const perDay = Array.from({ length: DAYS }, () => 0);
for (const { days } of lives) for (const day of days) perDay[day] = (perDay[day] ?? 0) + 1;

it('no pair is left alone until the first notice of its end', () => {
  expect(Math.max(...lives.map(({ longestMs }) => longestMs))).toBeLessThan(42.5 * DAY);
});

it('the load is flat: no day has a fifth more than the mean, and none a fifth less', () => {
  const after = perDay.slice(1);
  const mean = after.reduce((total, one) => total + one, 0) / after.length;
  expect(mean).toBeGreaterThan((0.95 * ACCOUNTS) / 42);
  expect(Math.max(...after) / mean).toBeLessThan(1.2);
  expect(Math.min(...after) / mean).toBeGreaterThan(0.8);
});
