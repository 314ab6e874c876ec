import { scrubCode, scrubMessage } from '../../src/ups/scrub';

test('UPS sentences pass unharmed', () => {
  for (const text of [
    'Invalid Authentication Information.',
    'Missing or invalid shipper number',
    'User Id and Shipper Number combination is not qualified to receive negotiated rates.',
    'Error code: 10400. Invalid Refresh Token',
  ]) {
    expect(scrubMessage(text, ['some-secret'])).toBe(text);
  }
});

test('a secret of the request is removed wherever it is echoed, plain or URL-encoded', () => {
  const text = scrubMessage('no grant for r/t+1, sent as r%2Ft%2B1; r/t+1!', ['r/t+1']);
  expect(text).toBe('no grant for [removed], sent as [removed]; [removed]!');
});

test.each([
  'the token eyJhbGciOiJSUzM4NCJ9.eyJzdWIiOiJtZXJjaGFudCJ9.c2lnbmF0dXJl is old',
  'Authorization: Basic dXNlcjpwYXNz',
  'refresh_token=abc123&x',
  'client_secret: "hush"',
  'password=hunter2',
  'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4QQ==',
])('what looks like a credential is removed from: %s', (text) => {
  const shown = scrubMessage(text, []) ?? '';
  expect(shown).toContain('[removed]');
  expect(shown).not.toMatch(/eyJ|dXNlcjpwYXNz|abc123|hush|hunter2|Zm9v/);
});

test('a message is one line of at most 300 characters', () => {
  expect(scrubMessage('a\r\n\tb\u202ec\u0000', [])).toBe('a b c');
  expect(scrubMessage('ab '.repeat(400), [])).toHaveLength(300);
  expect(scrubMessage(' \n ', [])).toBeNull();
  expect(scrubMessage(null, [])).toBeNull();
});

test('a code is a short word or nothing', () => {
  expect(scrubCode('250002')).toBe('250002');
  expect(scrubCode('a b')).toBeNull();
  expect(scrubCode('x'.repeat(21))).toBeNull();
  expect(scrubCode(null)).toBeNull();
});
