/** What lies ahead of the grants: by API for each role, and by page for admins. */

import { loadOf } from '../../src/api/actions/forecast';
import type { ForecastJson } from '../../src/api/schemas/forecast';
import { countRefreshes } from '../../src/db/forecast';
import type { StoredAccount } from '../../src/db/schemas';
import { makeBrowser } from '../support/merchantBrowser';
import { openTestApi, type TestApi, type ProblemJson } from './testApi';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi('forecast');
});
afterAll(() => api.release());

const ask = (key: string, query = '') => api.call<ForecastJson & ProblemJson>('GET', `/forecast${query}`, { key });

async function pageFor(key: string): Promise<string> {
  const browser = makeBrowser();
  await browser.submit(await browser.open(`${api.publicUrl}/sign-in`), { key });
  return (await browser.open(`${api.publicUrl}/forecast`)).html;
}

it('is empty, and says so, before an account holds a grant', async () => {
  const { status, body } = await ask(api.keys.reader);
  expect(status).toBe(200);
  expect(body).toMatchObject({ lapses: { total: 0, nearest: [] } });
  expect([body.lapses.perDay.length, body.refreshes.perHour.length, body.refreshes.perDay.length]).toEqual([
    61, 24, 60,
  ]);
  expect(await pageFor(api.keys.admin)).toContain('No account holds a grant of UPS yet');
});

it('counts a grant on the day it dies, and its refreshes; for its own tenant and for admins', async () => {
  const account = await api.connected();
  const { body } = await ask(api.keys.reader);
  expect(body.lapses.total).toBe(1);
  const diesOn = account.token?.refreshExpiresAt ?? '';
  expect(body.lapses.perDay.filter(({ grants }) => grants > 0)).toEqual([{ day: diesOn.slice(0, 10), grants: 1 }]);
  expect(body.lapses.nearest).toMatchObject([
    { id: account.id, token: 'fresh', refreshExpiresAt: diesOn, daysLeft: 60 },
  ]);
  // One account at 70 to 78 % of an hour.
  expect(body.refreshes.accounts).toBe(1);
  expect(body.refreshes.perDay.every(({ refreshes }) => refreshes >= 30 && refreshes <= 35)).toBe(true);

  expect((await ask(api.keys.admin)).body.lapses.total).toBe(1);
  expect((await ask(api.keys.admin, `?tenantId=${account.tenantId}`)).body.lapses.total).toBe(1);
  const page = await pageFor(api.keys.admin);
  expect(page).toContain('1 refresh token dies in the next 60 days');
  expect(page).toContain(`/accounts/${account.id}?tenantId=${account.tenantId}`);
});

it('grants of two tenants are counted for each of them apart, and for admins together', async () => {
  await api.connected();
  // A day later: theirs die on another day.
  api.pass(DAY);
  const { other } = api.keys;
  const theirs = [
    await api.connected({}, other),
    await api.connected({ refreshPolicy: 'lazy' }, other),
    await api.connected({ refreshPolicy: 'lazy' }, other),
  ];
  const mine = await api.services.db.accounts.find({ tenantId: 'acme' }).toArray();
  const seenWith = async (key: string, query?: string) => {
    const { lapses, refreshes } = (await ask(key, query)).body;
    return {
      total: lapses.total,
      days: lapses.perDay.filter(({ grants }) => grants > 0),
      nearest: lapses.nearest.map(({ id }) => id).sort(),
      accounts: refreshes.accounts,
      load: refreshes.perDay.map((day) => day.refreshes),
    };
  };
  const forMine = await seenWith(api.keys.reader);
  const forTheirs = await seenWith(other);
  const forAll = await seenWith(api.keys.admin);
  const idsOfMine = mine.map(({ _id }) => _id).sort();
  const idsOfTheirs = theirs.map(({ id }) => id).sort();
  expect(forMine).toMatchObject({ total: mine.length, accounts: mine.length, nearest: idsOfMine });
  expect(forTheirs).toMatchObject({ total: 3, accounts: 3, nearest: idsOfTheirs });
  expect(forAll).toMatchObject({ total: mine.length + 3, accounts: mine.length + 3 });
  expect(forAll.nearest).toEqual([...idsOfMine, ...idsOfTheirs].sort());
  expect(forAll.days).toEqual([...forMine.days, ...forTheirs.days]);
  expect(await seenWith(api.keys.admin, '?tenantId=acme')).toEqual(forMine);
  expect(await seenWith(api.keys.admin, '?tenantId=other')).toEqual(forTheirs);
});

/** What the forecast counts by, and nothing else of an account. */
async function storeIdle(count: number, viewOf: (n: number) => object): Promise<void> {
  const idle = Array.from({ length: count }, (_, n) => ({ _id: `acc_idle_${n}`, tenantId: 'idle', view: viewOf(n) }));
  await api.services.db.accounts.insertMany(idle as unknown as StoredAccount[]);
}
const forgetIdle = () => api.services.db.accounts.deleteMany({ tenantId: 'idle' });

it('keep-alives that are seconds more or less apart are one group, and none of them is left out', async () => {
  const [hour, day] = [1_800_000_000_000, 1_799_971_200_000];
  const about = { lapsesOn: day + 60 * DAY, refreshOn: hour };
  await storeIdle(60, (n) => ({ ...about, refreshEveryMs: 42 * DAY + (n - 30) * 1_000 }));
  expect(await countRefreshes(api.services.db, { tenantId: 'idle', from: 0 })).toEqual([
    { refreshOn: hour, refreshEveryMs: 42 * DAY, count: 60 },
  ]);
  await forgetIdle();
  // All day long: these are told apart by the second.
  await storeIdle(2, (n) => ({ ...about, refreshOn: null, refreshEveryMs: HOUR / 2 + n * 1_000 }));
  expect(await countRefreshes(api.services.db, { tenantId: 'idle', from: 0 })).toHaveLength(2);
  await forgetIdle();
});

it('a grant that died before today is in no count, one that dies today is in both', async () => {
  const { id } = await api.connected();
  const counts = async () => {
    const { at, lapses, refreshes } = (await ask(api.keys.reader)).body;
    return { at, counted: [lapses.total, refreshes.accounts] };
  };
  const { at, counted } = await counts();
  const today = Date.parse(`${at.slice(0, 10)}T00:00:00.000Z`);
  const diesOn = (day: number) => api.services.db.accounts.updateOne({ _id: id }, { $set: { 'view.lapsesOn': day } });
  await diesOn(today);
  expect((await counts()).counted).toEqual(counted);
  await diesOn(today - DAY);
  expect((await counts()).counted).toEqual(counted.map((count) => count - 1));
});

it('the page is for admins only', async () => {
  expect(await pageFor(api.keys.reader)).not.toContain('Refreshes in the next');
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
