import {
  Browser,
  authorizePath,
  authorizeUrl,
  call,
  connect,
  control,
  errorOf,
  exchange,
  getCode,
  ledgerOf,
  openTestSandbox,
  probe,
  rate,
  ratePath,
  refresh,
  refreshPath,
  seed,
  tokenPath,
  type TestSandbox,
  type Tokens,
} from './testSandbox';

let ups: TestSandbox;
let tokens: Tokens;
beforeEach(async () => {
  ups = await openTestSandbox();
  await seed(ups, 'merchant', [{ accountNumber: 'A1B2C3' }, { accountNumber: 'D4E5F6' }]);
  await seed(ups, 'other');
  tokens = await connect(ups, 'merchant');
});
afterEach(() => ups.stop());

const fault = (body: object) => control(ups, 'faults', body);
const clear = () => call(`${ups.url}/sandbox/faults`, { method: 'DELETE' });

describe('status', () => {
  test('answers instead of UPS, with its code, message and Retry-After, as often as told', async () => {
    const told = { status: 429, code: '10429', message: 'Slow down', retryAfter: 7 };
    await fault({ match: { path: refreshPath }, do: 'status', ...told, times: 2 });
    for (const _ of [1, 2]) {
      const answer = await refresh(ups, tokens.refresh_token);
      expect(answer.status).toBe(429);
      expect(answer.headers.get('retry-after')).toBe('7');
      expect(answer.body).toEqual({ response: { errors: [{ code: '10429', message: 'Slow down' }] } });
    }
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
  });

  test('has a usual code of its own', async () => {
    await fault({ match: { path: '/api' }, do: 'status', status: 429 });
    expect(errorOf(await rate(ups, tokens.access_token, probe()))).toEqual([429, '10429']);
  });

  test('lasts until it is deleted when no times are given', async () => {
    await fault({ match: { path: ratePath }, do: 'status', status: 500 });
    expect((await rate(ups, tokens.access_token, probe())).status).toBe(500);
    expect((await rate(ups, tokens.access_token, probe())).status).toBe(500);
    expect((await clear()).status).toBe(204);
    expect((await rate(ups, tokens.access_token, probe())).status).toBe(200);
  });
});

describe('forMs', () => {
  test('ends a fault that nobody met, and that for others too', async () => {
    await fault({ match: { path: refreshPath }, do: 'status', status: 500, times: 5, forMs: 60_000 });
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(500);
    ups.move(59_999);
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(500);
    ups.move(1);
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
  });

  test('is refused below one millisecond', async () => {
    const answer = await fault({ match: { path: refreshPath }, do: 'reset', forMs: 0 });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ field: 'forMs' });
  });
});

describe('matching', () => {
  test('takes the first fault that matches', async () => {
    await fault({ match: { path: refreshPath }, do: 'status', status: 500, times: 1 });
    await fault({ match: { path: refreshPath }, do: 'status', status: 502 });
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(500);
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(502);
  });

  test('knows a path whole or by its leading segments, never by half a segment', async () => {
    await fault({ match: { path: '/security/v1/oauth/ref' }, do: 'status', status: 500 });
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
    await fault({ match: { path: '/security' }, do: 'status', status: 502 });
    expect((await refresh(ups, 'x')).status).toBe(502);
    expect((await call(authorizeUrl(ups))).status).toBe(502);
    expect((await rate(ups, tokens.access_token, probe())).status).toBe(200);
  });

  test('knows the account number at rate', async () => {
    await fault({ match: { path: ratePath, accountNumber: 'D4E5F6' }, do: 'status', status: 503 });
    expect((await rate(ups, tokens.access_token, probe('A1B2C3'))).status).toBe(200);
    expect((await rate(ups, tokens.access_token, probe('D4E5F6'))).status).toBe(503);
  });

  test('knows the username at token through the code, at refresh through the grant, at rate through the bearer', async () => {
    const code = await getCode(ups, 'merchant');
    const foreign = await connect(ups, 'other');
    await fault({ match: { path: '/', username: 'merchant' }, do: 'status', status: 503 });
    expect((await exchange(ups, code)).status).toBe(503);
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(503);
    expect((await rate(ups, tokens.access_token, probe())).status).toBe(503);
    expect((await refresh(ups, foreign.refresh_token)).status).toBe(200);
    expect((await rate(ups, foreign.access_token, probe())).status).toBe(200);
  });

  test('knows the username at authorize once the merchant agrees', async () => {
    await fault({ match: { path: authorizePath, username: 'merchant' }, do: 'blocked' });
    const browser = new Browser();
    await browser.open(authorizeUrl(ups));
    expect(browser.status).toBe(200);
    await browser.submit(ups.url, '/login', { username: 'merchant', password: 'merchant-pass' });
    await browser.submit(ups.url, '/consent', { decision: 'allow' });
    expect(browser.status).toBe(403);
    expect(await getCode(ups, 'other')).not.toBe('');
  });
});

describe('connections', () => {
  test('drop-answer processes the request and then hangs up', async () => {
    await fault({ match: { path: tokenPath }, do: 'drop-answer', times: 1 });
    const code = await getCode(ups, 'merchant');
    await expect(exchange(ups, code)).rejects.toThrow();
    expect((await ledgerOf(ups)).grants).toHaveLength(2);
    expect(errorOf(await exchange(ups, code))).toEqual([400, '10402']);
  });

  test('reset hangs up and processes nothing', async () => {
    await fault({ match: { path: refreshPath }, do: 'reset', times: 1 });
    await expect(refresh(ups, tokens.refresh_token)).rejects.toThrow();
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
    const { uses, repeats } = await ledgerOf(ups);
    expect(uses.filter(({ endpoint }) => endpoint === 'refresh').map(({ status }) => status)).toEqual([null, 200]);
    expect(repeats).toMatchObject([{ generation: 1, delivered: false }]);
  });

  test('delay waits and then processes', async () => {
    await fault({ match: { path: refreshPath }, do: 'delay', ms: 120, times: 1 });
    const startedAt = performance.now();
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(115);
  });

  test('a stop does not wait for a delay', async () => {
    await fault({ match: { path: refreshPath }, do: 'delay', ms: 600_000 });
    const pending = refresh(ups, tokens.refresh_token).catch(() => 'hung up');
    await new Promise((resolve) => setImmediate(resolve));
    await ups.restart();
    expect(await pending).toBe('hung up');
  });
});

describe('the merchant’s grants', () => {
  test.each(['revoke', 'password-changed'])(
    '%s ends every grant of the username for good at the next match',
    async (what) => {
      const second = await connect(ups, 'merchant');
      const foreign = await connect(ups, 'other');
      await fault({ match: { path: '/', username: 'merchant' }, do: what, times: 1 });
      expect((await ledgerOf(ups)).grants.every(({ revokedAt }) => revokedAt === null)).toBe(true);
      expect(errorOf(await refresh(ups, tokens.refresh_token))).toEqual([400, '10400']);
      await clear();
      expect(errorOf(await refresh(ups, second.refresh_token))).toEqual([400, '10400']);
      expect(errorOf(await rate(ups, second.access_token, probe()))).toEqual([401, '250002']);
      expect((await refresh(ups, foreign.refresh_token)).status).toBe(200);
      expect((await ledgerOf(ups)).grants.map(({ revokedAt }) => revokedAt !== null)).toEqual([true, true, false]);
    },
  );

  test('expire ends the refresh tokens and leaves access tokens to their own end', async () => {
    await fault({ match: { path: refreshPath, username: 'merchant' }, do: 'expire', times: 1 });
    expect(errorOf(await refresh(ups, tokens.refresh_token))).toEqual([400, '10400']);
    expect(errorOf(await refresh(ups, tokens.refresh_token))).toEqual([400, '10400']);
    expect((await rate(ups, tokens.access_token, probe())).status).toBe(200);
  });

  test('a new authorization after it lives', async () => {
    await fault({ match: { path: refreshPath, username: 'merchant' }, do: 'revoke', times: 1 });
    await refresh(ups, tokens.refresh_token);
    const anew = await connect(ups, 'merchant');
    expect((await refresh(ups, anew.refresh_token)).status).toBe(200);
  });

  test('blocked answers 403 until it is deleted', async () => {
    await fault({ match: { path: '/', username: 'merchant' }, do: 'blocked' });
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(403);
    expect(errorOf(await rate(ups, tokens.access_token, probe()))).toEqual([403, '10403']);
    await clear();
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
  });
});

describe('orders that make no sense', () => {
  const match = { path: refreshPath };
  test.each([
    ['do', { match }],
    ['do', { match, do: 'explode' }],
    ['match', { do: 'reset' }],
    ['match.path', { match: {}, do: 'reset' }],
    ['match.path', { match: { path: 'refresh' }, do: 'reset' }],
    ['match.user', { match: { ...match, user: 'x' }, do: 'reset' }],
    ['status', { match, do: 'status' }],
    ['status', { match, do: 'status', status: 200 }],
    ['status', { match, do: 'status', status: '429' }],
    ['retryAfter', { match, do: 'status', status: 429, retryAfter: -1 }],
    ['ms', { match, do: 'delay' }],
    ['ms', { match, do: 'reset', ms: 5 }],
    ['times', { match, do: 'reset', times: 0 }],
  ])('are refused by the name of %s', async (field, body) => {
    const answer = await control(ups, 'faults', body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'invalid-input', field });
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
  });
});
