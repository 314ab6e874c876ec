/** Simulates months with eager and lazy accounts connected on one day, and counts the refreshes of each day. */

import { grantOf, HOUR, withManyAccounts } from './manyAccounts';

const DAY = 24 * HOUR;
/** No faults happen, so checks for outages are rare, and a sweep that is minutes late changes no day. */
const PACE = { sweepMs: 15 * 60_000, pickUpMs: 5 * DAY, outagesMs: 5 * DAY };

export interface Months {
  /** Refresh tokens sent on each day, by policy. */
  eager: number[];
  lazy: number[];
  told: Record<string, number>;
  unconnected: number;
  violations: string[];
}

export interface MonthsOptions {
  days: number;
  eager: number;
  lazy: number;
  seed?: number;
  progress?: (day: number) => void;
}

export function simulateMonths({ days, eager, lazy, seed = 1, progress }: MonthsOptions): Promise<Months> {
  const isEager = (n: number): boolean => n < eager;
  const options = {
    ...{ accounts: eager + lazy, seed, arrivalMs: DAY, pace: PACE, lanes: 1, idleMs: 10 * 60_000 },
    policyOf: (n: number) => (isEager(n) ? ('eager' as const) : ('lazy' as const)),
  };
  return withManyAccounts(options, async (many) => {
    const { simulator, ups, infrastructure, ids, told, violations } = many;
    const from = simulator.now();
    for (let day = 0; day < days; day++) {
      progress?.(day);
      await simulator.runUntil(from + (day + 1) * DAY);
    }
    const perDay = (of: boolean): number[] => {
      const counts = Array.from({ length: days }, () => 0);
      ids.forEach((id, n) => {
        if (isEager(n) !== of) return;
        for (const { at } of ups.sendsOf(grantOf(many, id))) {
          const day = Math.floor((at - from) / DAY);
          counts[day] = (counts[day] ?? 0) + 1;
        }
      });
      return counts;
    };
    const unconnected = infrastructure.memory.documents().filter(({ view }) => view.state !== 'connected').length;
    return { eager: perDay(true), lazy: perDay(false), told, unconnected, violations: violations() };
  });
}
