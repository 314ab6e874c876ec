/** What slow clients and clients without a known key can take from the others: over real sockets, on the whole service. */

import { hashKey } from '../../src/db/apiKeys';
import { createSession } from '../../src/db/sessions';
import { sha256 } from '../../src/hash';
import { linkCookieName } from '../../src/linkCookies';
import { sessionCookieName } from '../../src/api/session';
import { makeBrowser } from '../support/merchantBrowser';
import { makeSlowClients, statusesOf, type SlowRequest } from '../support/slowClients';
import { until } from '../support/until';
import { openTestApi, RETURN, type TestApi } from './testApi';

let api: TestApi;
let slow: ReturnType<typeof makeSlowClients>;
// The machine may be as busy as it likes.
jest.setTimeout(180_000);

/** A connected account of each tenant. */
let ours: string;
let theirs: string;
/** Lets go what a test holds up in the store. */
let release: (() => void) | null = null;

beforeAll(async () => {
  api = await openTestApi('api-strangers', { trustedProxies: ['127.0.0.1', '::1'] });
  slow = makeSlowClients(api.publicUrl);
  ours = (await api.connected()).id;
  theirs = (await api.connected({}, api.keys.other)).id;
});
afterEach(async () => {
  release?.();
  release = null;
  slow.leave();
  await until('nobody holds anything', async () => (await held()) === 0);
});
afterAll(() => api.release());

const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });
const junk = (n: number) => `upl_p_${String(n).padStart(43, 'x')}`;

/** The gauges of /metrics by name and labels. */
async function figures(name: string): Promise<Record<string, number>> {
  const { text } = await api.send('GET', '/metrics', { headers: bearer(api.keys.admin) });
  const line = new RegExp(`^${name}\\{[a-z]+="([^"]+)"\\} (\\d+)$`, 'gm');
  const pairs = [...text.matchAll(line)].map(([, label, value]): [string, number] => [label ?? '', Number(value)]);
  return Object.fromEntries(pairs);
}

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((all, one) => all + one, 0);

async function held(): Promise<number> {
  const all = await Promise.all(
    ['upslink_http_places', 'upslink_http_bodies', 'upslink_http_lookups'].map((name) => figures(name)),
  );
  return all.reduce((total, counts) => total + sum(counts), 0);
}

/** Reads of keys wait until the test lets them go; those of keys that exist do not. */
async function holdReadsOfJunk() {
  const { apiKeys } = api.services.db;
  const real = new Set((await apiKeys.find().toArray()).map(({ _id }) => _id));
  const findOne = apiKeys.findOne.bind(apiKeys);
  let waiting = 0;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const spy = jest.spyOn(apiKeys, 'findOne').mockImplementation((async (filter: { _id: string }): Promise<unknown> => {
    if (!real.has(filter._id)) {
      waiting += 1;
      await gate;
    }
    return findOne(filter);
  }) as never);
  const open = release;
  release = () => {
    open?.();
    spy.mockRestore();
  };
  return { waiting: () => waiting, letIn: (id: string) => void real.add(id) };
}

/** Loads of these accounts wait until the test lets them go. */
function holdLoads(how: 'load' | 'look', isHeld: (id: string) => boolean): { waiting: () => number } {
  const { runtime } = api.services;
  const load = runtime[how].bind(runtime);
  let waiting = 0;
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const spy = jest.spyOn(runtime, how).mockImplementation(async (id: string, tenantId?: string) => {
    if (isHeld(id)) {
      waiting += 1;
      await gate;
    }
    return load(id, tenantId);
  });
  release = () => {
    open();
    spy.mockRestore();
  };
  return { waiting: () => waiting };
}

const keyIdOf = async (key: string): Promise<string> =>
  (await api.services.db.apiKeys.find({ keyHash: hashKey(key) }).toArray())[0]?._id ?? '';

/** With the form of a real one: half of them links, half of them ways back with a cookie that fits. */
function madeUpLink(n: number): SlowRequest {
  const text = `acc_junk${String(n)
    .replaceAll(/[0189]/g, 'a')
    .padStart(22, 'b')}.${'s'.repeat(43)}`;
  if (n % 2 === 0) return { method: 'GET', path: `/connect/${text}` };
  const cookie = `${linkCookieName(sha256(text), api.publicUrl)}=${'f'.repeat(43)}.abc`;
  return { method: 'GET', path: `/oauth/callback?code=c&state=${text}`, headers: { Cookie: cookie } };
}

/** The way back from UPS of a merchant who has just allowed access. */
async function callback() {
  const { id } = await api.create();
  const { connectUrl } = await api.link(id);
  const browser = makeBrowser();
  const atLogin = await browser.submit(await browser.open(connectUrl), {});
  const atConsent = await browser.submit(atLogin, await api.profile('A1B2C3'));
  const { url } = await browser.submit(atConsent, { decision: 'allow' }, (to) => to.includes('/oauth/callback'));
  return { browser, url };
}

/** What everybody else asks for while it goes on: prepared before, asked during. */
async function prepareOthers() {
  const back = await callback();
  const { connectUrl } = await api.link((await api.create()).id);
  return async () => {
    const key = api.keys.other;
    const status = async (to: string) => (await api.call('GET', to, { key })).status;
    const answered = await back.browser.open(back.url, (to) => to.startsWith(RETURN));
    return {
      token: await status(`/accounts/${theirs}/token`),
      list: await status('/accounts'),
      created: (await api.call('POST', '/accounts', { key, body: { bad: 'body' } })).status,
      page: (await api.send('GET', connectUrl)).status,
      outcome: new URL(answered.url).searchParams.get('outcome'),
      ready: (await api.send('GET', '/readyz')).status,
    };
  };
}
const ALL_WELL = { token: 200, list: 200, created: 400, page: 200, outcome: 'connected', ready: 200 };

it('serves all others while 110 sign-ins are slow to send their form', async () => {
  const ask = await prepareOthers();
  const before = api.arrived();
  slow.startMany(110, () => ({
    path: '/sign-in',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Origin: api.publicUrl },
    begin: 'key=',
  }));
  await until('they have arrived', () => api.arrived() - before >= 110);
  expect(await ask()).toEqual(ALL_WELL);
});

it('serves all others while one key sends 110 files slowly', async () => {
  const ask = await prepareOthers();
  const before = api.arrived();
  slow.startMany(110, () => ({
    path: '/v1/access-keys/import',
    headers: { 'Content-Type': 'text/csv', ...bearer(api.keys.operator) },
    begin: 'name,',
  }));
  await until('they have arrived', () => api.arrived() - before >= 110);
  expect(await ask()).toEqual(ALL_WELL);
});

it('serves all others while 250 made-up keys are looked up, also a key it has not seen for a while', async () => {
  const ask = await prepareOthers();
  const gate = await holdReadsOfJunk();
  const before = api.arrived();
  slow.startMany(250, (n) => ({ method: 'GET', path: '/v1/accounts/acc_1/token', headers: bearer(junk(n)) }));
  await until('they have arrived', () => api.arrived() - before >= 250 && gate.waiting() > 0);
  api.pass(3_000);
  expect(await ask()).toEqual(ALL_WELL);
  // A quarter of the look-ups that run is one address's, and no store is asked for more.
  expect(gate.waiting()).toBe(4);
  // Another address has its own quarter, for a key that this process never saw.
  const { key } = await api.services.apiKeys.create({ tenantId: 'acme', role: 'reader', createdBy: 'cli' });
  gate.letIn(await keyIdOf(key));
  expect((await api.call('GET', '/accounts', { key, headers: { 'x-forwarded-for': '192.0.2.9' } })).status).toBe(200);
});

it('costs the store one read when 60 bring the same made-up key', async () => {
  const { apiKeys } = api.services.db;
  const reads = jest.spyOn(apiKeys, 'findOne');
  const ask = () => api.call('GET', '/accounts', { key: junk(999) });
  const statuses = await Promise.all(Array.from({ length: 60 }, async () => (await ask()).status));
  expect(new Set(statuses)).toEqual(new Set([401]));
  expect(reads).toHaveBeenCalledTimes(1);
  reads.mockRestore();
});

it('serves all others while made-up links and ways back from UPS are looked up', async () => {
  const ask = await prepareOthers();
  const live = (await api.link((await api.create()).id)).connectUrl;
  expect((await api.send('GET', live)).status).toBe(200);
  const { waiting } = holdLoads('load', (id) => id.startsWith('acc_junk'));
  const before = api.arrived();
  slow.startMany(250, (n) => madeUpLink(n));
  await until('they have arrived', () => api.arrived() - before >= 250 && waiting() > 0);
  expect((await api.send('POST', live, { headers: { 'sec-fetch-site': 'same-origin' } })).status).toBe(303);
  expect(await ask()).toMatchObject({ token: 200, list: 200, created: 400, outcome: 'connected', ready: 200 });
  const fresh = (await api.link((await api.create()).id)).connectUrl;
  const elsewhere = { headers: { 'x-forwarded-for': '192.0.2.9' } };
  expect((await api.send('GET', fresh, elsewhere)).status).toBe(200);
  expect(waiting()).toBe(4);
});

it('serves a session while 250 made-up ones are looked up', async () => {
  const sessions = api.services.db.sessions;
  const name = sessionCookieName(api.publicUrl);
  const keyId = await keyIdOf(api.keys.other);
  await createSession(api.services.db, 'a-real-one', { keyId, expiresAt: api.clock.now() + 3_600_000 });
  const page = () => api.send('GET', '/', { headers: { cookie: `${name}=a-real-one` } });
  expect((await page()).status).toBe(200);
  const findOne = sessions.findOne.bind(sessions);
  const gate = new Promise<void>((resolve) => (release = resolve));
  let waiting = 0;
  const real = (await sessions.findOne({}))?._id;
  const spy = jest.spyOn(sessions, 'findOne').mockImplementation((async (filter: { _id: string }): Promise<unknown> => {
    if (filter._id !== real) {
      waiting += 1;
      await gate;
    }
    return findOne(filter);
  }) as never);
  const open = release;
  release = () => {
    open?.();
    spy.mockRestore();
  };
  const before = api.arrived();
  slow.startMany(250, (n) => ({ method: 'GET', path: '/accounts/acc_1', headers: { Cookie: `${name}=made-up-${n}` } }));
  await until('they have arrived', () => api.arrived() - before >= 250 && waiting > 0);
  expect((await page()).status).toBe(200);
  expect(waiting).toBe(4);
});

it('lets one key hold a quarter of the places at most, and tells it so', async () => {
  const ask = await prepareOthers();
  const { waiting } = holdLoads('look', (id) => id === ours);
  const clients = slow.startMany(200, () => ({
    method: 'GET',
    path: `/v1/accounts/${ours}/token`,
    headers: bearer(api.keys.platform),
  }));
  await until('those beyond a quarter were refused', () => (statusesOf(clients)['429'] ?? 0) >= 155);
  expect(waiting()).toBe(45);
  expect(await figures('upslink_http_places')).toMatchObject({ token: 45 });
  expect(await ask()).toEqual(ALL_WELL);
});
