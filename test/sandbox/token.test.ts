import {
  basic,
  call,
  connect,
  errorOf,
  exchange,
  form,
  getCode,
  ledgerOf,
  openTestSandbox,
  makeVerifier,
  redirectUri,
  seed,
  tokenPath,
  control,
  type TestSandbox,
} from './testSandbox';

let ups: TestSandbox;
beforeEach(async () => {
  ups = await openTestSandbox({ publicUrl: ['http://localhost:4400', 'https://other.example/'] });
  await seed(ups, 'merchant');
});
afterEach(() => ups.stop());

const send = (values: Record<string, string>, headers: Record<string, string> = {}) =>
  call(
    `${ups.url}${tokenPath}`,
    form({ grant_type: 'authorization_code', redirect_uri: redirectUri, ...values }, headers),
  );
const kinds = async () => (await ledgerOf(ups)).violations.map(({ kind }) => kind);

describe('PKCE', () => {
  test('exchanges a code with its verifier and client_id and no header', async () => {
    const { verifier, challenge } = makeVerifier();
    const code = await getCode(ups, 'merchant', { code_challenge: challenge });
    const answer = await send({ code, client_id: 'client-1', code_verifier: verifier });
    expect(answer.status).toBe(200);
    expect(await kinds()).toEqual([]);
  });

  test('refuses an Authorization header together with a verifier, and leaves the code alive', async () => {
    const { verifier, challenge } = makeVerifier();
    const code = await getCode(ups, 'merchant', { code_challenge: challenge });
    const both = await send({ code, client_id: 'client-1', code_verifier: verifier }, { authorization: basic });
    expect(errorOf(both)).toEqual([400, '10400']);
    expect((await send({ code, client_id: 'client-1', code_verifier: verifier })).status).toBe(200);
    expect(await kinds()).toEqual(['pkce', 'code-sent-twice']);
  });

  test.each([
    ['with Basic', {}, { authorization: basic }],
    ['with client_id only', { client_id: 'client-1' }, {}],
  ])('refuses a code issued with a challenge that comes without its verifier, %s', async (_how, values, headers) => {
    const code = await getCode(ups, 'merchant', { code_challenge: makeVerifier().challenge });
    expect(errorOf(await send({ code, ...values }, headers))).toEqual([400, '10406']);
    expect(await kinds()).toEqual(['pkce']);
  });

  test('refuses a verifier for a code issued without a challenge', async () => {
    const code = await getCode(ups, 'merchant');
    const answer = await send({ code, client_id: 'client-1', code_verifier: makeVerifier().verifier });
    expect(errorOf(answer)).toEqual([400, '10406']);
  });

  test.each([
    ['a verifier of another challenge', makeVerifier().verifier],
    ['the challenge itself, as the plain method would have it', 'challenge'],
    ['a verifier too short to be one', 'short'],
  ])('refuses %s', async (_what, wrong) => {
    const { challenge } = makeVerifier();
    const code = await getCode(ups, 'merchant', { code_challenge: challenge });
    const verifier = wrong === 'challenge' ? challenge : wrong;
    expect(errorOf(await send({ code, client_id: 'client-1', code_verifier: verifier }))).toEqual([400, '10406']);
  });
});

describe('the client', () => {
  test.each([
    ['no credentials at all', {}, {}],
    ['a wrong secret', {}, { authorization: `Basic ${btoa('client-1:wrong')}` }],
    ['another client', {}, { authorization: `Basic ${btoa('client-2:secret-1')}` }],
    ['a scheme that is not Basic', {}, { authorization: 'Bearer client-1:secret-1' }],
    ['a client_id that contradicts the header', { client_id: 'client-2' }, { authorization: basic }],
    ['an unknown client_id with a verifier', { client_id: 'client-2', code_verifier: makeVerifier().verifier }, {}],
    ['a client_id without proof for a code without challenge', { client_id: 'client-1' }, {}],
  ])('is refused with 401 10401 for %s', async (_what, values, headers) => {
    const code = await getCode(ups, 'merchant');
    const answer = await send({ code, ...values }, headers);
    expect(errorOf(answer)).toEqual([401, '10401']);
    expect(answer.body).toEqual({ response: { errors: [{ code: '10401', message: 'ClientId is Invalid' }] } });
    expect(await kinds()).toEqual(['client']);
  });
});

describe('the code', () => {
  test('works once', async () => {
    const code = await getCode(ups, 'merchant');
    expect((await exchange(ups, code)).status).toBe(200);
    expect(errorOf(await exchange(ups, code))).toEqual([400, '10402']);
    const { grants, violations } = await ledgerOf(ups);
    expect(violations.map(({ kind, grantId }) => [kind, grantId])).toEqual([['code-sent-twice', grants[0]?.grantId]]);
  });

  test('works until its seconds are over, and not at that instant', async () => {
    const late = await getCode(ups, 'merchant');
    ups.move(30_000);
    expect(errorOf(await exchange(ups, late))).toEqual([400, '10402']);
    const early = await getCode(ups, 'merchant');
    ups.move(29_999);
    expect((await exchange(ups, early)).status).toBe(200);
  });

  test('has the life the settings give when it is issued', async () => {
    await control(ups, 'settings', { codeSeconds: 5 });
    const code = await getCode(ups, 'merchant');
    await control(ups, 'settings', { codeSeconds: 500 });
    ups.move(5_000);
    expect(errorOf(await exchange(ups, code))).toEqual([400, '10402']);
  });

  test('is refused when nobody issued it', async () => {
    expect(errorOf(await exchange(ups, 'invented'))).toEqual([400, '10402']);
  });
});

describe('the redirect', () => {
  test('must be the one of authorize', async () => {
    const code = await getCode(ups, 'merchant');
    const other = await exchange(ups, code, { redirect_uri: 'https://other.example/oauth/callback' });
    expect(errorOf(other)).toEqual([400, '10400']);
    expect(other.body).toEqual({ response: { errors: [{ code: '10400', message: 'Invalid Redirect URL' }] } });
    expect(await kinds()).toEqual(['redirect']);
  });

  test('may be any of the registered ones', async () => {
    const elsewhere = { redirect_uri: 'https://other.example/oauth/callback' };
    const code = await getCode(ups, 'merchant', elsewhere);
    expect((await exchange(ups, code, elsewhere)).status).toBe(200);
  });
});

describe('the body', () => {
  test.each([
    ['without grant_type', `code=CODE&redirect_uri=${redirectUri}`],
    ['with another grant_type', `grant_type=client_credentials&code=CODE&redirect_uri=${redirectUri}`],
    ['without code', `grant_type=authorization_code&redirect_uri=${redirectUri}`],
    ['with an empty code', `grant_type=authorization_code&code=&redirect_uri=${redirectUri}`],
    ['without redirect_uri', 'grant_type=authorization_code&code=CODE'],
    ['with the code twice', `grant_type=authorization_code&code=CODE&code=CODE&redirect_uri=${redirectUri}`],
    ['without anything', ''],
  ])('is refused %s', async (_what, text) => {
    const body = text.replaceAll('CODE', await getCode(ups, 'merchant'));
    const answer = await call(`${ups.url}${tokenPath}`, { ...form({}, { authorization: basic }), body });
    expect(errorOf(answer)).toEqual([400, '10400']);
  });

  test('is refused when it is not a form', async () => {
    const body = JSON.stringify({ grant_type: 'authorization_code', code: 'x', redirect_uri: redirectUri });
    const json = await call(`${ups.url}${tokenPath}`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', authorization: basic },
    });
    expect(errorOf(json)).toEqual([400, '10400']);
  });

  test('is refused when it is huge', async () => {
    expect(errorOf(await exchange(ups, 'x'.repeat(2_000_000)))).toEqual([413, '10413']);
    expect((await ledgerOf(ups)).uses).toMatchObject([{ endpoint: 'token', status: 413, code: '10413' }]);
  });
});

test('two authorizations of one profile give two grants that both live', async () => {
  const first = await connect(ups, 'merchant');
  const second = await connect(ups, 'merchant');
  expect(first.access_token).not.toBe(second.access_token);
  expect((await ledgerOf(ups)).grants.map(({ revokedAt }) => revokedAt)).toEqual([null, null]);
});

test('another method is refused in the same shape', async () => {
  expect(errorOf(await call(`${ups.url}${tokenPath}`))).toEqual([405, '10405']);
});

test('the scope asked for is the scope given', async () => {
  const code = await getCode(ups, 'merchant', { scope: 'read rate' });
  expect((await exchange(ups, code)).body['scope']).toBe('read rate');
});
