import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import {
  authorizePath,
  authorizeUrl,
  call,
  errorOf,
  ledgerOf,
  openTestSandbox,
  redirectUri,
  seed,
  type TestSandbox,
} from './testSandbox';

let ups: TestSandbox;
beforeAll(async () => {
  ups = await openTestSandbox();
  await seed(ups, 'merchant');
});
afterAll(() => ups.stop());

test('sends the browser on to the login page with all it needs', async () => {
  const challenge = 'c'.repeat(43);
  const answer = await call(authorizeUrl(ups, { code_challenge: challenge, scope: 'a b' }));
  expect(answer.status).toBe(302);
  expect(answer.headers.get('appname')).toBe('upslink');
  expect(answer.headers.get('displayname')).toBe('upslink');
  const location = new URL(answer.headers.get('location') ?? '');
  expect(location.origin).toBe(ups.url);
  expect(Object.fromEntries(location.searchParams)).toEqual({
    client_id: 'client-1',
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'a b',
    state: 'st-1',
    code_challenge: challenge,
    type: 'ups_com_api',
  });
});

test.each([
  ['an unknown client', { client_id: 'client-2' }, [401, '10401'], 'client'],
  ['no client', { client_id: '' }, [401, '10401'], 'client'],
  ['a foreign redirect', { redirect_uri: 'https://evil.example/oauth/callback' }, [400, '10400'], 'redirect'],
  ['a redirect that only starts alike', { redirect_uri: `${redirectUri}/x` }, [400, '10400'], 'redirect'],
  ['no redirect', { redirect_uri: '' }, [400, '10400'], 'redirect'],
  ['another response type', { response_type: 'token' }, [400, '10400'], null],
  ['no response type', { response_type: '' }, [400, '10400'], null],
  ['a challenge that is no S256 value', { code_challenge: 'plain' }, [400, '10400'], 'pkce'],
])('refuses %s and redirects nowhere', async (_what, params, error, violation) => {
  const before = (await ledgerOf(ups)).violations.length;
  const answer = await call(authorizeUrl(ups, params));
  expect(errorOf(answer)).toEqual(error);
  expect(answer.headers.get('location')).toBeNull();
  const { violations, uses } = await ledgerOf(ups);
  expect(violations.slice(before).map(({ kind }) => kind)).toEqual(violation === null ? [] : [violation]);
  expect(uses.at(-1)).toMatchObject({ endpoint: 'authorize', status: error[0], code: error[1], grantId: null });
});

test.each(['a@evil.example', 'evil.example/x', 'evil.example?', 'x y', 'evil.example#'])(
  'leads to itself where the Host header can be no host: %s',
  async (host) => {
    const { port, pathname, search } = new URL(authorizeUrl(ups));
    const asked = request({ host: '127.0.0.1', port, path: `${pathname}${search}`, headers: { host }, agent: false });
    asked.end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    answer.resume();
    expect(new URL(answer.headers.location ?? '').origin).toBe(`http://localhost:${port}`);
  },
);

test('refuses a repeated parameter', async () => {
  expect(errorOf(await call(`${authorizeUrl(ups)}&state=st-2`))).toEqual([400, '10400']);
});

test('refuses what UPS has no such path for', async () => {
  expect(errorOf(await call(`${ups.url}/security/v1/oauth/revoke`, { method: 'POST' }))).toEqual([404, '10404']);
  expect(errorOf(await call(`${ups.url}/api/shipments/v1/ship`, { method: 'POST' }))).toEqual([404, '10404']);
  expect(errorOf(await call(`${ups.url}${authorizePath}`, { method: 'POST' }))).toEqual([405, '10405']);
});
