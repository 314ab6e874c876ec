import {
  basic,
  call,
  connect,
  control,
  errorOf,
  form,
  ledgerOf,
  openTestSandbox,
  probe,
  rate,
  refresh,
  refreshPath,
  seed,
  until,
  type TestSandbox,
  type Tokens,
} from './testSandbox';

let ups: TestSandbox;
let tokens: Tokens;
beforeEach(async () => {
  ups = await openTestSandbox();
  await seed(ups, 'merchant');
  tokens = await connect(ups, 'merchant');
});
afterEach(() => ups.stop());

const rateStatus = async (token: string) => (await rate(ups, token, probe())).status;
const dead = [400, '10400'];

describe('rotation', () => {
  test('gives a new pair, counts it, and kills the old refresh token', async () => {
    const second = (await refresh(ups, tokens.refresh_token)).body;
    expect(second.refresh_token).not.toBe(tokens.refresh_token);
    expect(second.access_token).not.toBe(tokens.access_token);
    expect(second['refresh_count']).toBe('1');
    const again = await refresh(ups, tokens.refresh_token);
    expect(errorOf(again)).toEqual(dead);
    expect(again.body).toEqual({ response: { errors: [{ code: '10400', message: 'Invalid Refresh Token' }] } });
    const third = (await refresh(ups, second.refresh_token)).body;
    expect(third['refresh_count']).toBe('2');
  });

  test('leaves the old access token to its own end, unless told otherwise', async () => {
    const second = (await refresh(ups, tokens.refresh_token)).body;
    expect(await rateStatus(tokens.access_token)).toBe(200);
    await control(ups, 'settings', { oldAccessTokenLives: false });
    const third = (await refresh(ups, second.refresh_token)).body;
    expect(await rateStatus(tokens.access_token)).toBe(401);
    expect(await rateStatus(second.access_token)).toBe(401);
    expect(await rateStatus(third.access_token)).toBe(200);
  });

  test('starts the refresh token’s time anew by default', async () => {
    await control(ups, 'settings', { refreshTokenSeconds: 100 });
    tokens = await connect(ups, 'merchant');
    ups.move(99_999);
    const second = (await refresh(ups, tokens.refresh_token)).body;
    expect(second['refresh_token_expires_in']).toBe('100');
    ups.move(99_999);
    expect((await refresh(ups, second.refresh_token)).status).toBe(200);
  });

  test('goes on with the first refresh token’s time when told so', async () => {
    await control(ups, 'settings', { refreshTokenSeconds: 100, rotationRestarts: false });
    tokens = await connect(ups, 'merchant');
    ups.move(60_000);
    const second = (await refresh(ups, tokens.refresh_token)).body;
    expect(second['refresh_token_expires_in']).toBe('40');
    expect(second['refresh_token_issued_at']).toBe(`${ups.now()}`);
    ups.move(40_000);
    expect(errorOf(await refresh(ups, second.refresh_token))).toEqual(dead);
  });
});

describe('time', () => {
  test('ends an access token after its seconds', async () => {
    ups.move(3_599_999);
    expect(await rateStatus(tokens.access_token)).toBe(200);
    ups.move(1);
    expect(await rateStatus(tokens.access_token)).toBe(401);
  });

  test('ends a refresh token after its seconds', async () => {
    ups.move(5_184_000_000);
    expect(errorOf(await refresh(ups, tokens.refresh_token))).toEqual(dead);
  });

  test('a token keeps the life it was issued with', async () => {
    await control(ups, 'settings', { accessTokenSeconds: 10 });
    ups.move(11_000);
    expect(await rateStatus(tokens.access_token)).toBe(200);
    const second = (await refresh(ups, tokens.refresh_token)).body;
    expect(second['expires_in']).toBe('10');
    ups.move(10_000);
    expect(await rateStatus(second.access_token)).toBe(401);
  });
});

describe('a request that is not as UPS wants it', () => {
  test.each([
    ['no header', {}],
    ['a wrong secret', { authorization: `Basic ${btoa('client-1:wrong')}` }],
    ['an unreadable header', { authorization: 'Basic %%%' }],
  ])('is 401 10401 for %s, and the token lives on', async (_what, headers) => {
    const body = form({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token }, headers);
    expect(errorOf(await call(`${ups.url}${refreshPath}`, body))).toEqual([401, '10401']);
    expect((await ledgerOf(ups)).violations.map(({ kind }) => kind)).toEqual(['client']);
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
  });

  test.each([
    ['another grant_type', 'grant_type=password&refresh_token=TOKEN'],
    ['no grant_type', 'refresh_token=TOKEN'],
    ['no token', 'grant_type=refresh_token'],
    ['an unknown token', 'grant_type=refresh_token&refresh_token=invented'],
    ['the token twice', 'grant_type=refresh_token&refresh_token=TOKEN&refresh_token=TOKEN'],
  ])('is 400 10400 for %s', async (_what, text) => {
    const body = text.replaceAll('TOKEN', tokens.refresh_token);
    const answer = await call(`${ups.url}${refreshPath}`, { ...form({}, { authorization: basic }), body });
    expect(errorOf(answer)).toEqual(dead);
  });

  test('is 400 for a body that is no form', async () => {
    const body = JSON.stringify({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token });
    const headers = { 'content-type': 'application/json', authorization: basic };
    expect(errorOf(await call(`${ups.url}${refreshPath}`, { method: 'POST', body, headers }))).toEqual(dead);
  });
});

describe('the ledger', () => {
  test('calls a second send after a whole answer a repeat that was delivered', async () => {
    await refresh(ups, tokens.refresh_token);
    await refresh(ups, tokens.refresh_token);
    const { repeats, violations, grants } = await ledgerOf(ups);
    expect(repeats).toEqual([
      { at: expect.any(String) as string, grantId: grants[0]?.grantId, generation: 1, delivered: true },
    ]);
    expect(violations).toEqual([]);
  });

  test('calls it a repeat that was not delivered when the answer was dropped', async () => {
    await control(ups, 'faults', { match: { path: refreshPath }, do: 'drop-answer', times: 1 });
    await expect(refresh(ups, tokens.refresh_token)).rejects.toThrow();
    expect(errorOf(await refresh(ups, tokens.refresh_token))).toEqual(dead);
    expect((await ledgerOf(ups)).repeats).toMatchObject([{ generation: 1, delivered: false }]);
  });

  test('does not take a refusal for the delivery of a pair', async () => {
    await control(ups, 'faults', { match: { path: refreshPath }, do: 'status', status: 503, times: 1 });
    await refresh(ups, tokens.refresh_token);
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
    await refresh(ups, tokens.refresh_token);
    expect((await ledgerOf(ups)).repeats.map(({ delivered }) => delivered)).toEqual([false, true]);
  });

  test('calls a send while an earlier one is open a violation and no repeat', async () => {
    await control(ups, 'faults', { match: { path: refreshPath }, do: 'delay', ms: 300, times: 1 });
    const first = refresh(ups, tokens.refresh_token);
    await until(
      async () => (await ledgerOf(ups)).uses.some(({ endpoint }) => endpoint === 'refresh'),
      'the first arrived',
    );
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
    expect(errorOf(await first)).toEqual(dead);
    const { violations, repeats } = await ledgerOf(ups);
    expect(violations.map(({ kind }) => kind)).toEqual(['refresh-token-in-flight']);
    expect(repeats).toEqual([]);
  });

  test('does not hold a caller who hung up for one whose connection is open', async () => {
    await control(ups, 'faults', { match: { path: refreshPath }, do: 'delay', ms: 60_000, times: 1 });
    const hangUp = new AbortController();
    const first = refresh(ups, tokens.refresh_token, hangUp.signal).catch(() => 'hung up');
    await until(async () => (await ledgerOf(ups)).uses.some(({ endpoint }) => endpoint === 'refresh'), 'it arrived');
    hangUp.abort();
    expect(await first).toBe('hung up');
    // The hang-up travels on a connection of its own; the sandbox's own count tells when it came.
    await until(async () => {
      const before = (await ledgerOf(ups)).repeats.length;
      await refresh(ups, tokens.refresh_token);
      return (await ledgerOf(ups)).repeats.length > before;
    }, 'a send is a repeat');
  });

  test('shows a request without an answer as open, and no time of an answer after a dropped one', async () => {
    await control(ups, 'faults', { match: { path: refreshPath }, do: 'drop-answer', times: 1 });
    await expect(refresh(ups, tokens.refresh_token)).rejects.toThrow();
    const { uses, grants, tokens: pairs } = await ledgerOf(ups);
    const { grantId } = grants[0] ?? {};
    expect(uses.at(-1)).toMatchObject({
      endpoint: 'refresh',
      answeredAt: null,
      status: null,
      grantId,
      username: 'merchant',
    });
    expect(pairs.map(({ generation }) => generation)).toEqual([1, 2]);
  });
});

describe('reuse', () => {
  test('of a used token revokes the whole family when told so', async () => {
    const second = (await refresh(ups, tokens.refresh_token)).body;
    await control(ups, 'settings', { reuseRevokesFamily: true });
    expect(errorOf(await refresh(ups, tokens.refresh_token))).toEqual(dead);
    expect(errorOf(await refresh(ups, second.refresh_token))).toEqual(dead);
    expect(await rateStatus(second.access_token)).toBe(401);
    expect((await ledgerOf(ups)).grants[0]?.revokedAt).toBe(new Date(ups.now()).toISOString());
  });

  test('touches nothing but the one token by default', async () => {
    const second = (await refresh(ups, tokens.refresh_token)).body;
    await refresh(ups, tokens.refresh_token);
    expect((await refresh(ups, second.refresh_token)).status).toBe(200);
  });
});

test('of many sends of one token at once exactly one gets the pair', async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(ups, tokens.refresh_token)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect((await ledgerOf(ups)).tokens).toHaveLength(2);
});
