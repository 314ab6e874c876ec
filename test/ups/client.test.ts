import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import {
  challengeOf,
  makeGate,
  makePkce,
  makeUpsClient,
  systemClock,
  type GateOptions,
  type UpsClientOptions,
} from '../../src/ups';
import { closedPort, json, makeReleases, openHttp, upsError, type Answer } from './testServers';

const releases = makeReleases();
afterEach(() => releases.run());

const secret = 'client-secret-0123456789';
const address = {
  addressLine: '1 Dock St',
  city: 'Timonium',
  stateProvinceCode: 'MD',
  postalCode: '21093',
  countryCode: 'US',
};
const pair = {
  access_token: 'at-1',
  refresh_token: 'rt-1',
  token_type: 'Bearer',
  scope: '',
  expires_in: '3599',
  refresh_token_expires_in: '5183999',
  refresh_count: '0',
};

function clientTo(baseUrl: string, given: Partial<UpsClientOptions> = {}, gateOptions: Partial<GateOptions> = {}) {
  const gate = makeGate(systemClock, gateOptions);
  const client = makeUpsClient({
    baseUrl,
    clientId: 'client-1',
    clientSecret: secret,
    redirectUri: 'http://localhost:4400/oauth/callback',
    gate,
    clock: systemClock,
    ...given,
  });
  releases.add(() => client.close());
  return { client, gate };
}
async function open(answer: Answer, given: Partial<UpsClientOptions> = {}, gateOptions: Partial<GateOptions> = {}) {
  const server = await openHttp(releases, answer);
  return { ...server, ...clientTo(server.baseUrl, given, gateOptions) };
}
const soon = () => systemClock.monotonic() + 5_000;

describe('authorizeUrl', () => {
  const { verifier, challenge } = makePkce();

  test("has what UPS's file names and no code_challenge_method", () => {
    const { client } = clientTo('https://wwwcie.ups.com/');
    const url = new URL(client.authorizeUrl({ state: 'acc_1.s&t', codeChallenge: challenge }));
    expect(url.origin + url.pathname).toBe('https://wwwcie.ups.com/security/v1/oauth/authorize');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: 'client-1',
      redirect_uri: 'http://localhost:4400/oauth/callback',
      response_type: 'code',
      state: 'acc_1.s&t',
      code_challenge: challengeOf(verifier),
    });
    expect(url.href).not.toContain(verifier);
    expect(url.href).not.toContain(secret);
  });

  test('takes a scope, and keeps a path before that of UPS', () => {
    const url = new URL(
      clientTo('http://localhost:1/ups').client.authorizeUrl({ state: 's', codeChallenge: challenge, scope: 'a b' }),
    );
    expect(url.pathname).toBe('/ups/security/v1/oauth/authorize');
    expect(url.searchParams.get('scope')).toBe('a b');
  });
});

describe('the requests', () => {
  test('exchange: PKCE in the body and no Authorization header', async () => {
    const { client, seen } = await open(json(200, pair));
    expect(await client.exchange({ code: 'c/1+2', codeVerifier: 'v'.repeat(43) })).toMatchObject({
      kind: 'tokens',
      accessToken: 'at-1',
    });
    const [request] = seen;
    expect(request).toMatchObject({ method: 'POST', url: '/security/v1/oauth/token' });
    expect(request?.headers.authorization).toBeUndefined();
    expect(request?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
      grant_type: 'authorization_code',
      code: 'c/1+2',
      redirect_uri: 'http://localhost:4400/oauth/callback',
      code_verifier: 'v'.repeat(43),
      client_id: 'client-1',
    });
  });

  test('refresh: Basic, and the refresh token alone in the body', async () => {
    const { client, seen } = await open(json(200, pair));
    const before = Date.now();
    const answer = await client.refresh({ refreshToken: 'rt/0+', sendBy: soon() });
    expect(answer).toMatchObject({ kind: 'tokens', refreshToken: 'rt-1', refreshCount: 0, lifetimesRead: true });
    if (answer.kind !== 'tokens') throw new Error('no tokens');
    expect(answer.sentAt).toBeGreaterThanOrEqual(before);
    expect(answer.accessExpiresAt).toBe(answer.sentAt + 3_599_000);
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/security/v1/oauth/refresh' });
    expect(seen[0]?.headers.authorization).toBe(`Basic ${Buffer.from(`client-1:${secret}`).toString('base64')}`);
    expect(Object.fromEntries(new URLSearchParams(seen[0]?.body))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'rt/0+',
    });
  });

  test('probe: the bearer, version v2409, and the account as shipper', async () => {
    const rated = { NegotiatedRateCharges: { TotalCharge: { CurrencyCode: 'USD', MonetaryValue: '9.80' } } };
    const { client, seen } = await open(json(200, { RateResponse: { Response: {}, RatedShipment: rated } }));
    expect(await client.probe({ accessToken: 'at-1', accountNumber: 'A1B2C3', address })).toMatchObject({
      kind: 'verified',
    });
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/api/rating/v2409/Rate' });
    expect(seen[0]?.headers.authorization).toBe('Bearer at-1');
    const body = JSON.parse(seen[0]?.body ?? '') as {
      RateRequest: { Shipment: { Shipper: { ShipperNumber: string } } };
    };
    expect(body.RateRequest.Shipment.Shipper.ShipperNumber).toBe('A1B2C3');
  });

  test('the verification mode of the client decides on a rating without negotiated charges', async () => {
    const unqualified = {
      RateResponse: { Response: { Alert: { Code: '120900', Description: 'x' } }, RatedShipment: [{}] },
    };
    const strict = await open(json(200, unqualified));
    const lenient = await open(json(200, unqualified), { verification: 'lenient' });
    const probe = { accessToken: 'at-1', accountNumber: 'A1B2C3', address };
    expect(await strict.client.probe(probe)).toMatchObject({ kind: 'not-in-profile' });
    expect(await lenient.client.probe(probe)).toMatchObject({ kind: 'verified', basis: 'lenient' });
  });
});

describe('secrets', () => {
  test('no answer repeats one, even when UPS echoes the whole request', async () => {
    const { client } = await open((request, response) => {
      const message = `bad: ${request.body} ${decodeURIComponent(request.body)} ${request.headers.authorization ?? ''}`;
      response.writeHead(400).end(JSON.stringify({ response: { errors: [{ code: '1', message }] } }));
    });
    const answers = [
      await client.exchange({ code: 'code-77', codeVerifier: 'w'.repeat(43) }),
      await client.refresh({ refreshToken: 'rt-77', sendBy: soon() }),
      await client.probe({ accessToken: 'at-77', accountNumber: 'A1B2C3', address }),
    ];
    const shown = JSON.stringify(answers);
    expect(answers.map((answer) => answer.kind)).toEqual(['refused', 'later', 'request-refused']);
    for (const word of [
      'code-77',
      'w'.repeat(43),
      'rt-77',
      'at-77',
      secret,
      Buffer.from(`client-1:${secret}`).toString('base64'),
    ]) {
      expect(shown).not.toContain(word);
    }
  });
});

describe('the gate', () => {
  const refresh = { refreshToken: 'rt-0', sendBy: Infinity };

  test('shut, it lets nothing out: not sent, with the time to come again', async () => {
    const { client, seen } = await open(upsError(429, '10429', 'slow', { 'retry-after': '30' }));
    expect(await client.refresh(refresh)).toMatchObject({
      kind: 'later',
      cause: 'rate-limited',
      retryAfterMs: 30_000,
      spent: 'no',
    });
    const answer = await client.refresh(refresh);
    expect(answer).toMatchObject({ kind: 'not-sent', cause: 'gate-closed', ups: { fault: 'retry-after' } });
    expect(answer.kind === 'not-sent' && answer.retryAt !== null && answer.retryAt > Date.now() + 20_000).toBe(true);
    expect(seen).toHaveLength(1);
  });

  test('opens its circuit when UPS cannot be reached, and none of those calls was sent', async () => {
    const { client, gate } = clientTo(`http://127.0.0.1:${await closedPort()}`);
    for (let n = 0; n < 5; n += 1)
      expect(await client.refresh(refresh)).toMatchObject({ kind: 'not-sent', cause: 'connect' });
    expect(gate.state().ups).toMatchObject({ state: 'open', why: '5 failures in a row, the last: ECONNREFUSED' });
    expect(await client.refresh(refresh)).toMatchObject({ kind: 'not-sent', cause: 'gate-closed' });
  });

  test('opens when UPS refuses our client, for that endpoint alone', async () => {
    const { client, gate, seen } = await open(upsError(401, '250002'));
    for (let n = 0; n < 6; n += 1) await client.refresh(refresh);
    expect(gate.state().client.refresh.state).toBe('open');
    expect(seen).toHaveLength(5);
    expect(await client.exchange({ code: 'c', codeVerifier: 'v'.repeat(43) })).toMatchObject({
      kind: 'our-client-refused',
    });
  });

  test('gets every place back, whatever became of the call', async () => {
    const answers: Answer[] = [
      json(200, pair),
      json(200, 'no json'),
      (_request, _response, socket) => void socket.destroy(),
      upsError(400, '10400'),
      upsError(503, '1'),
    ];
    const { client, gate } = await open((...args) => answers.shift()?.(...args));
    const kinds = [];
    for (let n = 0; n < 5; n += 1) kinds.push((await client.refresh(refresh)).kind);
    expect(kinds).toEqual(['tokens', 'ambiguous', 'ambiguous', 'refused', 'ambiguous']);
    expect(await client.refresh({ ...refresh, sendBy: 0 })).toMatchObject({ kind: 'not-sent', cause: 'too-late' });
    expect(gate.state().inFlight).toBe(0);
  });
});

describe('closing', () => {
  test('waits for the call under way', async () => {
    let answer: () => void = () => undefined;
    const { client, seen } = await open((_request, response) => (answer = () => response.end(JSON.stringify(pair))));
    const call = client.refresh({ refreshToken: 'rt-0', sendBy: soon() });
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const closing = client.close();
    answer();
    expect(await call).toMatchObject({ kind: 'tokens' });
    await closing;
    expect(await client.refresh({ refreshToken: 'rt-1', sendBy: soon() })).toMatchObject({
      kind: 'not-sent',
      cause: 'closed',
    });
  });
});

describe('a configuration that cannot work is refused at once', () => {
  test.each([0, -1, NaN, 20_001])('a whole call of %p ms', (totalMs) => {
    expect(() => clientTo('http://localhost', { timeouts: { totalMs } })).toThrow(RangeError);
  });
  test.each(['ftp://ups.com', 'ups.com', ''])('the base URL %p', (baseUrl) => {
    expect(() => clientTo(baseUrl)).toThrow(TypeError);
  });
});

describe('an answer that is dressed otherwise', () => {
  const raw =
    (status: number, body: Buffer, headers: Record<string, string>): Answer =>
    (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    };
  const dressings: [string, Record<string, string>, (text: string) => Buffer][] = [
    ['gzip', { 'content-encoding': 'gzip' }, (text) => gzipSync(text)],
    ['GZip', { 'content-encoding': 'GZip' }, (text) => gzipSync(text)],
    ['deflate', { 'content-encoding': 'deflate' }, (text) => deflateSync(text)],
    ['br', { 'content-encoding': 'br' }, (text) => brotliCompressSync(text)],
    ['gzip in br', { 'content-encoding': 'gzip, br' }, (text) => brotliCompressSync(gzipSync(text))],
    ['gzip without a header', {}, (text) => gzipSync(text)],
    ['plain under a gzip header', { 'content-encoding': 'gzip' }, (text) => Buffer.from(text)],
    ['a byte order mark', {}, (text) => Buffer.from(`\ufeff\n${text}\n`)],
    ['UTF-16', {}, (text) => Buffer.from(`\ufeff${text}`, 'utf16le')],
  ];

  test.each(dressings)('%s: a pair and a refusal are read', async (_name, headers, dress) => {
    const given = await open(raw(200, dress(JSON.stringify(pair)), headers));
    const refresh = { refreshToken: 'rt-0', sendBy: soon() };
    expect(await given.client.refresh(refresh)).toMatchObject({ kind: 'tokens', refreshToken: 'rt-1' });
    expect(await given.client.exchange({ code: 'code-77', codeVerifier: 'w'.repeat(43) })).toMatchObject({
      kind: 'tokens',
    });
    const errors = { response: { errors: { code: 10400, message: 'Invalid' } } };
    const refused = await open(raw(400, dress(JSON.stringify(errors)), headers));
    expect(await refused.client.refresh(refresh)).toMatchObject({ kind: 'refused', reason: 'invalid-refresh-token' });
  });

  test.each([
    ['cut short', gzipSync(JSON.stringify(pair)).subarray(0, 20)],
    ['garbled', Buffer.concat([gzipSync(JSON.stringify(pair)).subarray(0, 12), Buffer.alloc(40, 0xa5)])],
  ])('compressed and %s it is ambiguous, shown and counted', async (_name, body) => {
    const told: unknown[] = [];
    const headers = { 'content-encoding': 'gzip' };
    const { client } = await open(raw(200, body, headers), { onUnread: (said) => told.push(said) });
    const answer = await client.refresh({ refreshToken: 'rt-0', sendBy: soon() });
    expect(answer).toMatchObject({ kind: 'ambiguous', cause: 'unexpected-answer', ups: { httpStatus: 200 } });
    expect(answer.ups.unread?.contentType).toBe('application/json');
    expect(told).toMatchObject([{ endpoint: 'refresh', httpStatus: 200 }]);
  });

  test('a small bomb is lost, and fills no memory', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, 0x20));
    const { client } = await open(raw(200, bomb, { 'content-encoding': 'gzip' }));
    const before = process.memoryUsage().rss;
    const answer = await client.refresh({ refreshToken: 'rt-0', sendBy: soon() });
    expect(answer).toMatchObject({
      kind: 'ambiguous',
      cause: 'unexpected-answer',
      ups: { fault: 'DECODED_TOO_LARGE' },
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  test("a gateway's page is told for what it is, and its token stays unseen", async () => {
    const page = `<html><title>Moved</title><script>t="${'a1B2'.repeat(12)}"</script><p>token=${'a1B2'.repeat(12)}`;
    const { client } = await open(
      raw(400, gzipSync(page), { 'content-type': 'text/html', 'content-encoding': 'gzip' }),
    );
    const { ups } = await client.exchange({ code: 'code-77', codeVerifier: 'w'.repeat(43) });
    expect(ups.unread).toEqual({ contentType: 'text/html', excerpt: 'Moved token=[removed]' });
  });

  test('a refresh answered without a refresh token keeps the one that was sent', async () => {
    const { refresh_token: _, refresh_token_expires_in: __, ...accessOnly } = pair;
    const { client } = await open(json(200, accessOnly));
    expect(await client.refresh({ refreshToken: 'rt-0', sendBy: soon() })).toMatchObject({
      kind: 'tokens',
      accessToken: 'at-1',
      refreshToken: 'rt-0',
      refreshTokenKept: true,
      refreshExpiresAt: null,
    });
    expect(await client.exchange({ code: 'code-77', codeVerifier: 'w'.repeat(43) })).toMatchObject({
      kind: 'ambiguous',
    });
  });
});

describe('a service that UPS does not offer between these places', () => {
  const probe = { accessToken: 'at-1', accountNumber: 'A1B2C3', address };
  const rated = {
    RateResponse: { Response: {}, RatedShipment: { NegotiatedRateCharges: { TotalCharge: { MonetaryValue: 9 } } } },
  };
  const serviceIn = (body: string) =>
    (JSON.parse(body) as { RateRequest: { Shipment: { Service: { Code: string } } } }).RateRequest.Shipment.Service
      .Code;
  /** Refuses each service of the list with its code, and rates the others. */
  const offering =
    (refused: Record<string, string>): Answer =>
    (request, response, socket) => {
      const code = refused[serviceIn(request.body)];
      (code === undefined ? json(200, rated) : upsError(400, code, `said of ${code}`))(request, response, socket);
    };

  test.each([
    ['US', { '03': '111210' }, ['03', '02']],
    ['US', { '03': '111210', '02': '111100' }, ['03', '02', '01']],
    ['PR', { '03': '111100' }, ['03', '02']],
    ['CA', { '11': '111210' }, ['11', '02']],
    ['DE', { '11': '111210', '65': '111210', '08': '111210' }, ['11', '65', '08', '07']],
  ])('from %s, without %p, the next one is tried', async (countryCode, refused, services) => {
    const { client, seen } = await open(offering(refused));
    const answer = await client.probe({ ...probe, address: { ...address, countryCode } });
    expect(answer).toMatchObject({ kind: 'verified' });
    expect(seen.map(({ body }) => serviceIn(body))).toEqual(services);
  });

  test('without any, it is refused in the words of UPS', async () => {
    const { client, seen } = await open(upsError(400, '111210', 'not available between the selected locations'));
    expect(await client.probe(probe)).toMatchObject({
      kind: 'request-refused',
      ups: { code: '111210', message: 'not available between the selected locations' },
    });
    expect(seen).toHaveLength(3);
  });

  test('what another service is answered with counts', async () => {
    const { client, seen } = await open(offering({ '03': '111210', '02': '120100' }));
    expect(await client.probe(probe)).toMatchObject({ kind: 'not-in-profile' });
    expect(seen).toHaveLength(2);
  });

  test('none is begun when the time is over: nothing is known then', async () => {
    const { client, seen } = await open(offering({ '03': '111210' }));
    expect(await client.probe({ ...probe, until: systemClock.monotonic() })).toMatchObject({
      kind: 'later',
      spent: 'no',
    });
    expect(seen).toHaveLength(1);
  });

  test('each goes through the gate', async () => {
    const { client, seen } = await open(offering({ '03': '111210' }), {}, { burst: 1, requestsPerSecond: 0.001 });
    expect(await client.probe({ ...probe, isAwaited: true })).toMatchObject({ kind: 'not-sent', cause: 'gate-closed' });
    expect(seen).toHaveLength(1);
  });
});
