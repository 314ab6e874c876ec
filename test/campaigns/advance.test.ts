import { failsTooOften, type Campaigns } from '../../src/campaigns/advance';
import { tellDueCampaigns } from '../../src/campaigns/schedule';
import type { RowJson } from '../../src/api/schemas/answers';
import type { CampaignLinkJson } from '../../src/api/schemas/campaigns';
import type { TestApi } from '../api/testApi';
import { openCampaignSetup, type CampaignSetup } from './campaignSetup';

let setup: CampaignSetup;
let api: TestApi;
let campaigns: Campaigns;
beforeAll(async () => {
  setup = await openCampaignSetup('campaigns');
  api = setup.api;
  campaigns = setup.worker();
});
afterAll(() => api.release());

it('is planned: who would be asked is fixed, and nothing has happened to them', async () => {
  const text = await setup.accounts(5);
  const { status, body } = await setup.plan(text);
  expect(status).toBe(201);
  expect(body).toMatchObject({ state: 'draft', wave: 0, waves: 3, counts: { planned: 5, waiting: 0 } });
  await campaigns.advance(body.id);
  const planned = await setup.items(body.id);
  expect(planned.map(({ state, wave }) => [state, wave])).toEqual([1, 1, 2, 2, 3].map((wave) => ['planned', wave]));
  for (const { accountId } of planned) expect((await api.read(accountId)).seq).toBe(1);
});

it('asks in waves with a pause between, and finishes when all have ended', async () => {
  const text = await setup.accounts(4);
  const id = await setup.started(text);
  await campaigns.advance(id);
  expect(await setup.read(id)).toMatchObject({ state: 'running', wave: 1, counts: { planned: 2, waiting: 2 } });
  await campaigns.advance(id);
  expect((await setup.read(id)).counts.waiting).toBe(2);
  api.pass(61_000);
  await campaigns.advance(id);
  expect(await setup.read(id)).toMatchObject({ wave: 2, counts: { planned: 0, waiting: 4 } });
  const out = await setup.links(id);
  expect(out).toHaveLength(4);
  for (const link of out) await setup.comeBack(link, ['A1B2C3']);
  await campaigns.advance(id);
  expect(await setup.read(id)).toMatchObject({
    state: 'finished',
    counts: { migrated: 4, waiting: 0 },
    nextWaveAt: null,
  });
  expect(await setup.links(id)).toEqual([]);
  const { accountId } = (await setup.items(id))[0] ?? { accountId: '' };
  const rows = (await api.call<{ items: RowJson[] }>('GET', `/accounts/${accountId}/history`)).body.items;
  expect(rows.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['IMPORT', 'CAMPAIGN_MIGRATE', 'CODE_RECEIVED', 'EXCHANGED', 'VERIFIED']),
  );
  expect(rows.find(({ type }) => type === 'CAMPAIGN_MIGRATE')).toMatchObject({
    actor: `campaign:${id}`,
    told: ['account.migration-started'],
  });
});

it('stops by itself when too many fail, says why each did, and goes on when told to', async () => {
  const text = await setup.accounts(4);
  const id = await setup.started(text, { pauseSeconds: 0, stopWhenFailedShare: 0.4 });
  await campaigns.advance(id);
  for (const link of await setup.links(id)) await setup.comeBack(link, ['ZZZZZ9']);
  await campaigns.advance(id);
  expect(await setup.read(id)).toMatchObject({
    state: 'paused',
    pausedBecause: 'failures',
    wave: 1,
    counts: { failed: 2 },
  });
  expect((await setup.items(id, '?state=failed')).map(({ reason }) => reason)).toEqual(
    Array(2).fill('account-not-in-profile'),
  );
  await campaigns.advance(id);
  expect((await setup.read(id)).counts.planned).toBe(2);
  await setup.press(id, 'resume');
  await campaigns.advance(id);
  expect(await setup.read(id)).toMatchObject({ state: 'running', counts: { waiting: 2 } });
});

it('an operator pauses it, goes on, and stops it; links that are out keep working', async () => {
  const id = await setup.started(await setup.accounts(3), { pauseSeconds: 0 });
  await campaigns.advance(id);
  expect((await setup.press(id, 'pause')).body).toMatchObject({ state: 'paused', pausedBecause: 'operator' });
  expect((await setup.press(id, 'pause')).status).toBe(200);
  await campaigns.advance(id);
  expect((await setup.read(id)).counts).toMatchObject({ planned: 1, waiting: 2 });
  const refused = await setup.press(id, 'start');
  expect([refused.status, refused.body.code, refused.body.allowed]).toEqual([
    409,
    'illegal-event',
    ['resume', 'stop', 'undo'],
  ]);
  await setup.press(id, 'stop');
  const [link] = await setup.links(id);
  if (link) await setup.comeBack(link, ['A1B2C3']);
  await campaigns.advance(id);
  expect(await setup.read(id)).toMatchObject({ state: 'stopped', counts: { planned: 1, waiting: 1, migrated: 1 } });
});

it('is taken back where its link was not used: the account is on its key as before', async () => {
  const id = await setup.started(await setup.accounts(3), { waveSize: 3 });
  await campaigns.advance(id);
  const [used, ...others] = await setup.links(id);
  if (used) await setup.comeBack(used, ['A1B2C3']);
  await setup.press(id, 'undo');
  await campaigns.advance(id);
  expect(await setup.read(id)).toMatchObject({ state: 'stopped', counts: { undone: 2, migrated: 1, waiting: 0 } });
  for (const { accountId, connectUrl } of others) {
    expect(await api.read(accountId)).toMatchObject({ state: 'connected', scheme: 'access-key' });
    expect((await api.send('GET', connectUrl)).status).toBe(410);
  }
  await setup.press(id, 'undo');
  await campaigns.advance(id);
  expect((await setup.read(id)).counts.undone).toBe(2);
});

it('two at once over the same accounts ask each of them once', async () => {
  const text = await setup.accounts(4);
  const [one, other] = [await setup.started(text, { waveSize: 4 }), await setup.started(text, { waveSize: 4 })];
  await Promise.all([campaigns.advance(one), setup.worker().advance(other), setup.worker().advance(one)]);
  await Promise.all([one, other].map((id) => campaigns.advance(id)));
  const counts = await Promise.all([one, other].map(async (id) => (await setup.read(id)).counts));
  expect((counts[0]?.waiting ?? 0) + (counts[1]?.waiting ?? 0)).toBe(4);
  expect((counts[0]?.skipped ?? 0) + (counts[1]?.skipped ?? 0)).toBe(4);
  const skipped = [...(await setup.items(one, '?state=skipped')), ...(await setup.items(other, '?state=skipped'))];
  expect(new Set(skipped.map(({ reason }) => reason))).toEqual(new Set(['migrating-already']));
});

// Two accounts: the wave begun, then for each its link, its event and its note, then what is settled.
it.each([1, 2, 3, 4, 5, 6, 7, 8, 9])(
  'a worker that dies at its write %i is followed by another: one link an account',
  async (n) => {
    const id = await setup.started(await setup.accounts(2));
    await setup
      .mortal(({ writes }) => writes === n)
      .advance(id)
      .catch(() => undefined);
    await setup.worker().advance(id);
    const waiting = await setup.items(id, '?state=waiting');
    expect(waiting).toHaveLength(2);
    for (const link of await setup.links(id)) {
      expect((await api.send('GET', link.connectUrl)).status).toBe(200);
      const { seq } = await api.read(link.accountId);
      expect(seq).toBe(2);
    }
  },
);

it('is found by the scheduler when due, told to the queue, and carried on without Redis', async () => {
  const id = await setup.started(await setup.accounts(2));
  const { db, clock } = api.services;
  const offered: string[] = [];
  const mayWork = async () => true;
  const offer = (reached: boolean) => async (all: { id: string }[]) => {
    offered.push(...all.map((one) => one.id));
    return { reached, full: [] };
  };
  await tellDueCampaigns({ db, clock, campaigns, queues: { offer: offer(true) }, mayWork });
  expect(offered).toContain(id);
  expect((await setup.read(id)).counts.waiting).toBe(0);
  await tellDueCampaigns({ db, clock, campaigns, queues: { offer: offer(false) }, mayWork });
  expect((await setup.read(id)).counts.waiting).toBe(2);
});

it('hands its links out to those who may write, as JSON and CSV, and keeps them nowhere in the clear', async () => {
  const id = await setup.started(await setup.accounts(2));
  await campaigns.advance(id);
  const out = await setup.links(id);
  const headers = { authorization: `Bearer ${api.keys.platform}`, accept: 'text/csv' };
  const csv = await api.send('GET', `/v1/campaigns/${id}/links`, { headers });
  expect(csv.headers.get('cache-control')).toBe('no-store');
  expect(csv.text.split('\r\n')[0]).toBe('accountId,name,accountNumber,externalId,connectUrl,expiresAt');
  for (const { connectUrl } of out) expect(csv.text).toContain(connectUrl);
  expect((await api.call('GET', `/campaigns/${id}/links`, { key: api.keys.reader })).status).toBe(403);
  const { db } = api.services;
  const everything = await Promise.all([
    db.accounts.find({}).toArray(),
    db.history.find({}).toArray(),
    db.events.find({}).toArray(),
    db.campaigns.find({}).toArray(),
    db.campaignItems.find({}).toArray(),
  ]);
  const secrets = out.map(({ connectUrl }) => connectUrl.split('.').at(-1) ?? '');
  for (const secret of secrets) expect(JSON.stringify([everything, api.logged])).not.toContain(secret);
  const report = await api.send('GET', `/v1/campaigns/${id}/accounts`, { headers });
  expect(report.text.trim().split('\r\n')).toHaveLength(3);
  expect(report.text).not.toContain('/connect/');
});

it('hands its links out with the number and ids that the account has when it is asked', async () => {
  const id = await setup.started(await setup.accounts(2), { waveSize: 1 });
  const [first, second] = await setup.items(id);
  const change = { accountNumber: 'NEW123', externalId: 'shop-7' };
  const headers = { 'if-match': '"1"' };
  const patched = await api.call('PATCH', `/accounts/${second?.accountId}`, { body: change, headers });
  expect(patched.status).toBe(200);
  await campaigns.advance(id);
  api.pass(61_000);
  await campaigns.advance(id);
  expect(await setup.links(id)).toMatchObject([{ accountNumber: first?.accountNumber, externalId: null }, change]);
  expect(await setup.items(id)).toMatchObject([{ accountNumber: first?.accountNumber }, change]);
});

it('hands its links out a page at a time, each full though some accounts have no link any more', async () => {
  const id = await setup.started(await setup.accounts(5), { waveSize: 5 });
  await campaigns.advance(id);
  const all = await setup.links(id);
  const replaced = all[1]?.accountId ?? '';
  await api.event(replaced, { type: 'MIGRATE' });
  await campaigns.advance(id);
  const page = async (query: string) =>
    (await api.call<{ items: CampaignLinkJson[]; nextCursor: string | null }>('GET', `/campaigns/${id}/links${query}`))
      .body;
  const first = await page('?limit=2');
  const second = await page(`?limit=2&cursor=${first.nextCursor}`);
  expect([first.items.length, second.items.length, second.nextCursor]).toEqual([2, 2, null]);
  expect([...first.items, ...second.items]).toEqual(all.filter(({ accountId }) => accountId !== replaced));
  const headers = { authorization: `Bearer ${api.keys.platform}`, accept: 'text/csv' };
  const csv = await api.send('GET', `/v1/campaigns/${id}/links?limit=2`, { headers });
  expect(csv.text.trim().split('\r\n')).toHaveLength(5);
  for (const [query, field] of [
    ['?limit=0', 'limit'],
    ['?cursor=x', 'cursor'],
    ['?state=waiting', 'state'],
  ]) {
    const { status, body } = await api.call('GET', `/campaigns/${id}/links${query}`);
    expect([status, body.field]).toEqual([400, field]);
  }
});

it('belongs to its tenant, and is planned by who may write', async () => {
  const id = await setup.started(await setup.accounts(1));
  for (const path of ['', '/accounts', '/links']) {
    const { status } = await api.call('GET', `/campaigns/${id}${path}`, { key: api.keys.other });
    expect(status).toBe(404);
  }
  expect((await setup.press(id, 'stop', api.keys.other)).status).toBe(404);
  expect((await setup.press(id, 'stop', api.keys.reader)).status).toBe(403);
  expect((await api.call<{ items: object[] }>('GET', '/campaigns', { key: api.keys.other })).body.items).toEqual([]);
});

it.each([
  [{ waveSize: 0 }, 'waveSize'],
  [{ waveSize: 1.5 }, 'waveSize'],
  [{ pauseSeconds: -1 }, 'pauseSeconds'],
  [{ stopWhenFailedShare: 1.1 }, 'stopWhenFailedShare'],
  [{ linkHours: 721 }, 'linkHours'],
  [{ name: '' }, 'name'],
  [{ filter: { state: 'created' } }, 'filter.state'],
  [{ filter: { ids: ['x'] } }, 'filter.ids.0'],
  [{ filter: { colour: 'red' } }, 'filter.colour'],
  [{ returnTo: 'https://elsewhere.example' }, 'returnTo'],
  [{ colour: 'red' }, 'colour'],
])('%j is refused by name', async (more, field) => {
  const { status, body } = await setup.plan('Batch', more);
  expect([status, body.code, body.field]).toEqual([400, 'invalid-input', field]);
});

it('about nobody is refused', async () => {
  const { status, body } = await setup.plan('Nobody is called so');
  expect([status, body.code, body.field]).toEqual([409, 'nothing-to-migrate', 'filter']);
});

it('counts as failing only by what ended since it last went on', () => {
  const campaign = { plan: { waveSize: 10, stopWhenFailedShare: 0.2 }, forgiven: { ended: 10, failed: 10 } } as never;
  const counts = (migrated: number, failed: number) => ({ migrated, failed }) as never;
  expect(failsTooOften(campaign, counts(0, 10))).toBe(false);
  expect(failsTooOften(campaign, counts(4, 11))).toBe(false);
  expect(failsTooOften(campaign, counts(3, 12))).toBe(true);
});
