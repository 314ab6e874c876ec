/** What slow clients and clients without a known key can take from the others: over real sockets, on the whole service. */

import { makeBrowser } from '../support/browsing';
import { makeSlowClients, statusesOf } from '../support/slow';
import { until } from '../support/until';
import { openHouse, RETURN, type House } from './house';

let house: House;
let slow: ReturnType<typeof makeSlowClients>;
/** A connected account of each tenant. */
let ours: string;
let theirs: string;
/** Holds the reads of keys that this process has not seen. */
let holdKeys: (() => void) | null = null;

beforeAll(async () => {
  house = await openHouse('api-strangers');
  slow = makeSlowClients(house.publicUrl);
  ours = (await house.connected()).id;
  theirs = (await house.connected({}, house.keys.other)).id;
});
afterEach(async () => {
  holdKeys?.();
  holdKeys = null;
  slow.leave();
  await until('nobody holds anything', async () => (await held()) === 0);
  await house.control('DELETE', 'faults');
});
afterAll(() => house.release());

const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });
const junk = (n: number) => `upl_p_${String(n).padStart(43, 'x')}`;

/** The gauges of /metrics by name and labels. */
async function figures(name: string): Promise<Record<string, number>> {
  const { text } = await house.send('GET', '/metrics', { headers: bearer(house.keys.admin) });
  const line = new RegExp(`^${name}\\{[a-z]+="([^"]+)"\\} (\\d+)$`, 'gm');
  return Object.fromEntries([...text.matchAll(line)].map(([, label, value]) => [label, Number(value)]));
}

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((all, one) => all + one, 0);

async function held(): Promise<number> {
  const all = await Promise.all(
    ['upslink_http_places', 'upslink_http_bodies', 'upslink_http_lookups'].map((name) => figures(name)),
  );
  return all.reduce((total, counts) => total + sum(counts), 0);
}

/** Reads of keys wait until the test lets them go; those of keys that exist do not. */
async function holdReadsOfJunk(): Promise<{ waiting: () => number }> {
  const { apiKeys } = house.services.db;
  const real = new Set((await apiKeys.find().toArray()).map(({ _id }) => _id));
  const findOne = apiKeys.findOne.bind(apiKeys);
  let waiting = 0;
  const gate = new Promise<void>((resolve) => (holdKeys = resolve));
  const spy = jest.spyOn(apiKeys, 'findOne').mockImplementation((async (filter: { _id: string }): Promise<unknown> => {
    if (!real.has(filter._id)) {
      waiting += 1;
      await gate;
    }
    return findOne(filter);
  }) as never);
  const open = holdKeys;
  holdKeys = () => {
    open?.();
    spy.mockRestore();
  };
  return { waiting: () => waiting };
}

/** The way back from UPS of a merchant who has just allowed access. */
async function callback() {
  const { id } = await house.create();
  const { connectUrl } = await house.link(id);
  const browser = makeBrowser();
  const atLogin = await browser.submit(await browser.open(connectUrl), {});
  const atConsent = await browser.submit(atLogin, await house.profile('A1B2C3'));
  const { url } = await browser.submit(atConsent, { decision: 'allow' }, (to) => to.includes('/oauth/callback'));
  return { browser, url };
}

/** What everybody else asks for while it goes on: prepared before, asked during. */
async function prepareOthers() {
  const back = await callback();
  const { connectUrl } = await house.link((await house.create()).id);
  return async () => {
    const key = house.keys.other;
    const status = async (to: string) => (await house.call('GET', to, { key })).status;
    const answered = await back.browser.open(back.url, (to) => to.startsWith(RETURN));
    return {
      token: await status(`/accounts/${theirs}/token`),
      list: await status('/accounts'),
      created: (await house.call('POST', '/accounts', { key, body: { bad: 'body' } })).status,
      page: (await house.send('GET', connectUrl)).status,
      outcome: new URL(answered.url).searchParams.get('outcome'),
      ready: (await house.send('GET', '/readyz')).status,
    };
  };
}
const ALL_WELL = { token: 200, list: 200, created: 400, page: 200, outcome: 'connected', ready: 200 };

it('serves all others while 110 sign-ins are slow to send their form', async () => {
  const ask = await prepareOthers();
  const before = house.arrived();
  slow.startMany(110, () => ({
    path: '/sign-in',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Origin: house.publicUrl },
    begin: 'key=',
  }));
  await until('they have arrived', () => house.arrived() - before >= 110);
  expect(await ask()).toEqual(ALL_WELL);
});

it('serves all others while one key sends 110 files slowly', async () => {
  const ask = await prepareOthers();
  const before = house.arrived();
  slow.startMany(110, () => ({
    path: '/v1/access-keys/import',
    headers: { 'Content-Type': 'text/csv', ...bearer(house.keys.operator) },
    begin: 'name,',
  }));
  await until('they have arrived', () => house.arrived() - before >= 110);
  expect(await ask()).toEqual(ALL_WELL);
});

it('serves all others while 250 made-up keys are looked up, also a key it has not seen for a while', async () => {
  const ask = await prepareOthers();
  const gate = await holdReadsOfJunk();
  const before = house.arrived();
  slow.startMany(250, (n) => ({ method: 'GET', path: '/v1/accounts/acc_1/token', headers: bearer(junk(n)) }));
  await until('they have arrived', () => house.arrived() - before >= 250 && gate.waiting() > 0);
  house.pass(3_000);
  expect(await ask()).toEqual(ALL_WELL);
});

it('lets one key hold a quarter of the places at most, and tells it so', async () => {
  const ask = await prepareOthers();
  await house.control('POST', 'faults', { match: { path: '/security/v1/oauth/refresh' }, do: 'delay', ms: 15_000 });
  house.pass(35 * 60_000);
  const before = house.arrived();
  const clients = slow.startMany(200, () => ({
    method: 'GET',
    path: `/v1/accounts/${ours}/token?minTtl=1800`,
    headers: bearer(house.keys.platform),
  }));
  await until('they have arrived', () => house.arrived() - before >= 200);
  await until('those beyond a quarter were refused', () => (statusesOf(clients)['429'] ?? 0) >= 155);
  expect(await ask()).toMatchObject({ token: 200, list: 200, created: 400, ready: 200 });
  expect(await figures('upslink_http_places')).toMatchObject({ token: 45 });
});
