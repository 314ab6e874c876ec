import type { ExplanationJson, TokenJson } from '../../src/api/schemas/answers';
import { openTestApi, type TestApi, type ProblemJson } from './testApi';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi('api-token');
});
afterAll(() => api.release());
afterEach(() => api.control('DELETE', 'faults'));

const token = (id: string, query = '') => api.call<TokenJson & ProblemJson>('GET', `/accounts/${id}/token${query}`);
const HOUR = 3_600_000;

const fault = (what: object) =>
  api.control('POST', 'faults', { match: { path: '/security/v1/oauth/refresh' }, ...what });

describe('a token', () => {
  it('is given at once while enough of it is left', async () => {
    const { id } = await api.connected();
    const before = await api.refreshes();
    const { status, headers, body } = await token(id);
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(body).toEqual({
      accessToken: expect.any(String) as string,
      tokenType: 'Bearer',
      expiresAt: expect.any(String) as string,
      accountNumber: 'A1B2C3',
      generation: 1,
      belowMinTtl: false,
    });
    expect(await api.refreshes()).toBe(before);
    const reads = api.reads();
    await token(id);
    expect(api.reads() - reads).toBe(1);
  });

  it('is refreshed once for all who ask at the same time when too little is left', async () => {
    const { id } = await api.connected();
    const before = await api.refreshes();
    api.pass(HOUR - 60_000);
    const reads = api.reads();
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => token(id)));
    expect(answers.map(({ status, body }) => [status, body.generation])).toEqual(Array(5).fill([200, 2]));
    expect(await api.refreshes()).toBe(before + 1);
    // Each looks before and after, the refresh itself reads once, and the relay may have to; five refreshes would be 20.
    expect(api.reads() - reads).toBeLessThan(20);
  });

  it('is refreshed for a larger wish only as far as that can help', async () => {
    await api.control('POST', 'settings', { accessTokenSeconds: 600 });
    const { id } = await api.connected();
    const before = await api.refreshes();
    const fresh = await token(id, '?minTtl=1800');
    expect([fresh.body.generation, fresh.body.belowMinTtl]).toEqual([1, true]);
    expect(await api.refreshes()).toBe(before);
    api.pass(200_000);
    const later = await token(id, '?minTtl=1800');
    expect([later.body.generation, later.body.belowMinTtl]).toEqual([2, true]);
    await api.control('POST', 'settings', { accessTokenSeconds: 3600 });
  });

  it('is what lives when UPS gives no new one, and 503 with Retry-After when nothing lives', async () => {
    const { id } = await api.connected();
    api.pass(HOUR - 60_000);
    await fault({ do: 'status', status: 429, code: '10429' });
    const old = await token(id);
    expect([old.status, old.body.generation, old.body.belowMinTtl]).toEqual([200, 1, true]);
    api.pass(120_000);
    const none = await token(id);
    expect([none.status, none.body.code]).toEqual([503, 'no-live-token']);
    expect(Number(none.headers.get('retry-after'))).toBeGreaterThan(0);
    api.pass(600_000);
    await api.control('DELETE', 'faults');
    expect((await token(id)).body.generation).toBe(2);
  });

  it('says why nobody asks UPS while the database is in doubt, and whose move it is', async () => {
    const { id } = await api.connected();
    const explain = () => api.call<ExplanationJson>('GET', `/accounts/${id}/explain`);
    const notice = 'The database was restored.';
    api.services.epochNotice = () => notice;
    expect((await explain()).body).toMatchObject({ because: 'Connected.', whoseMove: null });
    api.pass(HOUR + 60_000);
    await fault({ do: 'status', status: 429, code: '10429' });
    const none = await token(id);
    expect([none.status, none.body.code]).toEqual([503, 'no-live-token']);
    expect(none.body.detail).toBe(`The access token has expired, and none is asked for. ${notice}`);
    const { body } = await explain();
    expect(body).toMatchObject({ whoseMove: 'operator', nextStep: { who: 'operator' } });
    expect(body.because).toMatch(/^Connected\..* The database was restored\.$/);
    delete api.services.epochNotice;
    expect((await explain()).body.whoseMove).toBe('ups');
    api.pass(600_000);
  });

  it('is still served while its grant is ending, and refused with the reason when that is over', async () => {
    const { id } = await api.connected();
    const [{ grantId } = { grantId: '' }] = (
      await api.control<{ grants: { grantId: string }[] }>('GET', 'ledger')
    ).grants.slice(-1);
    expect(grantId).not.toBe('');
    api.pass(HOUR - 120_000);
    await fault({ do: 'revoke', times: 1 });
    const ending = await token(id);
    expect([ending.status, ending.body.generation, ending.body.belowMinTtl]).toEqual([200, 1, true]);
    expect(await api.read(id)).toMatchObject({
      state: 'connected',
      stateDetail: { token: 'ending' },
      reason: 'refresh-token-revoked',
      nextStep: { action: 'reconnect' },
    });
    api.pass(180_000);
    const over = await token(id);
    expect([over.status, over.body.code]).toEqual([409, 'refresh-token-revoked']);
    expect(await api.read(id)).toMatchObject({ state: 'disconnected' });
  });

  it('is refused with a code of its own in every other state', async () => {
    const { id } = await api.create();
    expect([(await token(id)).status, (await token(id)).body.code]).toEqual([409, 'not-authorized-yet']);
    await api.link(id);
    expect((await token(id)).body.code).toBe('authorization-pending');
    await api.event(id, { type: 'DEACTIVATE' });
    expect((await token(id)).body.code).toBe('inactive');
  });

  it('waits for a refresh of another process', async () => {
    const { id } = await api.connected();
    api.pass(HOUR - 60_000);
    await fault({ do: 'delay', ms: 400, times: 1 });
    const elsewhere = api.perform(id);
    await api.until(async () => (await api.read(id)).stateDetail.token === 'refreshing');
    const mine = await token(id);
    await elsewhere;
    expect([mine.status, mine.body.generation]).toEqual([200, 2]);
  });

  it('is in no log line', async () => {
    const { id } = await api.connected();
    const { accessToken } = (await token(id)).body;
    const lines = api.logged.join('\n');
    expect(lines).toContain('/v1/accounts/:id/token');
    expect(lines).not.toContain(accessToken);
    for (const secret of [api.keys.platform, 'client-secret-0123456789', '/connect/acc_', 'code='])
      expect(lines).not.toContain(secret);
  });
});
