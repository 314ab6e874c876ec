import { excerptOf } from '../../src/ups/excerpt';

const access = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVP-mB92K27uhbU';
const refresh = 'SHORT-rt1';
const body = JSON.stringify({ refresh_token_expires_in: '5183999', access_token: access, refresh_token: refresh });
const form = new URLSearchParams({ access_token: access, refresh_token: refresh, expires_in: '3599' }).toString();

/** No run of a secret that would help anybody. */
function expectNone(shown: string): void {
  for (const secret of [access, refresh])
    for (let at = 0; at + 8 <= secret.length; at++) expect(shown).not.toContain(secret.slice(at, at + 8));
}

test.each([
  ['JSON', body],
  ['JSON cut in the access token', body.slice(0, body.indexOf(access) + 30)],
  ['JSON cut soon after the name', body.slice(0, body.indexOf(access) + 9)],
  ['JSON cut in the refresh token', body.slice(0, -4)],
  ['JSON without its beginning', body.slice(body.indexOf(access) + 5)],
  ['JSON in one quote', body.replaceAll('"', "'")],
  ['JSON in JSON', JSON.stringify({ body })],
  ['JSON in JSON in JSON', JSON.stringify({ body: JSON.stringify({ body }) })],
  ['spaced JSON', JSON.stringify(JSON.parse(body), null, 2)],
  ['tokens in a list', JSON.stringify({ tokens: [{ v: refresh }] })],
  ['form encoding', form],
  ['form encoding, encoded', encodeURIComponent(form)],
  ['form encoding, encoded twice', encodeURIComponent(encodeURIComponent(form))],
  ['URL-encoded JSON', encodeURIComponent(body)],
  ['base64', Buffer.from(body).toString('base64')],
  ['base64url of a form', Buffer.from(form).toString('base64url')],
  ['hex', Buffer.from(body).toString('hex')],
  [
    'base64 in lines',
    (
      Buffer.from(access)
        .toString('base64')
        .match(/.{1,64}/g) ?? []
    ).join('\r\n'),
  ],
  ['a header', `Authorization: Bearer ${refresh}`],
  ['XML', `<r><access_token>${access}</access_token><refreshToken type="x">${refresh}</refreshToken></r>`],
  ['XML cut short', `<r><refresh_token>${refresh}`],
  ['a page with a form', `<form><input name="refresh_token" value="${refresh}"><input value="${access}`],
  ['a page with a script', `<p>Wait</p><script>var a = ["${refresh}"]; go()</script>`],
  ['a page with entities', `<pre>${body.replaceAll('"', '&quot;')}</pre>`],
  ['a page with numbered entities', `<pre>${body.replaceAll('"', '&#34;')}${body.replaceAll('"', '&#x22;')}</pre>`],
  ['JavaScript escapes', body.replaceAll('"', '\\u0022') + body.replaceAll('"', '\\x22')],
  ['YAML', `access_token: ${access}\nrefresh_token: ${refresh}\n`],
  ['a bare token', access],
  ['a token with invisible characters in it', access.replace(/(.{6})/g, '$1\u200b')],
])('%s shows no token', (_name, text) => {
  expectNone(excerptOf(text, []));
});

test('a secret of the request is not shown, in any of its forms', () => {
  const secrets = ['rt/7+=', 'code 9'];
  const text = 'unknown rt/7+= or rt%2F7%2B%3D or code 9 or rt&#x2F;7+&#61;';
  expect(excerptOf(text, secrets)).toBe('unknown [removed] or [removed] or [removed] or [removed]');
});

test('no control character comes out of an escape', () => {
  // eslint-disable-next-line no-control-regex -- control characters are what must not come
  expect(excerptOf('a&#27;[31mb%7fc\\u001bd', [])).not.toMatch(/[\u0000-\u001f\u007f]/);
});

test('what a person can use stays: words, numbers, addresses', () => {
  expect(excerptOf('<html><head><title>502 Bad Gateway</title><style>a{}</style></head>\n<hr>nginx/1.25.3', [])).toBe(
    '502 Bad Gateway nginx/1.25.3',
  );
  expect(excerptOf('{"message":"Forbidden","status":403}', [])).toBe('{"message":"Forbidden","status":403}');
  expect(excerptOf('See https://www.ups.com/help/contact for more', [])).toContain('www.ups.com/help/contact');
});

test('200 characters of it at most, also of a page that is one long word or nothing but brackets', () => {
  expect([...excerptOf('Wörter 🙂 '.repeat(100), [])]).toHaveLength(200);
  expect(excerptOf('a'.repeat(500_000), [])).toBe('[removed]');
  expect(excerptOf('<'.repeat(500_000), []).length).toBeLessThanOrEqual(200);
  expect(excerptOf('<a '.repeat(100_000), []).length).toBeLessThanOrEqual(200);
});
