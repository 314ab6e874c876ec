/** What people see of answers that cannot be understood, do not come from UPS, or lack something. */

import type { ExplanationJson, RowJson } from '../../src/api/schemas/answers';
import { runExplain } from '../../src/cli/accounts/explain';
import { factsOf } from '../../src/pages/historyWords';
import { goThroughUps } from '../support/merchantBrowser';
import { openTestApi, RETURN, type TestApi } from './testApi';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi('api-ups-answers');
});
afterAll(() => api.release());
afterEach(() => api.control('DELETE', 'faults'));

const paths = {
  token: '/security/v1/oauth/token',
  refresh: '/security/v1/oauth/refresh',
  rate: '/api/rating/v2409/Rate',
};
const fault = (where: keyof typeof paths, what: object) =>
  api.control('POST', 'faults', { match: { path: paths[where] }, ...what });
const explain = async (id: string) => (await api.call<ExplanationJson>('GET', `/accounts/${id}/explain`)).body;
const rows = async (id: string) =>
  (await api.call<{ items: RowJson[] }>('GET', `/accounts/${id}/history?after=0`)).body.items;
const token = (id: string) => api.call<{ generation: number }>('GET', `/accounts/${id}/token`);

const SECRET = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVPmB92K27uhbUr';
const DUE_MS = 3_540_000;

/** What `accounts explain` prints, without a terminal's width. */
async function printed(id: string): Promise<string> {
  let text = '';
  const out = { width: 1000, result: (_: unknown, show: () => string) => void (text = show()) };
  await runExplain({ MONGODB_URL: api.services.config.mongodbUrl }, out as never, id, {});
  return text;
}

describe('a gateway that answers instead of UPS', () => {
  it('at token: the merchant may try again, and everybody sees what came', async () => {
    const account = await api.create();
    const page = `<html><head><title>403 Forbidden</title></head><p>code=${SECRET}</p></html>`;
    await fault('token', { do: 'html', status: 403, body: page, times: 1 });
    const login = await api.profile('A1B2C3');
    const { connectUrl } = await api.link(account.id);
    const back = await goThroughUps(connectUrl, login, { returnTo: RETURN });
    expect(JSON.stringify(back)).toContain('authorization-interrupted');
    const { because, lastUpsAnswer } = await explain(account.id);
    expect(lastUpsAnswer).toMatchObject({
      endpoint: 'token',
      httpStatus: 403,
      code: null,
      message: 'The answer was not understood (text/html): 403 Forbidden [removed]',
      unread: { contentType: 'text/html', excerpt: '403 Forbidden [removed]' },
    });
    expect(because).toContain("UPS's last answer (token, status 403) could not be understood.");
    const failed = (await rows(account.id)).find(({ type }) => type === 'EXCHANGE_FAILED');
    expect(failed).toMatchObject({ ups: { httpStatus: 403, message: lastUpsAnswer?.message } });
    expect(failed && factsOf(failed)).toContain('403 The answer was not understood (text/html)');
    const text = await printed(account.id);
    expect(text).toContain('The answer was not understood (text/html): 403 Forbidden');
    expect(JSON.stringify([await rows(account.id), text])).not.toContain(SECRET.slice(0, 12));
  });

  it('at refresh: the account stays connected, and its explanation counts the tries', async () => {
    const { id } = await api.connected();
    const body = JSON.stringify({ access_token: SECRET, refresh_token: SECRET }).slice(0, 60);
    await fault('refresh', { do: 'html', status: 200, body, contentType: 'application/json' });
    api.pass(DUE_MS);
    await api.perform(id);
    const first = await explain(id);
    expect(first.because).toContain('The last refresh attempt failed.');
    api.pass(400_000);
    await api.perform(id);
    const { state, because, lastUpsAnswer } = await explain(id);
    expect(state).toBe('connected');
    expect(because).toContain('The last 2 refresh attempts failed.');
    expect(because).toContain("UPS's last answer (refresh, status 200) could not be understood.");
    expect(lastUpsAnswer?.unread).toEqual({
      contentType: 'application/json',
      excerpt: '{"access_token":[removed]',
    });
    expect((await api.read(id)).stateDetail).toMatchObject({ token: 'backing-off' });
    const seen = JSON.stringify([await rows(id), await explain(id), api.logged, await printed(id)]);
    expect(seen).not.toContain(SECRET.slice(0, 12));
  });

  it('an answer of UPS is understood', async () => {
    const { id } = await api.connected();
    const { because, lastUpsAnswer } = await explain(id);
    expect(because).toBe('Connected.');
    expect(lastUpsAnswer).toMatchObject({ httpStatus: 200, message: expect.any(String) as string, unread: null });
  });
});

it('a refresh that was answered without a refresh token says so in history', async () => {
  const { id } = await api.connected();
  const before = (await api.read(id)).token;
  await fault('refresh', { do: 'keep-refresh-token', times: 1 });
  api.pass(DUE_MS);
  expect((await token(id)).body.generation).toBe(2);
  const refreshed = (await rows(id)).findLast(({ type }) => type === 'REFRESHED');
  expect(refreshed).toMatchObject({
    refreshTokenKept: true,
    generation: 2,
    refreshExpiresAt: before?.refreshExpiresAt,
  });
  expect(refreshed && factsOf(refreshed)).toContain('the old one stays in use');
  api.pass(DUE_MS);
  expect((await token(id)).body.generation).toBe(3);
  expect((await rows(id)).findLast(({ type }) => type === 'REFRESHED')).not.toHaveProperty('refreshTokenKept');
  const ledger = await api.control<{ violations: unknown[]; repeats: unknown[] }>('GET', 'ledger');
  expect(ledger.violations).toEqual([]);
});

it('where UPS offers no service, nobody is told to mend an address', async () => {
  const account = await api.create();
  await fault('rate', { do: 'no-service' });
  const { connectUrl } = await api.link(account.id);
  const back = await goThroughUps(connectUrl, await api.profile('A1B2C3'), { returnTo: RETURN });
  expect(JSON.stringify(back)).toContain('verification-refused');
  const { because, lastUpsAnswer } = await explain(account.id);
  expect(because).toContain('UPS offers none of the services used to check the account between these places.');
  expect(because).not.toMatch(/correct|address/i);
  expect(lastUpsAnswer).toMatchObject({ code: '111210', message: expect.stringContaining('unavailable') as string });
  const failed = (await rows(account.id)).find(({ type }) => type === 'VERIFICATION_FAILED');
  expect(failed).toMatchObject({ result: 'refused', ups: { code: '111210' } });
  const done = await api.send('GET', '/connect/done?outcome=failed&reason=verification-refused');
  expect(done.text).not.toMatch(/Correct the ship-from address/);
});
