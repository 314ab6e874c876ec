import { call, control, errorOf, openTestSandbox, probe, rate, connect, seed, type TestSandbox } from './testSandbox';

let ups: TestSandbox;
beforeEach(async () => {
  ups = await openTestSandbox();
});
afterEach(() => ups.stop());

const defaults = {
  accessTokenSeconds: 3600,
  refreshTokenSeconds: 5184000,
  rotationRestarts: true,
  reuseRevokesFamily: false,
  oldAccessTokenLives: true,
  codeSeconds: 30,
};

describe('settings', () => {
  test('change by name and are answered whole', async () => {
    expect((await control(ups, 'settings')).body).toEqual(defaults);
    const changed = await control(ups, 'settings', { codeSeconds: 5, rotationRestarts: false });
    expect(changed).toMatchObject({ status: 200, body: { ...defaults, codeSeconds: 5, rotationRestarts: false } });
    expect((await control(ups, 'settings')).body).toEqual({ ...defaults, codeSeconds: 5, rotationRestarts: false });
  });

  test.each([
    ['accessTokenSeconds', { accessTokenSeconds: 0 }],
    ['accessTokenSeconds', { accessTokenSeconds: 1.5 }],
    ['accessTokenSeconds', { accessTokenSeconds: '60' }],
    ['refreshTokenSeconds', { refreshTokenSeconds: null }],
    ['reuseRevokesFamily', { reuseRevokesFamily: 'yes' }],
    ['codeTtl', { codeTtl: 3 }],
    ['nonsense', { codeSeconds: 5, nonsense: true }],
  ])('are refused by the name of %s, and nothing changes', async (field, body) => {
    const answer = await control(ups, 'settings', body);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({ code: 'invalid-input', field });
    expect((await control(ups, 'settings')).body).toEqual(defaults);
  });

  test.each(['[]', '"x"', '7', 'null', '{', ''])('are refused when the body is %p', async (body) => {
    const answer = await call(`${ups.url}/sandbox/settings`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(400);
  });
});

describe('profiles', () => {
  test('are replaced by username', async () => {
    await seed(ups, 'merchant', [{ accountNumber: 'a1b2c3' }]);
    const { access_token: token } = await connect(ups, 'merchant');
    expect((await rate(ups, token, probe('A1B2C3'))).status).toBe(200);
    const replaced = await seed(ups, 'merchant', [{ accountNumber: 'D4E5F6', negotiatedRates: false }]);
    expect(replaced.status).toBe(200);
    expect(errorOf(await rate(ups, token, probe('A1B2C3')))).toEqual([400, '120100']);
    expect((await rate(ups, token, probe('D4E5F6'))).status).toBe(200);
  });

  test('never answer with a password', async () => {
    expect(JSON.stringify(await seed(ups, 'merchant'))).not.toContain('merchant-pass');
  });

  const good = { username: 'm', password: 'p', accounts: [] };
  test.each([
    ['username', { ...good, username: '' }],
    ['password', { username: 'm', accounts: [] }],
    ['accounts', { username: 'm', password: 'p' }],
    ['accounts.0.accountNumber', { ...good, accounts: [{ accountNumber: 'A1B2C' }] }],
    ['accounts.0.accountNumber', { ...good, accounts: [{}] }],
    ['accounts.0.negotiatedRates', { ...good, accounts: [{ accountNumber: 'A1B2C3', negotiatedRates: 1 }] }],
    ['accounts.0.colour', { ...good, accounts: [{ accountNumber: 'A1B2C3', colour: 'red' }] }],
    ['accounts', { ...good, accounts: [{ accountNumber: 'A1B2C3' }, { accountNumber: 'a1b2c3' }] }],
    ['email', { ...good, email: 'x' }],
  ])('are refused by the name of %s', async (field, body) => {
    expect(await control(ups, 'profiles', body)).toMatchObject({ status: 400, body: { code: 'invalid-input', field } });
  });
});

test('only JSON is taken, so that no page of another origin can post here', async () => {
  const body = { method: 'POST', body: '{"codeSeconds":1}', headers: { 'content-type': 'text/plain' } };
  expect((await call(`${ups.url}/sandbox/settings`, body)).status).toBe(415);
});

test('unknown paths and methods say what there is', async () => {
  expect(await call(`${ups.url}/sandbox/nothing`)).toMatchObject({ status: 404, body: { code: 'not-found' } });
  const wrong = await call(`${ups.url}/sandbox/ledger`, { method: 'DELETE' });
  expect(wrong).toMatchObject({ status: 405, body: { code: 'method-not-allowed' } });
  expect(wrong.headers.get('allow')).toBe('GET, HEAD');
  // Told before the body is looked at, which this one has none of.
  const bare = await call(`${ups.url}/sandbox/ledger`, { method: 'POST' });
  expect([bare.status, bare.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

test('a fresh ledger has its five lists', async () => {
  const empty = { grants: [], tokens: [], uses: [], violations: [], repeats: [] };
  expect((await control(ups, 'ledger')).body).toEqual(empty);
});
