/** Who is asked, and what is told of it. */

import { ACCOUNTS_MAX, assertNotTooMany } from '../../src/api/actions/campaigns';
import type { AccessKeyPageJson } from '../../src/api/schemas/answers';
import type { CampaignItemJson } from '../../src/api/schemas/campaigns';
import { RETURN, type House } from '../api/testApi';
import { openDesk, type Body, type Desk } from './campaignSetup';

let desk: Desk;
let house: House;
beforeAll(async () => {
  desk = await openDesk('campaigns-plan');
  house = desk.house;
});
afterAll(() => house.release());

const DAY_MS = 86_400_000;
const namesOf = async (id: string) => (await desk.items(id)).map(({ name }) => name).sort();

it('asks the accounts that are named, of its own tenant and on old keys', async () => {
  const one = await house.withKey({ name: 'Named one' });
  const other = await house.withKey({ name: 'Named other' });
  await house.withKey({ name: 'Named by nobody' });
  const connected = await house.create({ name: 'Named without a key' });
  const foreign = await house.withKey({ name: 'Named abroad' }, { tenantId: 'other' });
  const ids = [one, other, connected, foreign].map(({ id }) => id);
  const { status, body } = await desk.plan('', { filter: { ids } });
  expect([status, body.counts.planned]).toEqual([201, 2]);
  expect(await namesOf(body.id)).toEqual(['Named one', 'Named other']);
  expect((await desk.plan('', { filter: { ids: [foreign.id] } })).body.code).toBe('nothing-to-migrate');
});

it('leaves out whom an operator disconnected, says so, and asks them where they are named', async () => {
  const away = await house.withKey({ name: 'Apart away' });
  expect((await house.event(away.id, { type: 'DISCONNECT', note: 'Fraud' }, house.keys.operator)).body.verdict).toBe(
    'applied',
  );
  const only = await desk.plan('Apart');
  expect([only.body.code, only.body.way_out]).toEqual(['nothing-to-migrate', expect.stringContaining('by their ids')]);
  await house.withKey({ name: 'Apart at work' });
  const { body } = await desk.plan('Apart');
  expect(body).toMatchObject({ waves: 1, counts: { planned: 1, skipped: 1 } });
  expect(await desk.items(body.id, '?state=skipped')).toMatchObject([
    { name: 'Apart away', wave: 0, reason: 'disconnected-by-operator' },
  ]);
  await desk.press(body.id, 'start');
  await desk.worker().advance(body.id);
  expect((await house.read(away.id)).state).toBe('disconnected');
  const named = (await desk.plan('', { filter: { ids: [away.id] } })).body;
  expect(named.counts).toMatchObject({ planned: 1, skipped: 0 });
  expect(await namesOf(named.id)).toEqual(['Apart away']);
});

it('skips whom an operator disconnected after it was planned', async () => {
  const away = await house.withKey({ name: 'Since away' });
  await house.withKey({ name: 'Since at work' });
  const { body } = await desk.plan('Since');
  expect(body.counts).toMatchObject({ planned: 2, skipped: 0 });
  await house.event(away.id, { type: 'DISCONNECT', note: 'Fraud' }, house.keys.operator);
  await desk.press(body.id, 'start');
  await desk.worker().advance(body.id);
  expect((await house.read(away.id)).state).toBe('disconnected');
  expect((await desk.read(body.id)).counts).toMatchObject({ planned: 0, waiting: 1, skipped: 1 });
  expect(await desk.items(body.id, '?state=skipped')).toMatchObject([
    { name: 'Since away', wave: 1, reason: 'disconnected-by-operator' },
  ]);
});

it('reads many named accounts a page at a time', async () => {
  const text = await desk.accounts(3);
  const found = (await desk.plan(text)).body;
  const ids = (await desk.items(found.id)).map(({ accountId }) => accountId);
  const letters = 'abcdefghij';
  const strangers = Array.from(
    { length: 900 },
    (_, n) => `acc_${'a'.repeat(23)}${[...String(n).padStart(3, '0')].map((digit) => letters[Number(digit)]).join('')}`,
  );
  const { body } = await desk.plan('', { filter: { ids: [...strangers, ...ids] } });
  expect(body.counts.planned).toBe(3);
});

it('asks those whose deadline is near', async () => {
  const at = house.clock.now();
  await house.withKey({ name: 'Deadline near' }, { deadlineAt: at + 5 * DAY_MS });
  await house.withKey({ name: 'Deadline far' }, { deadlineAt: at + 50 * DAY_MS });
  const deadlineBefore = new Date(at + 10 * DAY_MS).toISOString();
  const { body } = await desk.plan('', { filter: { text: 'Deadline', deadlineBefore } });
  expect(await namesOf(body.id)).toEqual(['Deadline near']);
  expect(body.filter).toEqual({ text: 'Deadline', deadlineBefore });
  expect((await desk.read(body.id)).filter).toEqual({ text: 'Deadline', deadlineBefore });
  const bad = await desk.plan('', { filter: { deadlineBefore: 'soon' } });
  expect([bad.status, bad.body.field]).toEqual([400, 'filter.deadlineBefore']);
});

it('asks those whose last try failed, as the list of old keys has them', async () => {
  const [denied, restored] = [
    await house.withKey({ name: 'Try denied' }),
    await house.withKey({ name: 'Try restored' }),
  ];
  await house.withKey({ name: 'Try never' });
  for (const { id } of [denied, restored]) {
    const { body } = await house.event(id, { type: 'MIGRATE', returnTo: RETURN, graceDays: 2 });
    const connectUrl = body.authorization?.connectUrl ?? '';
    await desk.comeBack({ connectUrl }, ['A1B2C3'], id === denied.id ? 'deny' : 'allow');
  }
  // A way back to the key is no failure: the migration had worked.
  expect((await house.event(restored.id, { type: 'RESTORE_ACCESS_KEY' })).body.verdict).toBe('applied');
  for (const failed of [true, false]) {
    const list = await house.call<AccessKeyPageJson>('GET', `/access-keys?text=Try&failed=${failed}`);
    expect(list.body.items.map(({ lastFailure }) => lastFailure !== null)).toEqual(list.body.items.map(() => failed));
    expect(list.body.counts?.total).toBe(failed ? 1 : 2);
    const { body } = await desk.plan('', { filter: { text: 'Try', failed } });
    expect(await namesOf(body.id)).toEqual(list.body.items.map(({ name }) => name).sort());
  }
});

it('is refused when more match than a campaign takes: nobody is left out in silence', () => {
  expect(() => assertNotTooMany(ACCOUNTS_MAX)).not.toThrow();
  expect(() => assertNotTooMany(ACCOUNTS_MAX + 1)).toThrow('matches 100001 accounts, and a campaign takes 100000');
});

it('is reported whole: who migrated, who did not and why, as JSON in pages and as CSV no spreadsheet runs', async () => {
  const campaigns = desk.worker();
  const text = await desk.accounts(30);
  const id = await desk.started(text, { waveSize: 10, pauseSeconds: 60, stopWhenFailedShare: 0.3 });
  for (let wave = 1; wave <= 3; wave++) {
    await campaigns.advance(id);
    const out = await desk.links(id);
    expect(out).toHaveLength(10);
    for (const [n, link] of out.entries())
      await desk.comeBack(link, n === 3 ? ['ZZZZZ9'] : ['A1B2C3'], n === 7 ? 'deny' : 'allow');
    await campaigns.advance(id);
    expect(await desk.read(id)).toMatchObject({ wave, counts: { migrated: 8 * wave, failed: 2 * wave, waiting: 0 } });
    house.pass(61_000);
  }
  expect(await desk.read(id)).toMatchObject({ state: 'finished', pausedBecause: null });

  const first = await house.call<{ items: CampaignItemJson[]; nextCursor: string }>(
    'GET',
    `/campaigns/${id}/accounts?state=failed&limit=4`,
  );
  const cursor = first.body.nextCursor;
  const rest = await desk.items(id, `?state=failed&limit=4&cursor=${cursor}`);
  const reasons = [...first.body.items, ...rest].map(({ reason }) => reason).sort();
  expect(reasons).toEqual([
    ...Array<string>(3).fill('account-not-in-profile'),
    ...Array<string>(3).fill('consent-denied'),
  ]);

  const headers = { authorization: `Bearer ${house.keys.reader}`, accept: 'text/csv' };
  const report = await house.send('GET', `/v1/campaigns/${id}/accounts`, { headers });
  const lines = report.text.trim().split('\r\n');
  expect(lines).toHaveLength(31);
  expect(lines.filter((line) => line.includes(',migrated,'))).toHaveLength(24);
});

it('is listed to its tenant, and to an admin beside those of all others', async () => {
  const mine = (await desk.plan(await desk.accounts(1))).body.id;
  await house.withKey({ name: 'Abroad' }, { tenantId: 'other' });
  const planned = { name: 'Abroad', filter: {}, waveSize: 1, pauseSeconds: 0 };
  const theirs = (await house.call<Body>('POST', '/campaigns', { body: planned, key: house.keys.other })).body.id;
  const listed = async (key: string, query: string) =>
    (await house.call<{ items: Body[] }>('GET', `/campaigns${query}`, { key })).body.items;
  const tenantsIn = (items: Body[]) => [...new Set(items.map(({ tenantId }) => tenantId))].sort();
  const all = await listed(house.keys.admin, '?limit=200');
  expect(all.map(({ id }) => id)).toEqual(expect.arrayContaining([mine, theirs]));
  expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).sort());
  expect(tenantsIn(all)).toEqual(['acme', 'other']);
  expect(tenantsIn(await listed(house.keys.admin, '?tenantId=other'))).toEqual(['other']);
  expect(tenantsIn(await listed(house.keys.other, ''))).toEqual(['other']);
  expect(tenantsIn(await listed(house.keys.platform, '?limit=200'))).toEqual(['acme']);
  const after = (await listed(house.keys.admin, '?limit=1'))[0]?.id ?? '';
  expect((await listed(house.keys.admin, `?cursor=${after}`)).map(({ id }) => id)).not.toContain(after);
});

it('disarms what a spreadsheet would take for a formula', async () => {
  await house.withKey({ name: '=HYPERLINK("http://evil.example")' });
  const { body } = await desk.plan('=HYPER');
  const headers = { authorization: `Bearer ${house.keys.reader}`, accept: 'text/csv' };
  const report = await house.send('GET', `/v1/campaigns/${body.id}/accounts`, { headers });
  expect(report.text).toContain(`"'=HYPERLINK(`);
});

it('an account that hears of it tells the platform which campaign asks', async () => {
  const id = await desk.started(await desk.accounts(1));
  await desk.worker().advance(id);
  const accountId = (await desk.items(id))[0]?.accountId ?? '';
  const { db, runtime } = house.services;
  await runtime.relay.idle();
  const told = await db.events.find({ accountId, type: 'account.migration-started' }).toArray();
  expect(told.map(({ data }) => data)).toEqual([{ reason: null, campaignId: id }]);
});
