import fc from 'fast-check';
import { addressAt, baseUrlOf, localPathOf, originOf } from '../src/webAddress';

const OURS = 'https://accounts.example.com';
const SHOP = 'https://shop.example.com:8443';
const ALLOWED = [OURS, SHOP, 'http://localhost:9999'];

/** What is put together by those who look for the difference between a text and an address. */
const pieces = [
  ...['/', '//', '\\', '.', '..', '%2e', '%2E%2e', '%2f', '%5c', '@', ':', '?', '#', '&', '=', ';', '*'],
  ...['\t', '\n', '\r', '\r\n', '\0', '\u0001', '\u001f', ' ', '\u00a0', '\u2028', '\ufeff', '\u00ad'],
  ...['http:', 'https:', 'HTTP:', 'hTTps:', 'blob:', 'filesystem:', 'javascript:', 'data:', 'ftp:', 'ws:', 'file:'],
  ...['evil.example', 'EVIL.example', 'evil。example', 'ebücher.example', 'xn--bcher-kva.example', '[::1]', '0x7f.1'],
  ...['accounts.example.com', 'Accounts.Example.COM', 'accounts.example.com.', 'accounts.example.com:443'],
  ...[
    'accounts。example。com',
    'shop.example.com:8443',
    'shop.example.com',
    'localhost:9999',
    'localhost',
    ':80',
    ':443',
  ],
  ...['user', 'user:pass@', OURS, SHOP, `blob:${OURS}/1`, 'accounts', 'next', '\ud800', '\u{1f4a9}', 'ﬀ', '％２ｅ'],
];

const texts = fc.oneof(
  fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((parts) => parts.join('')),
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.tuple(fc.constantFrom(...ALLOWED), fc.string({ unit: 'grapheme', maxLength: 20 })).map((parts) => parts.join('')),
);

const RUNS = { numRuns: 5_000 };

it('lets no text lead anywhere but to an allowed origin, and its answer is its own answer', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const address = addressAt(text, ALLOWED);
      if (address === null) return;
      // As a browser resolves the Location of a redirect of ours.
      const { origin, protocol, username, password, href } = new URL(address, OURS);
      expect(ALLOWED).toContain(origin);
      expect(['http:', 'https:']).toContain(protocol);
      expect([username, password]).toEqual(['', '']);
      expect(href).toBe(address);
      expect(addressAt(address, ALLOWED)).toBe(address);
      expect(address).toMatch(/^[\x21-\x7e]+$/);
    }),
    RUNS,
  );
});

it('makes of no text a path that leaves our origin, and of each path itself', () => {
  fc.assert(
    fc.property(texts, fc.constantFrom(undefined, ...ALLOWED), (text, own) => {
      const path = localPathOf(text, own);
      if (path === null) return;
      for (const origin of ALLOWED) expect(new URL(path, origin).href).toBe(`${origin}${path}`);
      expect(localPathOf(path, own)).toBe(path);
      expect(path).toMatch(/^\/[\x21-\x7e]*$/);
    }),
    RUNS,
  );
});

it('takes for an origin what a browser would, and makes it what a browser sends', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const origin = originOf(text);
      if (origin === null) return;
      expect(new URL(origin).origin).toBe(origin);
      expect(originOf(origin)).toBe(origin);
      expect(addressAt(`${origin}/x?y`, [origin])).toBe(`${origin}/x?y`);
    }),
    RUNS,
  );
});

it.each([
  ['https://shop.example.com:8443/back?x=1#here', 'https://shop.example.com:8443/back?x=1#here'],
  ['HTTPS://SHOP.example.com:8443', 'https://shop.example.com:8443/'],
  ['https:accounts.example.com/a', 'https://accounts.example.com/a'],
  ['https:\\\\accounts.example.com:443\\a', 'https://accounts.example.com/a'],
  ['\u0001 https://acc\tounts.exam\r\nple.com/a b', 'https://accounts.example.com/a%20b'],
  ['https://accounts。example。com/ü', 'https://accounts.example.com/%C3%BC'],
  ['https://shop.example.com:8443/%0d%0aSet-Cookie:x=1', 'https://shop.example.com:8443/%0d%0aSet-Cookie:x=1'],
])('reads %j as a browser does', (text, address) => expect(addressAt(text, ALLOWED)).toBe(address));

it.each([
  ...['', '/', '/path', '//accounts.example.com', 'accounts.example.com', 'https://', 'http://accounts.example.com'],
  ...[
    `blob:${OURS}/1`,
    `filesystem:${OURS}/temporary/x`,
    `view-source:${OURS}`,
    `javascript:${OURS}`,
    'data:text/html,x',
  ],
  ...['https://accounts.example.com.', 'https://accounts.example.com:8443', 'https://shop.example.com'],
  ...[`${OURS}@evil.example`, 'https://user@accounts.example.com', 'https://:pass@accounts.example.com'],
  ...[
    'https://accounts.example.com.evil.example',
    'https://evil.example\\@accounts.example.com',
    'ws://localhost:9999',
  ],
])('refuses %j', (text) => expect(addressAt(text, ALLOWED)).toBeNull());

it.each([
  ...['/..//evil.example', '/.//evil.example', '/%2e%2e//evil.example', '/%2E//evil.example/a', '/a/..//evil.example'],
  ...['//evil.example', '/\\evil.example', '\\/evil.example', '/\t/evil.example', '\n//evil.example', '//', '///'],
  ...['http://evil.example', 'javascript:alert(1)', 'data:text/html,x', '/..\\\\evil.example'],
  ...['\u0001//evil.example', `blob:${OURS}/1`, 'https://user@accounts.example.com/'],
])('has no path of ours for %j', (text) => {
  expect(localPathOf(text)).toBeNull();
  expect(localPathOf(text, OURS)).toBeNull();
});

it('gives the path of an address of ours, without what a server is not sent', () => {
  expect(localPathOf(`${OURS}/accounts/acc_1?tenantId=acme#x`, OURS)).toBe('/accounts/acc_1?tenantId=acme');
  expect(localPathOf('/a/../b', OURS)).toBe('/b');
  expect(localPathOf(`${SHOP}/accounts`, OURS)).toBeNull();
});

it('takes a base address with a path, and nothing behind it', () => {
  expect(baseUrlOf('HTTPS://onlinetools.UPS.com:443//')).toBe('https://onlinetools.ups.com');
  expect(baseUrlOf('http://localhost:4401/ups/')).toBe('http://localhost:4401/ups');
  for (const text of [
    'https://ups.com?x',
    'https://ups.com#x',
    'https://a:b@ups.com',
    'blob:https://ups.com',
    'ups.com',
  ])
    expect(baseUrlOf(text)).toBeNull();
});
