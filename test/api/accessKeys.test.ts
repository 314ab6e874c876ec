import type {
  ExplanationJson,
  AccessKeyJson,
  AccessKeyPageJson,
  AccountJson,
  RowJson,
  TokenJson,
  VerdictJson,
} from '../../src/api/schemas/answers';
import { goThroughUps } from '../support/merchantBrowser';
import { OLD_KEY, openTestApi, RETURN, type TestApi, type ProblemJson } from './testApi';

const DAY = 86_400_000;

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi('api-access-keys');
});
afterAll(() => api.release());

const readKey = (id: string, key?: string) =>
  api.call<AccessKeyJson & ProblemJson>('GET', `/accounts/${id}/access-key`, key ? { key } : {});
const resolve = (id: string, body: object) =>
  api.call<VerdictJson & ProblemJson>('POST', `/accounts/${id}/resolve`, { body });
const history = async (id: string) =>
  (await api.call<{ items: RowJson[] }>('GET', `/accounts/${id}/history`)).body.items;
const list = async (query = '', key = api.keys.platform) =>
  (await api.call<AccessKeyPageJson>('GET', `/access-keys${query}`, { key })).body;
const token = async (id: string) => (await api.call<TokenJson & ProblemJson>('GET', `/accounts/${id}/token`)).body.code;

/** Presses Resolve, and takes the merchant through UPS with a login that holds these numbers. */
async function migrate(id: string, numbers: string[], body: object = {}): Promise<AccountJson> {
  const { authorization } = (await resolve(id, { action: 'migrate', returnTo: RETURN, ...body })).body;
  await goThroughUps(authorization?.connectUrl ?? '', await api.profile(...numbers), { returnTo: RETURN });
  return api.read(id);
}

const destroyed = async (id: string) => {
  api.pass(1_000);
  await api.services.runtime.wake(id);
};

describe('an account of the XML era', () => {
  it('shows its deadline, serves its key to the platform, and has every reading on record', async () => {
    const { id, accessKey, scheme, state, nextStep } = await api.withKey();
    expect([scheme, state, nextStep?.action]).toEqual(['access-key', 'connected', 'resolve']);
    expect(accessKey).toMatchObject({ daysLeft: 60, remindAt: null, keptUntil: null });
    const { status, body, headers } = await readKey(id);
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(body).toEqual(OLD_KEY);
    const rows = await history(id);
    expect(rows.map(({ type }) => type)).toEqual(['IMPORT', 'ACCESS_KEY_READ']);
    expect(rows[0]).toMatchObject({ seq: 1, from: null, to: 'connected' });
    expect(JSON.stringify([rows, api.logged])).not.toContain('old-');
    expect(await token(id)).toBe('uses-access-key');
  });

  it('gives its key to nobody but the platform of its tenant', async () => {
    const { id } = await api.withKey();
    for (const key of [api.keys.operator, api.keys.reader]) expect((await readKey(id, key)).status).toBe(403);
    expect((await readKey(id, api.keys.other)).status).toBe(404);
    expect((await history(id)).length).toBe(1);
  });

  it('without a key has none to give', async () => {
    const { id } = await api.create();
    expect((await readKey(id)).body.code).toBe('no-access-key');
    expect((await history(id)).length).toBe(1);
  });
});

describe('Resolve', () => {
  it('migrates: swapped when UPS confirms the number, the key destroyed with a receipt', async () => {
    const { id } = await api.withKey();
    const { status, body } = await resolve(id, { action: 'migrate', returnTo: RETURN });
    expect([status, body.verdict, body.from, body.to]).toEqual([200, 'applied', 'connected', 'migrating']);
    expect(body.authorization?.connectUrl).toContain('/connect/');
    expect((await readKey(id)).status).toBe(200);
    expect(await token(id)).toBe('uses-access-key');
    await goThroughUps(body.authorization?.connectUrl ?? '', await api.profile('A1B2C3'), { returnTo: RETURN });
    const now = await api.read(id);
    expect([now.state, now.scheme, now.token?.generation]).toEqual(['connected', 'oauth', 1]);
    await destroyed(id);
    expect((await readKey(id)).body.code).toBe('no-access-key');
    expect((await history(id)).at(-1)).toMatchObject({
      type: 'ACCESS_KEY_DESTROYED',
      actor: 'machine',
      fingerprint: 'f'.repeat(32),
    });
    expect((await api.read(id)).accessKey).toBeNull();
    expect(await token(id)).toBeUndefined();
  });

  it('leaves the account on its key when the wrong login came back, and lists why', async () => {
    const { id, name } = await api.withKey();
    const now = await migrate(id, ['ZZZZZ9']);
    expect([now.state, now.scheme, now.reason]).toEqual(['connected', 'access-key', null]);
    expect(now.lastAuthorization).toMatchObject({ outcome: 'failed', reason: 'account-not-in-profile' });
    expect((await readKey(id)).status).toBe(200);
    const [item] = (await list(`?text=${encodeURIComponent(name)}&failed=true`)).items;
    expect(item).toMatchObject({ id, state: 'connected', lastFailure: { reason: 'account-not-in-profile' } });
  });

  it('postpones to a day before the deadline, and to no other', async () => {
    const { id, name } = await api.withKey({}, { deadlineAt: api.clock.now() + 10 * DAY });
    const day = (days: number) => new Date(api.clock.now() + days * DAY).toISOString();
    const past = await resolve(id, { action: 'postpone', until: day(-1) });
    expect([past.status, past.body.field]).toEqual([400, 'until']);
    const late = await resolve(id, { action: 'postpone', until: day(11) });
    expect([late.status, late.body.verdict, late.body.why]).toEqual([200, 'ignored', 'past-deadline']);
    const until = day(3);
    expect((await resolve(id, { action: 'postpone', until })).body.verdict).toBe('applied');
    const [item] = (await list(`?text=${encodeURIComponent(name)}&postponed=true`)).items;
    expect(item).toMatchObject({ remindAt: until, daysLeft: 10 });
    api.pass(3 * DAY + 1_000);
    await api.services.runtime.wake(id);
    expect((await history(id)).at(-1)).toMatchObject({ type: 'REMINDER_DUE', told: ['account.expiring'] });
    expect((await list(`?text=${encodeURIComponent(name)}`)).items[0]?.remindAt).toBeNull();
  });

  it('takes a date alone', async () => {
    const { id } = await api.withKey();
    const until = new Date(api.clock.now() + 3 * DAY).toISOString().slice(0, 10);
    const { body } = await resolve(id, { action: 'postpone', until });
    expect(body.account.accessKey?.remindAt).toBe(`${until}T00:00:00.000Z`);
  });

  it('deactivates: the key is gone at once, and refuses while a store uses the account', async () => {
    const { id } = await api.withKey();
    await api.call('PUT', `/accounts/${id}/used-by/store/st_1`);
    const inUse = await resolve(id, { action: 'deactivate' });
    expect([inUse.status, inUse.body.why, inUse.body.usedBy]).toEqual([
      409,
      'in-use',
      [{ kind: 'store', ref: 'st_1' }],
    ]);
    await api.call('DELETE', `/accounts/${id}/used-by/store/st_1`);
    expect((await resolve(id, { action: 'deactivate' })).body.to).toBe('inactive');
    expect((await readKey(id)).body.code).toBe('no-access-key');
    await destroyed(id);
    expect((await history(id)).at(-1)?.type).toBe('ACCESS_KEY_DESTROYED');
  });

  it.each([
    [{ action: 'delete' }, 'action'],
    [{}, 'action'],
    [{ action: 'postpone' }, 'until'],
    [{ action: 'postpone', until: 'soon' }, 'until'],
    [{ action: 'postpone', until: '2027-02-30' }, 'until'],
    [{ action: 'migrate', graceDays: 91 }, 'graceDays'],
    [{ action: 'migrate', graceDays: '1' }, 'graceDays'],
    [{ action: 'migrate', until: '2027-01-01' }, 'until'],
    [{ action: 'migrate', returnTo: 'https://elsewhere.example' }, 'returnTo'],
  ])('refuses %j, naming %s', async (body, field) => {
    const { id } = await api.withKey();
    const { status, body: problem } = await resolve(id, body);
    expect([status, problem.code, problem.field]).toEqual([400, 'invalid-input', field]);
    expect((await history(id)).length).toBe(1);
  });

  it('of an account without an old key is illegal', async () => {
    const { id } = await api.connected();
    for (const body of [{ action: 'migrate' }, { action: 'postpone', until: '2099-01-01' }])
      expect((await resolve(id, body)).status).toBe(409);
  });
});

describe('a migration taken back', () => {
  it('brings the old key back while the asked grace lasts', async () => {
    const { id } = await api.withKey();
    const now = await migrate(id, ['A1B2C3'], { graceDays: 2 });
    expect(now.accessKey?.keptUntil).toEqual(expect.any(String));
    expect((await readKey(id)).status).toBe(404);
    const { body } = await api.event(id, { type: 'RESTORE_ACCESS_KEY' });
    expect([body.verdict, body.account.scheme, body.account.token]).toEqual(['applied', 'access-key', null]);
    expect((await readKey(id)).body).toEqual(OLD_KEY);
    expect((await api.event(id, { type: 'RESTORE_ACCESS_KEY' })).body.verdict).toBe('illegal');
  });

  it('is possible until the deadline at the longest, and that is the day shown', async () => {
    const { id, accessKey } = await api.withKey({}, { deadlineAt: Date.now() + 5 * 86_400_000 });
    const now = await migrate(id, ['A1B2C3'], { graceDays: 10 });
    expect(now.accessKey?.keptUntil).toBe(accessKey?.deadline);
  });
});

describe('the list of old keys', () => {
  it('holds those still on one, page by page, with counts on the first page', async () => {
    const { keys } = api;
    const before = (await list()).counts?.total ?? 0;
    const lapsed = await api.withKey({}, { deadlineAt: api.clock.now() - DAY });
    const mine = await api.withKey();
    await api.withKey({}, { tenantId: 'other' });
    const first = await list('?limit=1');
    expect(first.counts).toMatchObject({ total: before + 2 });
    expect(first.items).toHaveLength(1);
    const second = await list(`?limit=200&cursor=${first.nextCursor}`);
    expect(second.counts).toBeUndefined();
    const ids = [...first.items, ...second.items].map(({ id }) => id);
    expect(ids).toEqual([...ids].sort());
    expect(ids).toEqual(expect.arrayContaining([lapsed.id, mine.id]));
    expect((await list('?state=disconnected')).items).toContainEqual(
      expect.objectContaining({ id: lapsed.id, daysLeft: 0, state: 'disconnected' }),
    );
    const all = await list('', keys.admin);
    expect(new Set(all.items.map(({ tenantId }) => tenantId))).toEqual(new Set(['acme', 'other']));
    expect((await list('?tenantId=other', keys.admin)).counts?.total).toBe(1);
  });

  it('comes as CSV, every line of it, with formulas disarmed', async () => {
    const { id } = await api.withKey({ name: '=1+1, "quoted"' });
    const headers = { authorization: `Bearer ${api.keys.reader}`, accept: 'text/csv' };
    const { status, headers: answered, text } = await api.send('GET', '/v1/access-keys', { headers });
    expect([status, answered.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8']);
    const lines = text.trim().split('\r\n');
    expect(lines[0]).toBe('id,name,accountNumber,tenantId,state,deadline,daysLeft,remindAt,lastFailure');
    expect(lines.length).toBe(1 + ((await list()).counts?.total ?? 0));
    expect(lines.find((one) => one.startsWith(id))).toContain(`"'=1+1, ""quoted"""`);
  });

  it.each([
    ['?state=created', 'state'],
    ['?postponed=yes', 'postponed'],
    ['?limit=0', 'limit'],
    ['?cursor=x', 'cursor'],
    ['?scheme=oauth', 'scheme'],
  ])('refuses %s, naming the parameter', async (query, field) => {
    const { status, body } = await api.call('GET', `/access-keys${query}`);
    expect([status, body.field]).toEqual([400, field]);
  });
});

describe('what comes by itself', () => {
  const comes = async (id: string) =>
    (await api.call<ExplanationJson>('GET', `/accounts/${id}/explain`)).body.pending.map(({ what }) => what).sort();

  it('names a reminder only where somebody set one, and no notice after the last', async () => {
    const { id } = await api.withKey();
    expect(await comes(id)).toEqual(['ACCESS_KEY_EXPIRING', 'ACCESS_KEY_LAPSED']);
    const until = new Date(api.clock.now() + 3 * DAY).toISOString();
    await resolve(id, { action: 'postpone', until });
    expect(await comes(id)).toEqual(['ACCESS_KEY_EXPIRING', 'ACCESS_KEY_LAPSED', 'REMINDER_DUE']);
    const late = await api.withKey({}, { deadlineAt: api.clock.now() + DAY / 2 });
    expect(await comes(late.id)).toEqual(['ACCESS_KEY_LAPSED']);
  });

  it('is foretold by a dry run alike', async () => {
    const { id } = await api.withKey({}, { deadlineAt: api.clock.now() + DAY / 2 });
    const until = new Date(api.clock.now() + DAY / 4).toISOString();
    const event = { type: 'POSTPONE', until };
    const { body } = await api.call<VerdictJson>('POST', `/accounts/${id}/events?dryRun=1`, { body: event });
    const timers = (body.wouldDo ?? []).flatMap((effect) => ('timer' in effect ? [effect['timer']] : []));
    expect(timers).toContain('REMINDER_DUE');
    expect(timers).not.toContain('ACCESS_KEY_EXPIRING');
  });
});
