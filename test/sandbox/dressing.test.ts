import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { request } from 'undici';
import {
  basic,
  connect,
  control,
  errorOf,
  exchange,
  form,
  getCode,
  ledgerOf,
  openTestSandbox,
  probe,
  rate,
  ratePath,
  refresh,
  refreshPath,
  seed,
  sha256,
  tokenPath,
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

const fault = (body: object) => control(ups, 'faults', { match: { path: refreshPath }, times: 1, ...body });

/** The bytes as they came: fetch would undo what is to be seen. */
async function rawRefresh(token = tokens.refresh_token) {
  const { method, body, headers } = form(
    { grant_type: 'refresh_token', refresh_token: token },
    { authorization: basic },
  );
  const answer = await request(`${ups.url}${refreshPath}`, { method: method as 'POST', body, headers });
  const bytes = Buffer.from(await answer.body.arrayBuffer());
  return { status: answer.statusCode, headers: answer.headers, bytes };
}
const isDelivered = async () => (await refresh(ups, tokens.refresh_token), (await ledgerOf(ups)).repeats[0]?.delivered);

describe('encode', () => {
  test.each([
    ['gzip', 'gzip', gunzipSync],
    ['x-gzip', 'x-gzip', gunzipSync],
    ['deflate', 'deflate', inflateSync],
    ['deflate-raw', 'deflate', inflateRawSync],
    ['br', 'br', brotliDecompressSync],
    [['gzip', 'br'], 'gzip, br', (bytes: Buffer) => gunzipSync(brotliDecompressSync(bytes))],
  ])('%p sends the pair so, and it counts as delivered', async (encoding, header, decode) => {
    await fault({ do: 'encode', encoding });
    const { status, headers, bytes } = await rawRefresh();
    expect([status, headers['content-encoding']]).toEqual([200, header]);
    expect(JSON.parse(decode(bytes).toString())).toMatchObject({ refresh_token: expect.any(String) as string });
    expect((await ledgerOf(ups)).uses.at(-1)).toMatchObject({ endpoint: 'refresh', status: 200, code: null });
    expect(await isDelivered()).toBe(true);
  });

  test('a header may be gone, or lie', async () => {
    await fault({ do: 'encode', encoding: 'gzip', header: null });
    const bare = await rawRefresh();
    expect(bare.headers['content-encoding']).toBeUndefined();
    const pair = JSON.parse(gunzipSync(bare.bytes).toString()) as Tokens;
    await fault({ do: 'encode', encoding: 'identity', header: 'gzip' });
    const lie = await rawRefresh(pair.refresh_token);
    expect(lie.headers['content-encoding']).toBe('gzip');
    expect(JSON.parse(lie.bytes.toString())).toHaveProperty('access_token');
  });

  test.each(['cut', 'corrupt'])('what is %s was processed and not delivered', async (damage) => {
    await fault({ do: 'encode', encoding: 'gzip', damage });
    const { bytes } = await rawRefresh();
    expect(() => gunzipSync(bytes)).toThrow();
    expect((await ledgerOf(ups)).tokens).toHaveLength(2);
    expect(await isDelivered()).toBe(false);
  });

  test('refusals are encoded too', async () => {
    await fault({ do: 'encode', encoding: 'gzip' });
    const { status, bytes } = await rawRefresh('no-such-token');
    expect([status, JSON.parse(gunzipSync(bytes).toString())]).toMatchObject([
      400,
      { response: { errors: [{ code: '10400' }] } },
    ]);
    expect((await ledgerOf(ups)).uses.at(-1)).toMatchObject({ status: 400, code: '10400' });
  });
});

describe('charset', () => {
  test.each([
    ['utf-8', true, 'efbbbf7b'],
    ['utf-16le', true, 'fffe7b00'],
    ['utf-16be', false, '007b0022'],
    ['latin1', false, '7b22'],
  ])('%s, with a mark: %p', async (charset, bom, start) => {
    await fault({ do: 'charset', charset, bom });
    const { headers, bytes } = await rawRefresh();
    expect(headers['content-type']).toBe(`application/json; charset=${charset}`);
    expect(bytes.toString('hex').slice(0, start.length)).toBe(start);
    expect(await isDelivered()).toBe(true);
  });

  test('the header may name none, or another', async () => {
    await fault({ do: 'charset', charset: 'utf-16le', header: null });
    expect((await rawRefresh('x')).headers['content-type']).toBe('application/json');
    await fault({ do: 'charset', charset: 'utf-8', header: 'utf-16' });
    expect((await rawRefresh('x')).headers['content-type']).toBe('application/json; charset=utf-16');
  });
});

describe('html', () => {
  test('answers with a page and processes nothing', async () => {
    await fault({ do: 'html', status: 200 });
    const { status, headers, bytes } = await rawRefresh();
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(bytes.toString()).toContain('<h1>');
    const ledger = await ledgerOf(ups);
    expect(ledger.tokens).toHaveLength(1);
    expect(ledger.uses.at(-1)).toMatchObject({ status: 200, code: null });
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
    expect((await ledgerOf(ups)).repeats).toMatchObject([{ delivered: false }]);
  });

  test('may be empty, of no type, and cover what was processed', async () => {
    await fault({ do: 'html', status: 403, body: '', contentType: null, processes: true });
    const { status, headers, bytes } = await rawRefresh();
    expect([status, headers['content-type'], bytes.length]).toEqual([403, undefined, 0]);
    expect((await ledgerOf(ups)).tokens).toHaveLength(2);
    expect(await isDelivered()).toBe(false);
  });
});

describe('single-error and numbers', () => {
  const error = { code: '10400', message: 'Invalid Refresh Token' };
  test.each<[string | undefined, object]>([
    [undefined, { response: { errors: error } }],
    ['errors-object', { response: { errors: error } }],
    ['bare-errors', { errors: [error] }],
    ['bare-errors-object', { errors: error }],
    ['error', { error }],
    ['nested-error', { response: { errors: [{ error }] } }],
  ])('a refusal takes the form %p', async (shape, body) => {
    await fault({ do: 'single-error', ...(shape && { form: shape }) });
    expect(await refresh(ups, 'no-such-token')).toMatchObject({ status: 400, body });
  });

  test('or is one that was ordered', async () => {
    await fault({ do: 'single-error', status: 429, code: '10429' });
    const { status, body } = await refresh(ups, tokens.refresh_token);
    expect([status, body]).toMatchObject([429, { response: { errors: { code: '10429' } } }]);
    await fault({ do: 'single-error' });
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
  });

  test('numbers stand where texts were, tokens stay', async () => {
    await fault({ do: 'numbers' });
    const { body } = await refresh<Record<string, unknown>>(ups, tokens.refresh_token);
    expect(body).toMatchObject({ expires_in: 3600, refresh_count: 1, access_token: expect.any(String) as string });
    await fault({ do: 'numbers' });
    expect((await refresh(ups, 'x')).body).toMatchObject({ response: { errors: [{ code: 10400 }] } });
  });
});

describe('keep-refresh-token', () => {
  test.each([
    ['absent', undefined],
    ['null', null],
    ['empty', ''],
  ])('%s: a new access token, and the refresh token is sent again without a repeat', async (as, said) => {
    await fault({ do: 'keep-refresh-token', as });
    const first = await refresh<Record<string, unknown>>(ups, tokens.refresh_token);
    expect(first.body['refresh_token']).toBe(said);
    expect(first.body).not.toHaveProperty('refresh_token_expires_in');
    expect((await rate(ups, first.body['access_token'] as string, probe())).status).toBe(200);
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
    const { violations, repeats, tokens: given } = await ledgerOf(ups);
    expect({ violations, repeats }).toEqual({ violations: [], repeats: [] });
    const hash = sha256(tokens.refresh_token);
    expect(given.map(({ generation, refreshTokenSha256 }) => [generation, refreshTokenSha256 === hash])).toEqual([
      [1, true],
      [2, true],
      [3, false],
    ]);
    // The rotation used it up at last.
    expect(errorOf(await refresh(ups, tokens.refresh_token))).toEqual([400, '10400']);
    expect((await ledgerOf(ups)).repeats).toHaveLength(1);
  });

  test('it says the same again, or names its end, when told to', async () => {
    await fault({ do: 'keep-refresh-token', as: 'same', refreshTokenSeconds: 90 });
    const { body } = await refresh(ups, tokens.refresh_token);
    expect(body).toMatchObject({ refresh_token: tokens.refresh_token, refresh_token_expires_in: '90' });
    ups.move(90_000);
    expect(errorOf(await refresh(ups, tokens.refresh_token))).toEqual([400, '10400']);
  });

  test('it is kept across a restart, and its end stays', async () => {
    await fault({ do: 'keep-refresh-token' });
    ups.move(86_400_000);
    await refresh(ups, tokens.refresh_token);
    await ups.restart();
    ups.move(59 * 86_400_000 - 1);
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
    expect((await ledgerOf(ups)).repeats).toEqual([]);
  });

  test('a second send while the first is open is a violation all the same', async () => {
    await fault({ do: 'keep-refresh-token' });
    await refresh(ups, tokens.refresh_token);
    await fault({ do: 'delay', ms: 60_000 });
    const leaving = new AbortController();
    const slow = refresh(ups, tokens.refresh_token, leaving.signal).catch(() => null);
    await until(
      async () => (await ledgerOf(ups)).uses.filter((use) => use.endpoint === 'refresh').length === 2,
      'it came',
    );
    await fault({ do: 'keep-refresh-token' });
    await refresh(ups, tokens.refresh_token);
    await refresh(ups, tokens.refresh_token);
    expect((await ledgerOf(ups)).violations.map(({ kind }) => kind)).toEqual(Array(2).fill('refresh-token-in-flight'));
    leaving.abort();
    await slow;
  });

  test('at token the pair comes without it', async () => {
    const code = await getCode(ups, 'merchant');
    await fault({ match: { path: tokenPath }, do: 'keep-refresh-token' });
    const { status, body } = await exchange(ups, code);
    expect([status, 'access_token' in body, 'refresh_token' in body]).toEqual([200, true, false]);
  });
});

describe('no-service', () => {
  const ask = (service: string) => {
    const body = probe();
    body.RateRequest.Shipment.Service.Code = service;
    return rate(ups, tokens.access_token, body);
  };
  const without = (what: object) => control(ups, 'faults', { match: { path: ratePath }, do: 'no-service', ...what });

  test('refuses the services named, with the code named', async () => {
    await without({ services: ['03'], code: '111100' });
    expect(errorOf(await ask('03'))).toEqual([400, '111100']);
    expect((await ask('02')).status).toBe(200);
  });

  test('refuses every service when none is named', async () => {
    await without({});
    expect(errorOf(await ask('03'))).toEqual([400, '111210']);
    expect(errorOf(await ask('11'))).toEqual([400, '111210']);
  });
});

describe('a bad order is refused by the name of its field', () => {
  test.each<[string, object]>([
    ['do', { do: 'zip' }],
    ['encoding', { do: 'encode' }],
    ['encoding', { do: 'encode', encoding: 'zip' }],
    ['encoding', { do: 'encode', encoding: [] }],
    ['header', { do: 'encode', encoding: 'gzip', header: 'a\nb' }],
    ['damage', { do: 'encode', encoding: 'gzip', damage: 'x' }],
    ['encodings', { do: 'encode', encoding: 'gzip', encodings: 1 }],
    ['charset', { do: 'charset', charset: 'ebcdic' }],
    ['bom', { do: 'charset', charset: 'latin1', bom: true }],
    ['status', { do: 'html' }],
    ['status', { do: 'html', status: 101 }],
    ['form', { do: 'single-error', form: 'x' }],
    ['status', { do: 'single-error', code: '1' }],
    ['as', { do: 'keep-refresh-token', as: 'x' }],
    ['services', { do: 'no-service', services: [] }],
    ['services.0', { do: 'no-service', services: ['Ground'] }],
    ['code', { do: 'no-service', code: '10400' }],
    ['ms', { do: 'numbers', ms: 1 }],
  ])('%s of %p', async (field, body) => {
    const answer = await fault(body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid-input', field } });
    expect(answer.body['detail']).not.toBe('Invalid input');
  });
});
