/** Grants do not lapse, and keep-alive refreshes are spread evenly over the days. */

import { simulateMonths } from './horizonRun';

const DAYS = 120;

it('120 days with eager and lazy accounts, all connected on one day: none lapses, and the load is flat', async () => {
  const months = await simulateMonths({ days: DAYS, eager: 2, lazy: 400 });
  expect(months.violations).toEqual([]);
  expect(months.unconnected).toBe(0);
  expect(months.told).toEqual({
    'account.created': 402,
    'account.authorization-started': 402,
    'account.connected': 402,
  });
  const [hourly, keptAlive] = [months.eager.slice(1), months.lazy.slice(1)];
  const mean = keptAlive.reduce((sum, one) => sum + one, 0) / keptAlive.length;
  expect(mean).toBeGreaterThan(400 / 45);
  // Only a few of the 400 fall on a day; test/machines/spread.test.ts checks the spread with 20,000.
  expect(Math.max(...keptAlive)).toBeLessThan(2.2 * mean);
  expect(Math.max(...hourly) / Math.min(...hourly)).toBeLessThan(1.1);
}, 900_000);
