import {
  Browser,
  authorizeUrl,
  connect,
  errorOf,
  exchange,
  getCode,
  ledgerOf,
  openTestSandbox,
  makeVerifier,
  probe,
  rate,
  refresh,
  seed,
  sha256,
  type TestSandbox,
} from './testSandbox';

let ups: TestSandbox;
beforeEach(async () => {
  ups = await openTestSandbox();
  await seed(ups, 'merchant');
});
afterEach(() => ups.stop());

test('a merchant logs in, agrees, and the code becomes tokens that rate and refresh', async () => {
  const tokens = await connect(ups, 'merchant');
  expect(tokens).toEqual({
    refresh_token_expires_in: '5184000',
    refresh_token_status: 'approved',
    token_type: 'Bearer',
    issued_at: `${ups.now()}`,
    client_id: 'client-1',
    access_token: expect.any(String) as string,
    refresh_token: expect.any(String) as string,
    scope: '',
    refresh_token_issued_at: `${ups.now()}`,
    expires_in: '3600',
    refresh_count: '0',
    status: 'approved',
  });
  const rated = await rate(ups, tokens.access_token, probe());
  expect(rated.status).toBe(200);
  const next = await refresh(ups, tokens.refresh_token);
  expect(next.status).toBe(200);
  expect(Object.keys(next.body).sort()).toEqual(Object.keys(tokens).sort());
  expect(next.body['refresh_count']).toBe('1');

  const ledger = await ledgerOf(ups);
  expect(ledger.grants).toEqual([
    {
      grantId: expect.any(String) as string,
      username: 'merchant',
      issuedAt: '2026-11-23T08:00:00.000Z',
      revokedAt: null,
    },
  ]);
  expect(ledger.tokens.map(({ generation, accessTokenSha256 }) => [generation, accessTokenSha256])).toEqual([
    [1, sha256(tokens.access_token)],
    [2, sha256(next.body.access_token)],
  ]);
  expect(ledger.uses.map(({ endpoint, status, username }) => [endpoint, status, username])).toEqual([
    ['authorize', 302, null],
    ['token', 200, 'merchant'],
    ['rate', 200, 'merchant'],
    ['refresh', 200, 'merchant'],
  ]);
  expect(ledger.violations).toEqual([]);
  expect(ledger.repeats).toEqual([]);
});

test('PKCE takes the place of Basic', async () => {
  const { verifier, challenge } = makeVerifier();
  const code = await getCode(ups, 'merchant', { code_challenge: challenge });
  expect(errorOf(await exchange(ups, code, { code_verifier: verifier }))).toEqual([400, '10400']);
});

test('a merchant who denies goes back with access_denied and the state', async () => {
  const browser = new Browser();
  await browser.open(authorizeUrl(ups));
  await browser.submit(ups.url, '/login', { username: 'merchant', password: 'merchant-pass' });
  const back = await browser.submit(ups.url, '/consent', { decision: 'deny' });
  expect(back).toBe('http://localhost:4400/oauth/callback?error=access_denied&state=st-1');
});
