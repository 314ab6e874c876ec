import { once } from 'node:events';
import { connect } from 'node:net';
import type { AccountJson, RowJson, VerdictJson } from '../../src/api/schemas/answers';
import { accountIdOf } from '../../src/hash';
import { newAccount, openTestApi, type TestApi } from './testApi';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi('api-accounts');
});
afterAll(() => api.release());

type Page<T> = { items: T[]; nextCursor: string | null };

const history = async (id: string, after = 0) =>
  (await api.call<Page<RowJson>>('GET', `/accounts/${id}/history?after=${after}`)).body;

describe('creation', () => {
  it('answers 201, then 200 for an equal request with the account as it is now, else 409', async () => {
    const body = newAccount({ externalId: 'carrier-77' });
    const first = await api.call<AccountJson>('POST', '/accounts', { body });
    expect(first.status).toBe(201);
    expect(first.body).toEqual({
      id: accountIdOf('acme', body.name),
      tenantId: 'acme',
      externalId: 'carrier-77',
      name: body.name,
      accountNumber: 'A1B2C3',
      owner: 'shipper',
      address: body.address,
      scheme: null,
      state: 'created',
      stateDetail: {},
      reason: null,
      message: 'Not connected to UPS yet.',
      since: expect.any(String) as string,
      nextStep: { who: 'merchant', action: 'authorize', text: expect.any(String) as string },
      lastAuthorization: null,
      seq: 1,
      settingsSeq: 1,
      refreshPolicy: 'eager',
      usedBy: [],
      token: null,
      accessKey: null,
      createdAt: expect.any(String) as string,
      updatedAt: expect.any(String) as string,
    });
    await api.call('PATCH', `/accounts/${first.body.id}`, {
      body: { owner: 'store' },
      headers: { 'if-match': '"1"' },
    });
    const again = await api.call<AccountJson>('POST', '/accounts', { body: { ...body, name: `  ${body.name} ` } });
    expect([again.status, again.body.owner, again.body.seq]).toEqual([200, 'store', 2]);
    const other = await api.call('POST', '/accounts', { body: { ...body, owner: 'store' } });
    expect([other.status, other.body.code, other.body.field]).toEqual([409, 'name-taken', 'name']);
    expect(other.body.way_out).toBeUndefined();
  });

  it('says how a name of an inactive account can be had', async () => {
    const account = await api.create();
    await api.event(account.id, { type: 'DEACTIVATE' });
    const body = newAccount({ name: account.name, owner: 'store' });
    expect((await api.call('POST', '/accounts', { body })).body).toMatchObject({
      code: 'name-taken',
      way_out: 'REACTIVATE',
    });
  });

  it('makes one account of many equal requests at once', async () => {
    const body = newAccount();
    const answers = await Promise.all([1, 2, 3, 4].map(() => api.call<AccountJson>('POST', '/accounts', { body })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
    expect(new Set(answers.map(({ body: { id } }) => id)).size).toBe(1);
  });

  it("takes names apart by case, joins them by form, and takes the tenant's refresh policy", async () => {
    const name = `Caf\u00e9 ${Date.now()}`;
    const body = newAccount({ name });
    const first = await api.call<AccountJson>('POST', '/accounts', { body });
    const decomposed = await api.call<AccountJson>('POST', '/accounts', {
      body: { ...body, name: name.normalize('NFD') },
    });
    expect([decomposed.status, decomposed.body.id]).toEqual([200, first.body.id]);
    const upper = await api.call<AccountJson>('POST', '/accounts', { body: { ...body, name: name.toUpperCase() } });
    expect(upper.status).toBe(201);
  });
});

describe('settings', () => {
  it('change only for whoever has seen them as they are', async () => {
    const { id } = await api.create();
    const patch = (body: object, ifMatch?: string) =>
      api.call<AccountJson & { code: string }>('PATCH', `/accounts/${id}`, {
        body,
        ...(ifMatch !== undefined && { headers: { 'if-match': ifMatch } }),
      });
    expect((await patch({ owner: 'store' })).body).toMatchObject({ status: 428, code: 'if-match-required' });
    expect((await patch({ name: 'New' })).body).toMatchObject({
      status: 422,
      code: 'name-is-immutable',
      field: 'name',
    });
    expect((await patch({ owner: 'store' }, '"9"')).body).toMatchObject({ status: 412, code: 'stale' });
    expect((await patch({ owner: 'store' }, '"elsewhere"')).body).toMatchObject({ status: 412, code: 'stale' });
    expect((await patch({ owner: 'store' }, '1')).body).toMatchObject({ status: 400, field: 'If-Match' });
    const changed = await patch({ owner: 'store', externalId: null }, '"1"');
    expect([changed.status, changed.body.owner, changed.body.settingsSeq]).toEqual([200, 'store', 2]);
    expect((await patch({ owner: 'shipper' }, '"1"')).status).toBe(412);
    expect((await history(id)).items.map(({ type }) => type)).toEqual(['CREATE', 'EDIT']);
  });

  it.each([
    ['"01"', 412, 'stale'],
    ['"+1"', 412, 'stale'],
    ['"abc"', 412, 'stale'],
    ['W/"1"', 412, 'stale'],
    ['1', 400, 'invalid-input'],
    ['abc', 400, 'invalid-input'],
    ['"1', 400, 'invalid-input'],
    ['*', 400, 'invalid-input'],
    ['"1", "2"', 400, 'invalid-input'],
  ])('are not changed for If-Match: %s, which is told what it should look like', async (ifMatch, status, code) => {
    const { id } = await api.create();
    const { body } = await api.call('PATCH', `/accounts/${id}`, {
      body: { owner: 'store' },
      headers: { 'if-match': ifMatch },
    });
    expect(body).toMatchObject({ status, code, field: 'If-Match' });
    expect(body.detail).toContain('such as If-Match: "');
    expect((await api.read(id)).settingsSeq).toBe(1);
  });

  it('of a connected account are verified when the number changes, and the queue is told', async () => {
    const { id, settingsSeq } = await api.connected();
    const told = api.handed.length;
    const headers = { 'if-match': `"${settingsSeq}"` };
    const { body } = await api.call<AccountJson>('PATCH', `/accounts/${id}`, {
      body: { accountNumber: 'Z9Y8X7' },
      headers,
    });
    expect(body).toMatchObject({ state: 'connected', accountNumber: 'Z9Y8X7', stateDetail: { consent: 'verifying' } });
    expect(api.handed.slice(told)).toMatchObject([{ id, queue: 'authorization' }]);
    await api.perform(id);
    expect(await api.read(id)).toMatchObject({ state: 'disconnected', reason: 'account-not-in-profile' });
  });
});

describe('uses', () => {
  it('are noted once, dropped once, and leave no row when nothing changes', async () => {
    const { id } = await api.create();
    const use = (method: string, kind: string, ref: string) =>
      api.call<AccountJson>(method, `/accounts/${id}/used-by/${kind}/${encodeURIComponent(ref)}`);
    expect((await use('PUT', 'store', 'st 1/ä')).body.usedBy).toEqual([{ kind: 'store', ref: 'st 1/ä' }]);
    expect((await use('PUT', 'store', 'st 1/ä')).status).toBe(200);
    const refused = await api.event(id, { type: 'DEACTIVATE' });
    expect(refused.status).toBe(409);
    expect(refused.headers.get('content-type')).toContain('application/json');
    expect(refused.body).toMatchObject({
      verdict: 'ignored',
      why: 'in-use',
      usedBy: [{ kind: 'store', ref: 'st 1/ä' }],
    });
    expect((await use('DELETE', 'store', 'st 1/ä')).body.usedBy).toEqual([]);
    expect((await use('DELETE', 'store', 'st 1/ä')).status).toBe(200);
    expect((await history(id)).items.map(({ type }) => type)).toEqual(['CREATE', 'USE', 'UNUSE']);
    expect((await api.event(id, { type: 'DEACTIVATE' })).body.to).toBe('inactive');
    const closed = await use('PUT', 'store', 'late');
    expect([closed.status, closed.body]).toMatchObject([409, { code: 'inactive' }]);
  });

  it('are left as they are by a request whose client has gone, and was answered since', async () => {
    const { id } = await api.create();
    const { hostname, port } = new URL(api.publicUrl);
    const path = `/v1/accounts/${id}/used-by/store/s1`;
    const headers = `Host: ${hostname}\r\nAuthorization: Bearer ${api.keys.platform}\r\nContent-Length: 0`;
    for (let n = 0; n < 5; n++) {
      const socket = connect(Number(port), hostname).resume();
      await once(socket, 'connect');
      socket.end(`PUT ${path} HTTP/1.1\r\n${headers}\r\n\r\n`);
      await once(socket, 'close');
    }
    expect((await api.read(id)).usedBy).toEqual([]);
    await api.call('PUT', `/accounts/${id}/used-by/store/s2`);
    expect((await history(id)).items.map(({ type }) => type)).toEqual(['CREATE', 'USE']);
  });

  it('are a hundred at most', async () => {
    const { id } = await api.create();
    for (let n = 0; n < 100; n++) await api.call('PUT', `/accounts/${id}/used-by/warehouse/w${n}`);
    const more = await api.call('PUT', `/accounts/${id}/used-by/warehouse/w100`);
    expect([more.status, more.body.code]).toEqual([409, 'too-many-uses']);
    expect((await api.call('PUT', `/accounts/${id}/used-by/warehouse/w5`)).status).toBe(200);
  });
});

describe('lists', () => {
  it('page through one tenant in order of id, filtered', async () => {
    const key = (await api.services.apiKeys.create({ tenantId: 'other', role: 'platform', createdBy: 'cli' })).key;
    const made: string[] = [];
    for (let n = 0; n < 5; n++) {
      const body = newAccount({ name: `List ${n}`, externalId: n === 2 ? 'two' : null });
      made.push((await api.call<AccountJson>('POST', '/accounts', { body, key })).body.id);
    }
    const list = async (query: string) =>
      (await api.call<Page<AccountJson>>('GET', `/accounts?${query}`, { key })).body;
    const first = await list('limit=2');
    const second = await list(`limit=2&cursor=${first.nextCursor}`);
    const third = await list(`limit=2&cursor=${second.nextCursor}`);
    expect([...first.items, ...second.items, ...third.items].map(({ id }) => id)).toEqual(made.sort());
    expect(third.nextCursor).toBeNull();
    expect((await list('text=list%202')).items.map(({ name }) => name)).toEqual(['List 2']);
    expect((await list('externalId=two')).items).toHaveLength(1);
    expect((await list('state=connected')).items).toEqual([]);
  });
});

describe('history and explain', () => {
  it('tell the whole life in readable words, at once, and no secret', async () => {
    const account = await api.connected();
    await api.event(account.id, { type: 'DISCONNECT', note: 'A test' }, api.keys.operator);
    const { items, nextCursor } = await history(account.id);
    expect(nextCursor).toBeNull();
    expect(items.map(({ seq }) => seq)).toEqual(items.map((_, n) => n + 1));
    expect(items.map(({ type, from, to, actor }) => [type, from, to, actor.replace(/:.*/, '')])).toEqual([
      ['CREATE', null, 'created', 'key'],
      ['AUTHORIZE', 'created', 'pending-authorization', 'key'],
      ['CODE_RECEIVED', 'pending-authorization', 'pending-authorization', 'merchant'],
      ['EXCHANGED', 'pending-authorization', 'pending-authorization', 'machine'],
      ['VERIFIED', 'pending-authorization', 'connected', 'machine'],
      ['DISCONNECT', 'connected', 'disconnected', 'key'],
    ]);
    expect(items[3]).toMatchObject({ generation: 1, expiresAt: expect.any(String) as string });
    expect(items[5]).toMatchObject({
      note: 'A test',
      reason: 'disconnected-by-operator',
      told: ['account.disconnected'],
    });
    expect((await history(account.id, 5)).items.map(({ seq }) => seq)).toEqual([6]);
    const explained = await api.call('GET', `/accounts/${account.id}/explain`);
    expect(explained.body).toMatchObject({
      state: 'disconnected',
      because: 'An operator disconnected the account.',
      whoseMove: 'merchant',
      lastUpsAnswer: { endpoint: 'rate', httpStatus: 200 },
      pending: [],
    });
    const all = JSON.stringify([items, explained.body]);
    expect(all).not.toMatch(/Hash|verifier|access"|refresh"/);
  });

  it('name what is pending and why the last authorization brought nothing', async () => {
    const { id } = await api.create();
    await api.link(id);
    const waiting = await api.call('GET', `/accounts/${id}/explain`);
    expect(waiting.body).toMatchObject({ pending: [{ what: 'CONSENT_LAPSED', at: expect.any(String) as string }] });
    await api.event(id, { type: 'CANCEL_AUTHORIZATION' });
    const after = await api.call<{ because: string }>('GET', `/accounts/${id}/explain`);
    expect(after.body.because).toContain('cancelled');
  });

  it('page by a hundred rows', async () => {
    const { id } = await api.create();
    for (let n = 0; n < 60; n++) {
      await api.call('PUT', `/accounts/${id}/used-by/store/s`);
      await api.call('DELETE', `/accounts/${id}/used-by/store/s`);
    }
    const first = await history(id);
    const rest = await history(id, Number(first.nextCursor));
    expect([first.items.length, first.nextCursor, rest.items.length, rest.nextCursor]).toEqual([100, '100', 21, null]);
  });
});

describe('events', () => {
  it('get a verdict: applied, duplicate, ignored, illegal', async () => {
    const { id } = await api.create();
    const first = await api.event(id, { id: 'mine-1', type: 'DEACTIVATE' });
    expect([first.status, first.body]).toMatchObject([
      200,
      {
        verdict: 'applied',
        eventId: 'mine-1',
        seq: 2,
        from: 'created',
        to: 'inactive',
        why: null,
        allowed: ['REACTIVATE'],
      },
    ]);
    const again = await api.event(id, { type: 'DEACTIVATE', id: 'mine-1' });
    expect([again.status, again.body]).toMatchObject([200, { verdict: 'duplicate', seq: 2, to: 'inactive' }]);
    const reused = await api.event(id, { id: 'mine-1', type: 'REACTIVATE' });
    expect([reused.status, reused.body]).toMatchObject([409, { code: 'event-id-reused', field: 'id' }]);
    for (const type of ['MIGRATE', 'REFRESH', 'VERIFY', 'CANCEL_AUTHORIZATION']) {
      const illegal = await api.event(id, { type });
      expect([illegal.status, illegal.body.verdict, illegal.body.seq]).toEqual([409, 'illegal', 2]);
      expect(illegal.headers.get('content-type')).toContain('application/json');
    }
    const postponed = await api.event(id, { type: 'POSTPONE', until: '2027-01-01T00:00:00.000Z' });
    expect([postponed.status, postponed.body.verdict]).toEqual([409, 'illegal']);
  });

  it('say what would happen, and write nothing, in a dry run', async () => {
    const { id } = await api.create();
    const dry = (body: object) => api.call<VerdictJson>('POST', `/accounts/${id}/events?dryRun=1`, { body });
    const would = await dry({ id: 'dry-1', type: 'AUTHORIZE' });
    expect(would.status).toBe(200);
    expect(would.body).toMatchObject({ verdict: 'applied', to: 'pending-authorization', authorization: null });
    expect(would.body.wouldDo).toEqual(
      expect.arrayContaining([
        { timer: 'CONSENT_LAPSED', dueAt: expect.any(String) as string },
        { emit: 'account.authorization-started', data: { reason: null } },
        { patch: 'openLink' },
      ]),
    );
    const illegal = await dry({ type: 'REACTIVATE' });
    expect([illegal.status, illegal.body.wouldDo]).toEqual([409, []]);
    expect(await api.read(id)).toMatchObject({ state: 'created', seq: 1 });
    expect((await api.event(id, { id: 'dry-1', type: 'AUTHORIZE' })).body.verdict).toBe('applied');
  });

  it('bring the link with AUTHORIZE, and not again with its duplicate', async () => {
    const { id } = await api.create();
    const first = await api.event(id, { id: 'a-1', type: 'AUTHORIZE', returnTo: 'http://localhost:9999/x' });
    expect(first.body.authorization?.connectUrl).toMatch(
      new RegExp(`^${api.publicUrl}/connect/${id}\\.[A-Za-z0-9_-]{43}$`),
    );
    const again = await api.event(id, { id: 'a-1', type: 'AUTHORIZE', returnTo: 'http://localhost:9999/x' });
    expect(again.body).toMatchObject({ verdict: 'duplicate', authorization: null });
  });

  it('explain why a link cannot be made', async () => {
    const { id } = await api.create();
    await api.event(id, { type: 'DEACTIVATE' });
    const answer = await api.call('POST', `/accounts/${id}/authorization`);
    expect([answer.status, answer.body]).toMatchObject([409, { code: 'illegal-event', way_out: 'REACTIVATE' }]);
  });
});
