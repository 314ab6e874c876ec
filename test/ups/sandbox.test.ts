import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startSandbox } from '../../src/sandbox';
import { makeGate, makePkce, makeUpsClient, systemClock, type Tokens, type UpsAnswer } from '../../src/ups';
import { makeReleases } from './testServers';

/** The client against the sandbox over HTTP: two readings of UPS's files, made apart, that must agree. */
const releases = makeReleases();
afterAll(() => releases.run());

const login = { username: 'merchant', password: 'let me in' };
const address = {
  addressLine: '1 Dock St',
  city: 'Timonium',
  stateProvinceCode: 'MD',
  postalCode: '21093',
  countryCode: 'US',
};
const ups = { clientId: 'client-1', clientSecret: 'client-secret-0123456789', publicUrl: 'http://localhost:4400' };

let url = '';
let client: ReturnType<typeof makeUpsClient>;

beforeAll(async () => {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'upslink-ups-'));
  releases.add(() => rm(dataDir, { recursive: true, force: true }));
  const sandbox = await startSandbox({ port: 0, dataDir, ...ups });
  releases.add(() => sandbox.stop());
  url = sandbox.url;
  const accounts = [
    { accountNumber: 'A1B2C3' },
    { accountNumber: 'PLAIN1', negotiatedRates: false },
    { accountNumber: 'PLAIN2', negotiatedRates: false, alertAsObject: true },
  ];
  await control('POST', 'profiles', { ...login, accounts });
  client = clientWith({});
});
afterEach(() => control('DELETE', 'faults'));

function clientWith(given: { verification?: 'lenient'; clientSecret?: string; redirectUri?: string }) {
  const redirectUri = `${ups.publicUrl}/oauth/callback`;
  // Faults on purpose must not open a circuit between two tests.
  const never = { threshold: 1_000, openMs: 1, longestOpenMs: 1 };
  const gate = makeGate(systemClock, { ups: never, client: never, bearer: never });
  const made = makeUpsClient({ baseUrl: url, ...ups, redirectUri, gate, clock: systemClock, ...given });
  releases.add(() => made.close());
  return made;
}

async function control(method: string, name: string, body?: object): Promise<unknown> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(`${url}/sandbox/${name}`, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`the sandbox answered ${response.status} to ${method} ${name}`);
  return response.status === 204 ? null : response.json();
}
const fault = (where: string, what: object) => control('POST', 'faults', { match: { path: where }, times: 1, ...what });
const REFRESH = '/security/v1/oauth/refresh';
const TOKEN = '/security/v1/oauth/token';
const RATE = '/api/rating/v2409/Rate';

/** What a merchant's browser does between our link and our callback. */
async function consent(codeChallenge: string): Promise<string> {
  const toLogin = await go(client.authorizeUrl({ state: 'state-1', codeChallenge }));
  const params = new URL(toLogin.location).searchParams;
  const loggedIn = await go(`${url}/login`, new URLSearchParams([...params, ...Object.entries(login)]));
  const cookie = loggedIn.cookie.split(';')[0] ?? '';
  const page = await go(`${url}/consent?${params.toString()}`, undefined, cookie);
  const key = /name="form_key"\s+value="([^"]+)"/.exec(page.text)?.[1] ?? '';
  const allow = new URLSearchParams([...params, ['form_key', key], ['decision', 'allow']]);
  const back = new URL((await go(`${url}/consent`, allow, cookie)).location);
  expect(back.searchParams.get('state')).toBe('state-1');
  return back.searchParams.get('code') ?? '';
}

async function go(to: string, form?: URLSearchParams, cookie = '') {
  const response = await fetch(to, {
    redirect: 'manual',
    method: form === undefined ? 'GET' : 'POST',
    headers: { cookie },
    ...(form && { body: form }),
  });
  const { headers } = response;
  return {
    location: headers.get('location') ?? '',
    cookie: headers.get('set-cookie') ?? '',
    text: await response.text(),
  };
}

async function connect(): Promise<Tokens> {
  const { verifier, challenge } = makePkce();
  return tokensOf(await client.exchange({ code: await consent(challenge), codeVerifier: verifier }));
}
function tokensOf(answer: UpsAnswer): Tokens {
  if (answer.kind !== 'tokens') throw new Error(`no tokens but ${JSON.stringify(answer)}`);
  return answer;
}
const refresh = (refreshToken: string, by = client) =>
  by.refresh({ refreshToken, sendBy: systemClock.monotonic() + 5_000 });
const probe = (accessToken: string, accountNumber: string, by = client) =>
  by.probe({ accessToken, accountNumber, address });

test('a consent is exchanged, verified, refreshed and verified again', async () => {
  const first = await connect();
  expect(first).toMatchObject({ tokenType: 'Bearer', refreshCount: 0, lifetimesRead: true });
  expect(first.accessExpiresAt - first.sentAt).toBe(3_600_000);
  expect(await probe(first.accessToken, 'A1B2C3')).toMatchObject({ kind: 'verified', basis: 'negotiated-charges' });
  const second = tokensOf(await refresh(first.refreshToken));
  expect(second.refreshToken).not.toBe(first.refreshToken);
  expect(await probe(second.accessToken, 'A1B2C3')).toMatchObject({ kind: 'verified' });
  expect(await refresh(first.refreshToken)).toMatchObject({
    kind: 'refused',
    reason: 'invalid-refresh-token',
    ups: { httpStatus: 400, code: '10400' },
  });
});

test('an account of another profile is not in the profile; one without negotiated rates only under lenient', async () => {
  const { accessToken } = await connect();
  const lenient = clientWith({ verification: 'lenient' });
  expect(await probe(accessToken, 'Z9Z9Z9')).toMatchObject({ kind: 'not-in-profile', ups: { code: '120100' } });
  for (const account of ['PLAIN1', 'PLAIN2']) {
    expect(await probe(accessToken, account)).toMatchObject({ kind: 'not-in-profile', ups: { code: '120900' } });
    expect(await probe(accessToken, account, lenient)).toMatchObject({ kind: 'verified', basis: 'lenient' });
  }
  expect(await probe(accessToken, 'Z9Z9Z9', lenient)).toMatchObject({ kind: 'not-in-profile' });
});

test.each([
  { ...address, countryCode: 'PR', stateProvinceCode: null, postalCode: '00901', city: 'San Juan' },
  { ...address, countryCode: 'CA', stateProvinceCode: 'ON', postalCode: 'K1A 0B1', city: 'Ottawa' },
  { ...address, countryCode: 'DE', stateProvinceCode: null, postalCode: '80331', city: 'München' },
  { ...address, countryCode: 'HK', stateProvinceCode: null, postalCode: null, city: 'Hong Kong' },
])('the probe is well-formed from $countryCode', async (from) => {
  const { accessToken } = await connect();
  expect(await client.probe({ accessToken, accountNumber: 'A1B2C3', address: from })).toMatchObject({
    kind: 'verified',
  });
});

test('an address UPS cannot rate is refused with its words, and is not held against the account', async () => {
  const { accessToken } = await connect();
  const answer = await client.probe({
    accessToken,
    accountNumber: 'A1B2C3',
    address: { ...address, postalCode: null },
  });
  expect(answer.kind).toBe('request-refused');
  expect(answer.ups.message).toEqual(expect.any(String));
});

test('a code works once, only with its verifier, and only with the registered redirect', async () => {
  const { verifier, challenge } = makePkce();
  const code = await consent(challenge);
  const rejected = { kind: 'refused', reason: 'authorization-rejected' };
  expect(await client.exchange({ code, codeVerifier: makePkce().verifier })).toMatchObject(rejected);
  const elsewhere = clientWith({ redirectUri: 'http://localhost:1/oauth/callback' });
  expect(await elsewhere.exchange({ code, codeVerifier: verifier })).toMatchObject({ kind: 'redirect-misconfigured' });
  tokensOf(await client.exchange({ code, codeVerifier: verifier }));
  expect(await client.exchange({ code, codeVerifier: verifier })).toMatchObject(rejected);
});

test('a wrong secret is our fault, a dead bearer is not', async () => {
  const { refreshToken } = await connect();
  expect(await refresh(refreshToken, clientWith({ clientSecret: 'another' }))).toMatchObject({
    kind: 'our-client-refused',
  });
  expect(await probe('no-such-token', 'A1B2C3')).toMatchObject({ kind: 'token-refused' });
  tokensOf(await refresh(refreshToken));
});

test.each<[string, string, object, object]>([
  ['429', REFRESH, { do: 'status', status: 429, retryAfter: 0 }, { kind: 'later', cause: 'rate-limited', spent: 'no' }],
  ['503', REFRESH, { do: 'status', status: 503 }, { kind: 'ambiguous', cause: 'server-error' }],
  ['a reset', REFRESH, { do: 'reset' }, { kind: 'ambiguous', cause: 'connection-lost' }],
  ['a dropped answer', REFRESH, { do: 'drop-answer' }, { kind: 'ambiguous', cause: 'connection-lost' }],
  ['a blocked merchant', REFRESH, { do: 'blocked' }, { kind: 'refused', reason: 'merchant-blocked' }],
  ['250002', REFRESH, { do: 'status', status: 401, code: '250002' }, { kind: 'our-client-refused' }],
  ['a revoked grant', REFRESH, { do: 'revoke' }, { kind: 'refused', reason: 'invalid-refresh-token' }],
  ['503', RATE, { do: 'status', status: 503 }, { kind: 'later', cause: 'server-error' }],
  ['a reset', RATE, { do: 'reset' }, { kind: 'later', cause: 'connection-lost' }],
  ['a changed password', RATE, { do: 'password-changed' }, { kind: 'token-refused' }],
])('a fault of the sandbox, %s at %s, is told for what it is', async (_name, where, what, expected) => {
  const { accessToken, refreshToken } = await connect();
  await fault(where, what);
  expect(await (where === RATE ? probe(accessToken, 'A1B2C3') : refresh(refreshToken))).toMatchObject(expected);
});

test('a lost answer of the exchange is ambiguous', async () => {
  const { verifier, challenge } = makePkce();
  const code = await consent(challenge);
  await fault(TOKEN, { do: 'drop-answer' });
  expect(await client.exchange({ code, codeVerifier: verifier })).toMatchObject({ kind: 'ambiguous' });
});

test('nothing of all this sent a refresh token while an earlier send of it was open', async () => {
  const ledger = (await control('GET', 'ledger')) as { violations: { kind: string }[] };
  expect(ledger.violations.map((one) => one.kind)).not.toContain('refresh-token-in-flight');
});
