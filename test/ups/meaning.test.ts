import { gateOutcomeOf, meaningOfExchange, meaningOfProbe, meaningOfRefresh } from '../../src/ups/meaning';
import type { LostCause, NotSentCause, UpsAnswer, Verification } from '../../src/ups';
import type { WireAnswer } from '../../src/ups/wire';

const leftAt = 1_795_000_000_000;
const pair = { access_token: 'at', refresh_token: 'rt', expires_in: '3599', refresh_token_expires_in: '5183999' };

const accessOnly = { access_token: 'at', expires_in: '3599' };

const answered = (httpStatus: number, body: unknown, retryAfterMs: number | null = null): WireAnswer => ({
  kind: 'answered',
  leftAt,
  httpStatus,
  retryAfterMs,
  contentType: null,
  body,
  text: body === undefined ? '<h1>Proxy</h1>' : JSON.stringify(body),
});
const errors = (...codes: string[]) => ({
  response: { errors: codes.map((code) => ({ code, message: `said of ${code}` })) },
});
const one = (code: string) => ({ response: { errors: { code, message: `said of ${code}` } } });
const refusedWith = (status: number, ...codes: string[]): WireAnswer => answered(status, errors(...codes));
const lost = (cause: LostCause, httpStatus: number | null = null): WireAnswer => ({
  kind: 'lost',
  cause,
  fault: 'ECONNRESET',
  httpStatus,
  retryAfterMs: null,
});
const notSent = (cause: NotSentCause): WireAnswer => ({ kind: 'not-sent', cause, fault: 'F', retryAt: null });
const proxyPage = (status: number): WireAnswer => answered(status, undefined);

const exchange = (wire: WireAnswer) => meaningOfExchange(wire, []);
const refresh = (wire: WireAnswer) => meaningOfRefresh(wire, []);
const probe = (wire: WireAnswer, verification: Verification = 'strict') => meaningOfProbe(wire, [], verification);

const rating = (shipment: unknown, alert?: unknown) =>
  answered(200, { RateResponse: { Response: { Alert: alert }, RatedShipment: shipment } });
const charges = { NegotiatedRateCharges: { TotalCharge: { CurrencyCode: 'USD', MonetaryValue: '9.80' } } };
const unqualified = { Code: '120900', Description: 'not qualified to receive negotiated rates' };

type Row = [name: string, answer: UpsAnswer, expected: object];

describe('at any endpoint', () => {
  const each = (name: string, wire: WireAnswer, expected: object): Row[] => [
    [`token: ${name}`, exchange(wire), expected],
    [`refresh: ${name}`, refresh(wire), expected],
    [`rate: ${name}`, probe(wire), expected],
  ];
  test.each<Row>([
    ...each('nothing was written', notSent('dns'), { kind: 'not-sent', cause: 'dns' }),
    ...each('429', refusedWith(429, '10429'), { kind: 'later', cause: 'rate-limited', spent: 'no' }),
    ...each('429 cut short', lost('connection-lost', 429), { kind: 'later', cause: 'rate-limited', spent: 'no' }),
    ...each('10429 with 400', refusedWith(400, '10429'), { kind: 'later', cause: 'rate-limited', spent: 'no' }),
    ...each('429 with Retry-After', answered(429, undefined, 7000), { kind: 'later', retryAfterMs: 7000 }),
    ...each('403 of UPS', refusedWith(403, '10403'), { kind: 'refused', reason: 'merchant-blocked' }),
    ...each('10401', refusedWith(401, '10401'), { kind: 'our-client-refused' }),
    ...each('10401 with 400', refusedWith(400, '10401'), { kind: 'our-client-refused' }),
    ...each('10401 after another error', refusedWith(400, '9', '10401'), { kind: 'our-client-refused' }),
  ])('%s', (_name, answer, expected) => {
    expect(answer).toMatchObject(expected);
  });
});

describe('at /token', () => {
  test.each<Row>([
    ['a pair', exchange(answered(200, pair)), { kind: 'tokens', sentAt: leftAt, accessExpiresAt: leftAt + 3_599_000 }],
    ['a 200 without a pair', exchange(answered(200, {})), { kind: 'ambiguous', cause: 'unexpected-answer' }],
    ['a 200 that is no JSON', exchange(proxyPage(200)), { kind: 'ambiguous', cause: 'unexpected-answer' }],
    ['10400', exchange(refusedWith(400, '10400')), { kind: 'redirect-misconfigured' }],
    ['any other 400', exchange(refusedWith(400, '10402')), { kind: 'refused', reason: 'authorization-rejected' }],
    ['any other 400 as one object', exchange(answered(400, one('10402'))), { kind: 'refused' }],
    ["a gateway's 400", exchange(proxyPage(400)), { kind: 'ambiguous', cause: 'unexpected-answer' }],
    ['a 400 without a word', exchange(answered(400, {})), { kind: 'ambiguous', cause: 'unexpected-answer' }],
    ["a gateway's JSON", exchange(answered(400, { error: 'Bad Request', status: 400 })), { kind: 'ambiguous' }],
    ['a 200 without a refresh token', exchange(answered(200, accessOnly)), { kind: 'ambiguous' }],
    ['a 400 cut short, which may have been 10400', exchange(lost('connection-lost', 400)), { kind: 'ambiguous' }],
    ['401', exchange(refusedWith(401, '1')), { kind: 'our-client-refused' }],
    ["a 401 that is not UPS's", exchange(proxyPage(401)), { kind: 'ambiguous', cause: 'unexpected-answer' }],
    ['250002', exchange(refusedWith(403, '250002')), { kind: 'our-client-refused' }],
    ["a 403 that is not UPS's", exchange(proxyPage(403)), { kind: 'ambiguous', cause: 'unexpected-answer' }],
    ['5xx', exchange(refusedWith(503, '1')), { kind: 'ambiguous', cause: 'server-error' }],
    ['a time-out', exchange(lost('timeout')), { kind: 'ambiguous', cause: 'timeout' }],
    ['a lost connection', exchange(lost('connection-lost')), { kind: 'ambiguous', cause: 'connection-lost' }],
    ['a redirect', exchange(proxyPage(302)), { kind: 'ambiguous', cause: 'unexpected-answer' }],
    ['404', exchange(proxyPage(404)), { kind: 'ambiguous', cause: 'unexpected-answer' }],
  ])('%s', (_name, answer, expected) => {
    expect(answer).toMatchObject(expected);
  });
});

describe('at /refresh', () => {
  test.each<Row>([
    [
      'a pair',
      refresh(answered(200, pair)),
      { kind: 'tokens', refreshToken: 'rt', refreshExpiresAt: leftAt + 5_183_999_000 },
    ],
    [
      'a 200 without a pair',
      refresh(answered(200, { access_token: 'at' })),
      { kind: 'ambiguous', cause: 'unexpected-answer' },
    ],
    [
      'a 200 with an error in it',
      refresh(answered(200, errors('10400'))),
      { kind: 'ambiguous', cause: 'unexpected-answer' },
    ],
    ['10400', refresh(refusedWith(400, '10400')), { kind: 'refused', reason: 'invalid-refresh-token' }],
    ['10400 as a number', refresh(answered(400, { response: { errors: [{ code: 10400 }] } })), { kind: 'refused' }],
    ['any other 400', refresh(refusedWith(400, '1')), { kind: 'later', cause: 'request-refused', spent: 'unknown' }],
    ["a gateway's 400", refresh(proxyPage(400)), { kind: 'ambiguous', cause: 'unexpected-answer' }],
    ['a 400 without a word', refresh(answered(400, {})), { kind: 'ambiguous', cause: 'unexpected-answer' }],
    ['10400 as one object', refresh(answered(400, one('10400'))), { kind: 'refused' }],
    ['10400 without the wrapper', refresh(answered(400, { errors: [{ code: ' 10400 ' }] })), { kind: 'refused' }],
    ['a 400 cut short, which may have been 10400', refresh(lost('connection-lost', 400)), { kind: 'ambiguous' }],
    ['401', refresh(refusedWith(401, '1')), { kind: 'our-client-refused' }],
    ["a 401 that is not UPS's", refresh(proxyPage(401)), { kind: 'ambiguous', cause: 'unexpected-answer' }],
    ['401 cut short', refresh(lost('connection-lost', 401)), { kind: 'ambiguous' }],
    ['250002', refresh(refusedWith(401, '250002')), { kind: 'our-client-refused' }],
    ["a 403 that is not UPS's", refresh(proxyPage(403)), { kind: 'ambiguous', cause: 'unexpected-answer' }],
    ['5xx', refresh(proxyPage(500)), { kind: 'ambiguous', cause: 'server-error' }],
    [
      '5xx with a code that a 400 would be believed',
      refresh(refusedWith(500, '10400')),
      { kind: 'ambiguous', cause: 'server-error' },
    ],
    [
      '5xx with a code of our client',
      refresh(refusedWith(502, '250002')),
      { kind: 'ambiguous', cause: 'server-error' },
    ],
    ['5xx cut short', refresh(lost('connection-lost', 500)), { kind: 'ambiguous', cause: 'server-error' }],
    ['503 with Retry-After', refresh(answered(503, undefined, 5000)), { kind: 'ambiguous', retryAfterMs: 5000 }],
    ['a time-out', refresh(lost('timeout')), { kind: 'ambiguous', cause: 'timeout' }],
    ['a lost connection', refresh(lost('connection-lost')), { kind: 'ambiguous', cause: 'connection-lost' }],
    ['a 200 cut short', refresh(lost('connection-lost', 200)), { kind: 'ambiguous', cause: 'connection-lost' }],
    ['a redirect', refresh(proxyPage(307)), { kind: 'ambiguous', cause: 'unexpected-answer' }],
  ])('%s', (_name, answer, expected) => {
    expect(answer).toMatchObject(expected);
  });
});

describe('at /Rate', () => {
  test.each<Row>([
    ['negotiated charges', probe(rating([charges])), { kind: 'verified', basis: 'negotiated-charges' }],
    [
      'negotiated charges beside the alert',
      probe(rating([charges], unqualified)),
      { kind: 'verified', basis: 'negotiated-charges' },
    ],
    ['120100', probe(refusedWith(400, '120100')), { kind: 'not-in-profile' }],
    [
      '120100 after another error',
      probe(refusedWith(400, '9', '120100')),
      { kind: 'not-in-profile', ups: { code: '120100' } },
    ],
    ['the alert 120900', probe(rating([{}], [unqualified])), { kind: 'not-in-profile', ups: { code: '120900' } }],
    ['the alert 120900 as one object', probe(rating({}, unqualified)), { kind: 'not-in-profile' }],
    ['the alert 120900, lenient', probe(rating([{}], unqualified), 'lenient'), { kind: 'verified', basis: 'lenient' }],
    ['120900 as an error', probe(refusedWith(400, '120900')), { kind: 'not-in-profile' }],
    [
      '120900 as an error, lenient',
      probe(refusedWith(400, '120900'), 'lenient'),
      { kind: 'verified', basis: 'lenient' },
    ],
    ['120100, lenient', probe(refusedWith(400, '120100'), 'lenient'), { kind: 'not-in-profile' }],
    ['neither charges nor alert', probe(rating([{}])), { kind: 'request-refused', ups: { code: null } }],
    ['neither, lenient', probe(rating([{}]), 'lenient'), { kind: 'verified', basis: 'lenient' }],
    [
      'any other 400',
      probe(refusedWith(400, '111286')),
      { kind: 'request-refused', ups: { code: '111286', message: 'said of 111286' } },
    ],
    ['no such service there', probe(refusedWith(400, '111210')), { kind: 'request-refused', ups: { code: '111210' } }],
    ["a gateway's 400", probe(proxyPage(400)), { kind: 'later', cause: 'unexpected-answer' }],
    ['a 400 without a word', probe(answered(400, {})), { kind: 'later', cause: 'unexpected-answer' }],
    [
      '120100 as one object and a number',
      probe(answered(400, { errors: { code: 120100 } })),
      { kind: 'not-in-profile' },
    ],
    ['401', probe(refusedWith(401, '1')), { kind: 'token-refused' }],
    ["a 401 that is not UPS's", probe(proxyPage(401)), { kind: 'later', cause: 'unexpected-answer' }],
    ['250002', probe(refusedWith(401, '250002')), { kind: 'token-refused' }],
    ["a 403 that is not UPS's", probe(proxyPage(403)), { kind: 'later', cause: 'unexpected-answer' }],
    ['5xx', probe(proxyPage(504)), { kind: 'later', cause: 'server-error' }],
    ['a time-out', probe(lost('timeout')), { kind: 'later', cause: 'timeout' }],
    ['a lost connection', probe(lost('connection-lost')), { kind: 'later', cause: 'connection-lost' }],
    ['a 200 that is no rating', probe(answered(200, {})), { kind: 'later', cause: 'unexpected-answer' }],
    ['a redirect', probe(proxyPage(301)), { kind: 'later', cause: 'unexpected-answer' }],
  ])('%s', (_name, answer, expected) => {
    expect(answer).toMatchObject(expected);
  });
});

test("UPS's own words are carried, those of the error that decided", () => {
  expect(refresh(refusedWith(400, '77', '10400')).ups).toEqual({
    endpoint: 'refresh',
    httpStatus: 400,
    code: '10400',
    message: 'said of 10400',
    fault: null,
    unread: null,
  });
});

describe('a refresh answered without a refresh token', () => {
  const kept = (body: object) => meaningOfRefresh(answered(200, body), [], 'rt-0');
  test.each([
    ['none', accessOnly],
    ['null', { ...accessOnly, refresh_token: null }],
    ['nothing between the quotes', { ...accessOnly, refresh_token: '' }],
    ['the same', { ...accessOnly, refresh_token: 'rt-0' }],
  ])('(%s) keeps the one that was sent, and its end', (_name, body) => {
    expect(kept(body)).toMatchObject({
      kind: 'tokens',
      accessToken: 'at',
      refreshToken: 'rt-0',
      refreshTokenKept: true,
      refreshExpiresAt: null,
      lifetimesRead: true,
    });
  });

  test('takes the end that the answer names, if it is one', () => {
    expect(kept({ ...accessOnly, refresh_token_expires_in: '60' })).toMatchObject({
      refreshExpiresAt: leftAt + 60_000,
    });
    expect(kept({ ...accessOnly, refresh_token_expires_in: '0' })).toMatchObject({ refreshExpiresAt: null });
  });

  test('is none where a refresh token came that cannot be one', () => {
    expect(kept({ ...accessOnly, refresh_token: 'a b' })).toMatchObject({ kind: 'ambiguous' });
    expect(kept({ ...accessOnly, refresh_token: { value: 'x' } })).toMatchObject({ kind: 'ambiguous' });
  });

  test('a new refresh token is no kept one', () => {
    expect(kept(pair)).toMatchObject({ refreshToken: 'rt', refreshTokenKept: false });
  });
});

describe('an answer that nobody understands', () => {
  const page = (httpStatus: number, text: string, contentType: string | null = 'Text/HTML; charset=utf-8') => ({
    ...answered(httpStatus, undefined),
    contentType,
    text,
  });

  test.each<[string, UpsAnswer]>([
    ['at token', meaningOfExchange(page(400, '<h1>Bad gateway</h1>'), [])],
    ['at refresh', meaningOfRefresh(page(200, '<h1>Bad gateway</h1>'), [])],
    ['at rate', meaningOfProbe(page(200, '<h1>Bad gateway</h1>'), [], 'strict')],
    ['with a 5xx', meaningOfRefresh(page(502, '<h1>Bad gateway</h1>'), [])],
    ['with a 429', meaningOfRefresh(page(429, '<h1>Bad gateway</h1>'), [])],
  ])('is shown as it begins, %s', (_name, answer) => {
    expect(answer.ups.unread).toEqual({ contentType: 'text/html', excerpt: 'Bad gateway' });
  });

  test('also when it is empty, of no type, or JSON', () => {
    expect(exchange({ ...page(400, '', null), body: undefined } as WireAnswer).ups.unread).toEqual({
      contentType: null,
      excerpt: '',
    });
    expect(refresh(answered(400, { message: 'Forbidden' })).ups.unread?.excerpt).toBe('{"message":"Forbidden"}');
  });

  test('what UPS says is understood', () => {
    expect(refresh(refusedWith(400, '10400')).ups.unread).toBeNull();
    expect(refresh(refusedWith(503, '1')).ups.unread).toBeNull();
    expect(exchange(answered(200, pair)).ups.unread).toBeNull();
    expect(refresh(lost('timeout')).ups.unread).toBeNull();
  });

  test('a token answer that lacks half of the pair shows neither half', () => {
    const body = { access_token: 'short-at', token_type: 'Bearer' };
    const { unread } = exchange(answered(200, body)).ups;
    expect(unread?.excerpt).not.toContain('short-at');
    expect(unread?.excerpt).toContain('access_token');
  });
});

test('an echoed secret does not get through, in an error or in an alert', () => {
  const echo = answered(400, { response: { errors: [{ code: '1', message: 'unknown token r-7' }] } });
  expect(meaningOfRefresh(echo, ['r-7']).ups.message).toBe('unknown token [removed]');
  const alert = rating([{}], { Code: '120900', Description: 'no rates for at-7' });
  expect(meaningOfProbe(alert, ['at-7'], 'strict').ups.message).toBe('no rates for [removed]');
});

describe('what the gate learns', () => {
  test.each<[string, UpsAnswer, object]>([
    ['tokens', exchange(answered(200, pair)), { kind: 'answered' }],
    ['10400', refresh(refusedWith(400, '10400')), { kind: 'answered' }],
    ['a 400 nobody explains', refresh(refusedWith(400, '1')), { kind: 'answered' }],
    ['not in the profile', probe(refusedWith(400, '120100')), { kind: 'answered' }],
    ['a blocked merchant', refresh(refusedWith(403, '1')), { kind: 'answered' }],
    ["a gateway's 400", refresh(proxyPage(400)), { kind: 'ups-failed', why: '400' }],
    ['no such service', probe(refusedWith(400, '111100')), { kind: 'answered' }],
    ['our client refused', refresh(refusedWith(401, '10401')), { kind: 'client-refused', why: '10401' }],
    ['a bearer refused', probe(refusedWith(401, '250002')), { kind: 'client-refused', why: '250002' }],
    ['429', refresh(answered(429, undefined, 4000)), { kind: 'limited', retryAfterMs: 4000 }],
    ['5xx at refresh', refresh(proxyPage(503)), { kind: 'ups-failed', why: '503' }],
    ['5xx at rate', probe(proxyPage(503)), { kind: 'ups-failed', why: '503' }],
    ['a lost connection', exchange(lost('connection-lost')), { kind: 'ups-failed', why: 'ECONNRESET' }],
    ['no name found', refresh(notSent('dns')), { kind: 'ups-failed' }],
    ['nobody listening', refresh(notSent('connect')), { kind: 'ups-failed' }],
    ['no handshake', refresh(notSent('tls')), { kind: 'ups-failed' }],
    ['a slow connect', refresh(notSent('connect-timeout')), { kind: 'ups-failed' }],
    ['too late', refresh(notSent('too-late')), { kind: 'nothing-learned' }],
    ['every connection busy', refresh(notSent('no-connection')), { kind: 'nothing-learned' }],
    ['closed by us', refresh(notSent('closed')), { kind: 'nothing-learned' }],
  ])('from %s', (_name, answer, expected) => {
    expect(gateOutcomeOf(answer)).toMatchObject(expected);
  });
});
