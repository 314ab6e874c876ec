/** Who is asked, and what is told of it. */

import { ACCOUNTS_MAX, assertNotTooMany } from '../../src/api/actions/campaigns';
import type { AccessKeyPageJson } from '../../src/api/schemas/answers';
import type { CampaignItemJson } from '../../src/api/schemas/campaigns';
import { RETURN, type TestApi } from '../api/testApi';
import { openCampaignSetup, type Body, type CampaignSetup } from './campaignSetup';

let setup: CampaignSetup;
let api: TestApi;
beforeAll(async () => {
  setup = await openCampaignSetup('campaigns-plan');
  api = setup.api;
});
afterAll(() => api.release());

const DAY_MS = 86_400_000;
const namesOf = async (id: string) => (await setup.items(id)).map(({ name }) => name).sort();

it('asks the accounts that are named, of its own tenant and on old keys', async () => {
  const one = await api.withKey({ name: 'Named one' });
  const other = await api.withKey({ name: 'Named other' });
  await api.withKey({ name: 'Named by nobody' });
  const connected = await api.create({ name: 'Named without a key' });
  const foreign = await api.withKey({ name: 'Named abroad' }, { tenantId: 'other' });
  const ids = [one, other, connected, foreign].map(({ id }) => id);
  const { status, body } = await setup.plan('', { filter: { ids } });
  expect([status, body.counts.planned]).toEqual([201, 2]);
  expect(await namesOf(body.id)).toEqual(['Named one', 'Named other']);
  expect((await setup.plan('', { filter: { ids: [foreign.id] } })).body.code).toBe('nothing-to-migrate');
});

it('leaves out whom an operator disconnected, says so, and asks them where they are named', async () => {
  const away = await api.withKey({ name: 'Apart away' });
  expect((await api.event(away.id, { type: 'DISCONNECT', note: 'Fraud' }, api.keys.operator)).body.verdict).toBe(
    'applied',
  );
  const only = await setup.plan('Apart');
  expect([only.body.code, only.body.way_out]).toEqual(['nothing-to-migrate', expect.stringContaining('by their ids')]);
  await api.withKey({ name: 'Apart at work' });
  const { body } = await setup.plan('Apart');
  expect(body).toMatchObject({ waves: 1, counts: { planned: 1, skipped: 1 } });
  expect(await setup.items(body.id, '?state=skipped')).toMatchObject([
    { name: 'Apart away', wave: 0, reason: 'disconnected-by-operator' },
  ]);
  await setup.press(body.id, 'start');
  await setup.worker().advance(body.id);
  expect((await api.read(away.id)).state).toBe('disconnected');
  const named = (await setup.plan('', { filter: { ids: [away.id] } })).body;
  expect(named.counts).toMatchObject({ planned: 1, skipped: 0 });
  expect(await namesOf(named.id)).toEqual(['Apart away']);
});

it('skips whom an operator disconnected after it was planned', async () => {
  const away = await api.withKey({ name: 'Since away' });
  await api.withKey({ name: 'Since at work' });
  const { body } = await setup.plan('Since');
  expect(body.counts).toMatchObject({ planned: 2, skipped: 0 });
  await api.event(away.id, { type: 'DISCONNECT', note: 'Fraud' }, api.keys.operator);
  await setup.press(body.id, 'start');
  await setup.worker().advance(body.id);
  expect((await api.read(away.id)).state).toBe('disconnected');
  expect((await setup.read(body.id)).counts).toMatchObject({ planned: 0, waiting: 1, skipped: 1 });
  expect(await setup.items(body.id, '?state=skipped')).toMatchObject([
    { name: 'Since away', wave: 1, reason: 'disconnected-by-operator' },
  ]);
});

it('reads many named accounts a page at a time', async () => {
  const text = await setup.accounts(3);
  const found = (await setup.plan(text)).body;
  const ids = (await setup.items(found.id)).map(({ accountId }) => accountId);
  const letters = 'abcdefghij';
  const strangers = Array.from(
    { length: 900 },
    (_, n) => `acc_${'a'.repeat(23)}${[...String(n).padStart(3, '0')].map((digit) => letters[Number(digit)]).join('')}`,
  );
  const { body } = await setup.plan('', { filter: { ids: [...strangers, ...ids] } });
  expect(body.counts.planned).toBe(3);
});

it('asks those whose deadline is near', async () => {
  const at = api.clock.now();
  await api.withKey({ name: 'Deadline near' }, { deadlineAt: at + 5 * DAY_MS });
  await api.withKey({ name: 'Deadline far' }, { deadlineAt: at + 50 * DAY_MS });
  const deadlineBefore = new Date(at + 10 * DAY_MS).toISOString();
  const { body } = await setup.plan('', { filter: { text: 'Deadline', deadlineBefore } });
  expect(await namesOf(body.id)).toEqual(['Deadline near']);
  expect(body.filter).toEqual({ text: 'Deadline', deadlineBefore });
  expect((await setup.read(body.id)).filter).toEqual({ text: 'Deadline', deadlineBefore });
  const bad = await setup.plan('', { filter: { deadlineBefore: 'soon' } });
  expect([bad.status, bad.body.field]).toEqual([400, 'filter.deadlineBefore']);
});

it('asks those whose last try failed, as the list of old keys has them', async () => {
  const [denied, restored] = [await api.withKey({ name: 'Try denied' }), await api.withKey({ name: 'Try restored' })];
  await api.withKey({ name: 'Try never' });
  for (const { id } of [denied, restored]) {
    const { body } = await api.event(id, { type: 'MIGRATE', returnTo: RETURN, graceDays: 2 });
    const connectUrl = body.authorization?.connectUrl ?? '';
    await setup.comeBack({ connectUrl }, ['A1B2C3'], id === denied.id ? 'deny' : 'allow');
  }
  // A way back to the key is no failure: the migration had worked.
  expect((await api.event(restored.id, { type: 'RESTORE_ACCESS_KEY' })).body.verdict).toBe('applied');
  for (const failed of [true, false]) {
    const list = await api.call<AccessKeyPageJson>('GET', `/access-keys?text=Try&failed=${failed}`);
    expect(list.body.items.map(({ lastFailure }) => lastFailure !== null)).toEqual(list.body.items.map(() => failed));
    expect(list.body.counts?.total).toBe(failed ? 1 : 2);
    const { body } = await setup.plan('', { filter: { text: 'Try', failed } });
    expect(await namesOf(body.id)).toEqual(list.body.items.map(({ name }) => name).sort());
  }
});

it('is refused when more match than a campaign takes: nobody is left out in silence', () => {
  expect(() => assertNotTooMany(ACCOUNTS_MAX)).not.toThrow();
  expect(() => assertNotTooMany(ACCOUNTS_MAX + 1)).toThrow('matches 100001 accounts, and a campaign takes 100000');
});

it('is reported whole: who migrated, who did not and why, as JSON in pages and as CSV no spreadsheet runs', async () => {
  const campaigns = setup.worker();
  const text = await setup.accounts(30);
  const id = await setup.started(text, { waveSize: 10, pauseSeconds: 60, stopWhenFailedShare: 0.3 });
  for (let wave = 1; wave <= 3; wave++) {
    await campaigns.advance(id);
    const out = await setup.links(id);
    expect(out).toHaveLength(10);
    for (const [n, link] of out.entries())
      await setup.comeBack(link, n === 3 ? ['ZZZZZ9'] : ['A1B2C3'], n === 7 ? 'deny' : 'allow');
    await campaigns.advance(id);
    expect(await setup.read(id)).toMatchObject({ wave, counts: { migrated: 8 * wave, failed: 2 * wave, waiting: 0 } });
    api.pass(61_000);
  }
  expect(await setup.read(id)).toMatchObject({ state: 'finished', pausedBecause: null });

  const first = await api.call<{ items: CampaignItemJson[]; nextCursor: string }>(
    'GET',
    `/campaigns/${id}/accounts?state=failed&limit=4`,
  );
  const cursor = first.body.nextCursor;
  const rest = await setup.items(id, `?state=failed&limit=4&cursor=${cursor}`);
  const reasons = [...first.body.items, ...rest].map(({ reason }) => reason).sort();
  expect(reasons).toEqual([
    ...Array<string>(3).fill('account-not-in-profile'),
    ...Array<string>(3).fill('consent-denied'),
  ]);

  const headers = { authorization: `Bearer ${api.keys.reader}`, accept: 'text/csv' };
  const report = await api.send('GET', `/v1/campaigns/${id}/accounts`, { headers });
  const lines = report.text.trim().split('\r\n');
  expect(lines).toHaveLength(31);
  expect(lines.filter((line) => line.includes(',migrated,'))).toHaveLength(24);
});

it('is listed to its tenant, and to an admin beside those of all others', async () => {
  const mine = (await setup.plan(await setup.accounts(1))).body.id;
  await api.withKey({ name: 'Abroad' }, { tenantId: 'other' });
  const planned = { name: 'Abroad', filter: {}, waveSize: 1, pauseSeconds: 0 };
  const theirs = (await api.call<Body>('POST', '/campaigns', { body: planned, key: api.keys.other })).body.id;
  const listed = async (key: string, query: string) =>
    (await api.call<{ items: Body[] }>('GET', `/campaigns${query}`, { key })).body.items;
  const tenantsIn = (items: Body[]) => [...new Set(items.map(({ tenantId }) => tenantId))].sort();
  const all = await listed(api.keys.admin, '?limit=200');
  expect(all.map(({ id }) => id)).toEqual(expect.arrayContaining([mine, theirs]));
  expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).sort());
  expect(tenantsIn(all)).toEqual(['acme', 'other']);
  expect(tenantsIn(await listed(api.keys.admin, '?tenantId=other'))).toEqual(['other']);
  expect(tenantsIn(await listed(api.keys.other, ''))).toEqual(['other']);
  expect(tenantsIn(await listed(api.keys.platform, '?limit=200'))).toEqual(['acme']);
  const after = (await listed(api.keys.admin, '?limit=1'))[0]?.id ?? '';
  expect((await listed(api.keys.admin, `?cursor=${after}`)).map(({ id }) => id)).not.toContain(after);
});

it('disarms what a spreadsheet would take for a formula', async () => {
  await api.withKey({ name: '=HYPERLINK("http://evil.example")' });
  const { body } = await setup.plan('=HYPER');
  const headers = { authorization: `Bearer ${api.keys.reader}`, accept: 'text/csv' };
  const report = await api.send('GET', `/v1/campaigns/${body.id}/accounts`, { headers });
  expect(report.text).toContain(`"'=HYPERLINK(`);
});

it('an account that hears of it tells the platform which campaign asks', async () => {
  const id = await setup.started(await setup.accounts(1));
  await setup.worker().advance(id);
  const accountId = (await setup.items(id))[0]?.accountId ?? '';
  const { db, runtime } = api.services;
  await runtime.relay.idle();
  const told = await db.events.find({ accountId, type: 'account.migration-started' }).toArray();
  expect(told.map(({ data }) => data)).toEqual([{ reason: null, campaignId: id }]);
});
