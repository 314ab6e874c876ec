import { makeCampaigns, failsTooOften, type Campaigns } from '../../src/campaigns/advance';
import { tellDueCampaigns } from '../../src/campaigns/schedule';
import type { CampaignItemJson, CampaignJson, CampaignLinkJson } from '../../src/api/schemas/campaigns';
import type { RowJson } from '../../src/api/schemas/answers';
import { openHouse, RETURN, type House, type ProblemJson } from '../api/house';
import { goThroughUps } from '../support/browsing';

let house: House;
let campaigns: Campaigns;
beforeAll(async () => {
  house = await openHouse('campaigns');
  campaigns = another();
});
afterAll(() => house.release());

/** A worker of its own. */
const another = () => {
  const { db, runtime, vault, config, clock, makeId } = house.services;
  return makeCampaigns({ db, runtime, vault, config, clock, makeId });
};

let made = 0;
async function accounts(count: number): Promise<string> {
  const text = `Batch ${++made} `;
  for (let n = 0; n < count; n++) await house.withKey({ name: `${text}${n}` });
  return text;
}

type Body = CampaignJson & ProblemJson & { allowed?: string[] };
const plan = (text: string, more: object = {}) =>
  house.call<Body>('POST', '/campaigns', {
    body: { name: 'Spring', filter: { text }, waveSize: 2, pauseSeconds: 60, returnTo: RETURN, ...more },
  });
const press = (id: string, act: string, key?: string) =>
  house.call<Body>('POST', `/campaigns/${id}/${act}`, key ? { key } : {});
const read = async (id: string) => (await house.call<CampaignJson>('GET', `/campaigns/${id}`)).body;
const items = async (id: string, query = '') =>
  (await house.call<{ items: CampaignItemJson[] }>('GET', `/campaigns/${id}/accounts${query}`)).body.items;
const links = async (id: string) =>
  (await house.call<{ items: CampaignLinkJson[] }>('GET', `/campaigns/${id}/links`)).body.items;

async function started(text: string, more: object = {}): Promise<string> {
  const { id } = (await plan(text, more)).body;
  await press(id, 'start');
  return id;
}

const comeBack = async ({ connectUrl }: CampaignLinkJson, numbers: string[]) =>
  goThroughUps(connectUrl, await house.profile(...numbers), { returnTo: RETURN });

it('is planned: who would be asked is fixed, and nothing has happened to them', async () => {
  const text = await accounts(5);
  const { status, body } = await plan(text);
  expect(status).toBe(201);
  expect(body).toMatchObject({ state: 'draft', wave: 0, waves: 3, counts: { planned: 5, waiting: 0 } });
  await campaigns.advance(body.id);
  const planned = await items(body.id);
  expect(planned.map(({ state, wave }) => [state, wave])).toEqual([1, 1, 2, 2, 3].map((wave) => ['planned', wave]));
  for (const { accountId } of planned) expect((await house.read(accountId)).seq).toBe(1);
});

it('asks in waves with a pause between, and finishes when all have ended', async () => {
  const text = await accounts(4);
  const id = await started(text);
  await campaigns.advance(id);
  expect(await read(id)).toMatchObject({ state: 'running', wave: 1, counts: { planned: 2, waiting: 2 } });
  await campaigns.advance(id);
  expect((await read(id)).counts.waiting).toBe(2);
  house.pass(61_000);
  await campaigns.advance(id);
  expect(await read(id)).toMatchObject({ wave: 2, counts: { planned: 0, waiting: 4 } });
  const out = await links(id);
  expect(out).toHaveLength(4);
  for (const link of out) await comeBack(link, ['A1B2C3']);
  await campaigns.advance(id);
  expect(await read(id)).toMatchObject({ state: 'finished', counts: { migrated: 4, waiting: 0 }, nextWaveAt: null });
  expect(await links(id)).toEqual([]);
  const { accountId } = (await items(id))[0] ?? { accountId: '' };
  const rows = (await house.call<{ items: RowJson[] }>('GET', `/accounts/${accountId}/history`)).body.items;
  expect(rows.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['IMPORT', 'CAMPAIGN_MIGRATE', 'CODE_RECEIVED', 'EXCHANGED', 'VERIFIED']),
  );
  expect(rows.find(({ type }) => type === 'CAMPAIGN_MIGRATE')).toMatchObject({
    actor: `campaign:${id}`,
    told: ['account.migration-started'],
  });
});

it('stops by itself when too many fail, says why each did, and goes on when told to', async () => {
  const text = await accounts(4);
  const id = await started(text, { pauseSeconds: 0, stopWhenFailedShare: 0.4 });
  await campaigns.advance(id);
  for (const link of await links(id)) await comeBack(link, ['ZZZZZ9']);
  await campaigns.advance(id);
  expect(await read(id)).toMatchObject({ state: 'paused', pausedBecause: 'failures', wave: 1, counts: { failed: 2 } });
  expect((await items(id, '?state=failed')).map(({ reason }) => reason)).toEqual(
    Array(2).fill('account-not-in-profile'),
  );
  await campaigns.advance(id);
  expect((await read(id)).counts.planned).toBe(2);
  await press(id, 'resume');
  await campaigns.advance(id);
  expect(await read(id)).toMatchObject({ state: 'running', counts: { waiting: 2 } });
});

it('an operator pauses it, goes on, and stops it; links that are out keep working', async () => {
  const id = await started(await accounts(3), { pauseSeconds: 0 });
  await campaigns.advance(id);
  expect((await press(id, 'pause')).body).toMatchObject({ state: 'paused', pausedBecause: 'operator' });
  expect((await press(id, 'pause')).status).toBe(200);
  await campaigns.advance(id);
  expect((await read(id)).counts).toMatchObject({ planned: 1, waiting: 2 });
  const refused = await press(id, 'start');
  expect([refused.status, refused.body.code, refused.body.allowed]).toEqual([
    409,
    'illegal-event',
    ['resume', 'stop', 'undo'],
  ]);
  await press(id, 'stop');
  const [link] = await links(id);
  if (link) await comeBack(link, ['A1B2C3']);
  await campaigns.advance(id);
  expect(await read(id)).toMatchObject({ state: 'stopped', counts: { planned: 1, waiting: 1, migrated: 1 } });
});

it('is taken back where its link was not used: the account is on its key as before', async () => {
  const id = await started(await accounts(3), { waveSize: 3 });
  await campaigns.advance(id);
  const [used, ...others] = await links(id);
  if (used) await comeBack(used, ['A1B2C3']);
  await press(id, 'undo');
  await campaigns.advance(id);
  expect(await read(id)).toMatchObject({ state: 'stopped', counts: { undone: 2, migrated: 1, waiting: 0 } });
  for (const { accountId, connectUrl } of others) {
    expect(await house.read(accountId)).toMatchObject({ state: 'connected', scheme: 'access-key' });
    expect((await house.send('GET', connectUrl)).status).toBe(410);
  }
  await press(id, 'undo');
  await campaigns.advance(id);
  expect((await read(id)).counts.undone).toBe(2);
});

it('two at once over the same accounts ask each of them once', async () => {
  const text = await accounts(4);
  const [one, other] = [await started(text, { waveSize: 4 }), await started(text, { waveSize: 4 })];
  await Promise.all([campaigns.advance(one), another().advance(other), another().advance(one)]);
  await Promise.all([one, other].map((id) => campaigns.advance(id)));
  const counts = await Promise.all([one, other].map(async (id) => (await read(id)).counts));
  expect((counts[0]?.waiting ?? 0) + (counts[1]?.waiting ?? 0)).toBe(4);
  expect((counts[0]?.skipped ?? 0) + (counts[1]?.skipped ?? 0)).toBe(4);
  const skipped = [...(await items(one, '?state=skipped')), ...(await items(other, '?state=skipped'))];
  expect(new Set(skipped.map(({ reason }) => reason))).toEqual(new Set(['migrating-already']));
});

it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
  'a worker that dies at its write %i is followed by another: one link an account',
  async (n) => {
    const id = await started(await accounts(2));
    const { db, runtime, vault, config, clock, makeId } = house.services;
    let left = n;
    const dying =
      <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        if (--left < 0) throw new Error('dead');
        const done = await work(...args);
        if (left === 0) throw new Error('dead');
        return done;
      };
    // Whatever it writes goes through one of these; after the n-th it hears no answer and does no more.
    const mortal = new Proxy(db.campaignItems, {
      get: (target, name) => {
        const found = Reflect.get(target, name) as unknown;
        if (typeof found !== 'function') return found;
        const bound = found.bind(target) as (...args: unknown[]) => Promise<unknown>;
        return ['updateOne', 'findOneAndUpdate'].includes(String(name)) ? dying(bound) : bound;
      },
    });
    const worker = makeCampaigns({
      db: { ...db, campaignItems: mortal },
      runtime: { load: runtime.load, dispatch: dying(runtime.dispatch) },
      ...{ vault, config, clock, makeId },
    });
    await worker.advance(id).catch(() => undefined);
    await another().advance(id);
    const waiting = await items(id, '?state=waiting');
    expect(waiting).toHaveLength(2);
    for (const link of await links(id)) {
      expect((await house.send('GET', link.connectUrl)).status).toBe(200);
      const { seq } = await house.read(link.accountId);
      expect(seq).toBe(2);
    }
  },
);

it('is found by the scheduler when due, told to the queue, and carried on without Redis', async () => {
  const id = await started(await accounts(2));
  const { db, clock } = house.services;
  const offered: string[] = [];
  const offer = (reached: boolean) => async (all: { id: string }[]) => {
    offered.push(...all.map((one) => one.id));
    return { reached, full: [] };
  };
  await tellDueCampaigns({ db, clock, campaigns, queues: { offer: offer(true) } });
  expect(offered).toContain(id);
  expect((await read(id)).counts.waiting).toBe(0);
  await tellDueCampaigns({ db, clock, campaigns, queues: { offer: offer(false) } });
  expect((await read(id)).counts.waiting).toBe(2);
});

it('hands its links out to those who may write, as JSON and CSV, and keeps them nowhere in the clear', async () => {
  const id = await started(await accounts(2));
  await campaigns.advance(id);
  const out = await links(id);
  const headers = { authorization: `Bearer ${house.keys.platform}`, accept: 'text/csv' };
  const csv = await house.send('GET', `/v1/campaigns/${id}/links`, { headers });
  expect(csv.headers.get('cache-control')).toBe('no-store');
  expect(csv.text.split('\r\n')[0]).toBe('accountId,name,accountNumber,externalId,connectUrl,expiresAt');
  for (const { connectUrl } of out) expect(csv.text).toContain(connectUrl);
  expect((await house.call('GET', `/campaigns/${id}/links`, { key: house.keys.reader })).status).toBe(403);
  const { db } = house.services;
  const everything = await Promise.all([
    db.accounts.find({}).toArray(),
    db.history.find({}).toArray(),
    db.events.find({}).toArray(),
    db.campaigns.find({}).toArray(),
    db.campaignItems.find({}).toArray(),
  ]);
  const secrets = out.map(({ connectUrl }) => connectUrl.split('.').at(-1) ?? '');
  for (const secret of secrets) expect(JSON.stringify([everything, house.logged])).not.toContain(secret);
  const report = await house.send('GET', `/v1/campaigns/${id}/accounts`, { headers });
  expect(report.text.trim().split('\r\n')).toHaveLength(3);
  expect(report.text).not.toContain('/connect/');
});

it('belongs to its tenant, and is planned by who may write', async () => {
  const id = await started(await accounts(1));
  for (const path of ['', '/accounts', '/links']) {
    const { status } = await house.call('GET', `/campaigns/${id}${path}`, { key: house.keys.other });
    expect(status).toBe(404);
  }
  expect((await press(id, 'stop', house.keys.other)).status).toBe(404);
  expect((await press(id, 'stop', house.keys.reader)).status).toBe(403);
  expect((await house.call<{ items: object[] }>('GET', '/campaigns', { key: house.keys.other })).body.items).toEqual(
    [],
  );
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
  const { status, body } = await plan('Batch', more);
  expect([status, body.code, body.field]).toEqual([400, 'invalid-input', field]);
});

it('about nobody is refused', async () => {
  const { status, body } = await plan('Nobody is called so');
  expect([status, body.code, body.field]).toEqual([409, 'nothing-to-migrate', 'filter']);
});

it('counts as failing only by what ended since it last went on', () => {
  const campaign = { plan: { waveSize: 10, stopWhenFailedShare: 0.2 }, forgiven: { ended: 10, failed: 10 } } as never;
  const counts = (migrated: number, failed: number) => ({ migrated, failed }) as never;
  expect(failsTooOften(campaign, counts(0, 10))).toBe(false);
  expect(failsTooOften(campaign, counts(4, 11))).toBe(false);
  expect(failsTooOften(campaign, counts(3, 12))).toBe(true);
});
