/** What lies ahead of the grants: by API for each role, and by page for admins. */

import { loadOf } from '../../src/api/actions/forecast';
import type { ForecastJson } from '../../src/api/schemas/forecast';
import { makeBrowser } from '../support/browsing';
import { openHouse, type House, type ProblemJson } from './house';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let house: House;
beforeAll(async () => {
  house = await openHouse('forecast');
}, 60_000);
afterAll(() => house.release());

const ask = (key: string, query = '') => house.call<ForecastJson & ProblemJson>('GET', `/forecast${query}`, { key });

async function pageFor(key: string): Promise<string> {
  const browser = makeBrowser();
  await browser.submit(await browser.open(`${house.publicUrl}/sign-in`), { key });
  return (await browser.open(`${house.publicUrl}/forecast`)).html;
}

it('is empty, and says so, before an account holds a grant', async () => {
  const { status, body } = await ask(house.keys.reader);
  expect(status).toBe(200);
  expect(body.lapses).toMatchObject({ total: 0, nearest: [] });
  expect([body.lapses.perDay.length, body.refreshes.perHour.length, body.refreshes.perDay.length]).toEqual([
    61, 24, 60,
  ]);
  expect(await pageFor(house.keys.admin)).toContain('No account holds a grant of UPS yet');
});

it('counts a grant on the day it dies, and its refreshes; for its own tenant and for admins', async () => {
  const account = await house.connected();
  const { body } = await ask(house.keys.reader);
  expect(body.lapses.total).toBe(1);
  const diesOn = account.token?.refreshExpiresAt ?? '';
  expect(body.lapses.perDay.filter(({ grants }) => grants > 0)).toEqual([{ day: diesOn.slice(0, 10), grants: 1 }]);
  expect(body.lapses.nearest).toMatchObject([
    { id: account.id, token: 'fresh', refreshExpiresAt: diesOn, daysLeft: 60 },
  ]);
  // One account at 70 to 78 % of an hour.
  expect(body.refreshes.accounts).toBe(1);
  expect(body.refreshes.perDay.every(({ refreshes }) => refreshes >= 30 && refreshes <= 35)).toBe(true);

  expect((await ask(house.keys.admin)).body.lapses.total).toBe(1);
  expect((await ask(house.keys.admin, `?tenantId=${account.tenantId}`)).body.lapses.total).toBe(1);
  const page = await pageFor(house.keys.admin);
  expect(page).toContain('1 refresh token dies in the next 60 days');
  expect(page).toContain(`/accounts/${account.id}?tenantId=${account.tenantId}`);
});

it('the page is for admins only', async () => {
  expect(await pageFor(house.keys.reader)).not.toContain('Refreshes in the next');
});

describe('the load', () => {
  const hour0 = 1_800_000_000_000 - (1_800_000_000_000 % HOUR);

  it('of those that refresh all day is spread over it', () => {
    const load = loadOf([{ refreshOn: null, refreshEveryMs: HOUR / 2, count: 10 }], hour0);
    expect(new Set(load)).toEqual(new Set([20]));
    expect(load).toHaveLength(60 * 24);
  });

  it('of a keep-alive comes at its hour and again a period later; overdue ones are due now', () => {
    const load = loadOf(
      [
        { refreshOn: hour0 + 5 * DAY, refreshEveryMs: 42 * DAY, count: 3 },
        { refreshOn: hour0 - DAY, refreshEveryMs: 42 * DAY, count: 2 },
      ],
      hour0,
    );
    const at = load.flatMap((count, hour) => (count > 0 ? [[hour / 24, count]] : []));
    expect(at).toEqual([
      [0, 2],
      [5, 3],
      [42, 2],
      [47, 3],
    ]);
  });
});
