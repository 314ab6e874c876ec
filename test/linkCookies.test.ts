import { proofCookie, shownFor, wholeCookie, withoutOldest, type LinkCookie } from '../src/linkCookies';
import { newToken, linkOf } from '../src/links';

const HTTPS = 'https://accounts.example.com';
const HTTP = 'http://localhost:4400';
const ACCOUNT = `acc_${'a'.repeat(26)}`;
const NOW = Date.parse('2026-11-30T12:00:00.000Z');
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function makeLink() {
  const token = newToken(ACCOUNT);
  const { opens } = linkOf({ publicUrl: HTTPS }, token, { consentId: 'c', returnTo: null, ttlMs: 30 * MINUTE_MS });
  return { token, link: { ...opens, expiresAt: NOW + 30 * MINUTE_MS } };
}

const headerOf = (cookies: Iterable<LinkCookie>): string =>
  [...cookies].map(({ name, value }) => `${name}=${value}`).join('; ');

/** A browser's jar, in the order in which browsers send it. */
function makeJar(publicUrl: string) {
  const jar = new Map<string, LinkCookie>();
  return {
    jar,
    header: () => headerOf(jar.values()),
    take(fresh: LinkCookie, foreign = ''): void {
      for (const cookie of withoutOldest(fresh, `${foreign}${headerOf(jar.values())}`, publicUrl)) {
        if (cookie.maxAgeMs === 0) jar.delete(cookie.name);
        else jar.set(cookie.name, cookie);
      }
    },
  };
}

it.each([HTTPS, HTTP])(
  'keeps the newest ten open and the newest ten finished links of %s, in under 2 kB',
  (publicUrl) => {
    const { jar, header, take } = makeJar(publicUrl);
    const links = Array.from({ length: 260 }, makeLink);
    const [open, finished] = [links.slice(0, 130), links.slice(130)];
    let now = NOW;
    for (const { token, link } of finished) {
      take(wholeCookie(token, link, { publicUrl, now: ++now }));
      take(proofCookie(link, { publicUrl, now: ++now }));
    }
    expect(jar.size).toBe(10);
    for (const { token, link } of open) take(wholeCookie(token, link, { publicUrl, now: ++now }));
    expect(jar.size).toBe(20);
    expect(header().length).toBeLessThan(2_000);
    const kindsOf = (some: typeof links) => some.map(({ link }) => shownFor(link, header(), publicUrl)?.kind ?? null);
    const expected = (kind: string) => Array.from({ length: 130 }, (_, n) => (n < 120 ? null : kind));
    expect(kindsOf(open)).toEqual(expected('whole'));
    expect(kindsOf(finished)).toEqual(expected('proof'));
  },
);

it('goes by the order of the browser where many came within one instant', () => {
  const { header, take } = makeJar(HTTPS);
  const links = Array.from({ length: 12 }, makeLink);
  for (const { token, link } of links) take(wholeCookie(token, link, { publicUrl: HTTPS, now: NOW }));
  expect(links.map(({ link }) => shownFor(link, header(), HTTPS) !== null)).toEqual(links.map((_, n) => n >= 2));
});

it('finds its own among hundreds of others, leaves those alone, and takes away few at once', () => {
  const { token, link } = makeLink();
  const foreign = Array.from({ length: 300 }, (_, n) => `upslink-4400-theme${n}=${'x'.repeat(20)}; _ga_${n}=1`).join(
    '; ',
  );
  const unreadable = Array.from({ length: 60 }, (_, n) => ({
    ...{ name: `upslink-4400-${n.toString(16).padStart(16, '0')}`, value: 'x', maxAgeMs: 1 },
  }));
  const fresh = wholeCookie(token, link, { publicUrl: HTTP, now: NOW });
  const header = `${foreign}; ${headerOf(unreadable)}; upslink-session-4400=s; upslink-said-4400=t; a`;
  const [first, ...gone] = withoutOldest(fresh, header, HTTP);
  expect(first).toBe(fresh);
  expect(gone.map(({ name }) => name)).toEqual(unreadable.slice(0, 20).map(({ name }) => name));
  expect(shownFor(link, `${header}; ${headerOf([fresh])}`, HTTP)).toEqual({ kind: 'whole', at: NOW });
});

it('believes neither a forged cookie, nor one of another link, nor two of one name', () => {
  const { token, link } = makeLink();
  const [whole, proof] = [
    wholeCookie(token, link, { publicUrl: HTTPS, now: NOW }),
    proofCookie(link, { publicUrl: HTTPS, now: NOW }),
  ];
  const other = makeLink();
  const theirs = wholeCookie(other.token, other.link, { publicUrl: HTTPS, now: NOW });
  const shown = (cookies: LinkCookie[]) => shownFor(link, headerOf(cookies), HTTPS);
  expect(shown([whole])?.kind).toBe('whole');
  expect(shown([proof])?.kind).toBe('proof');
  expect(proof.value.length).toBeLessThan(whole.value.length);
  for (const cookies of [
    [{ ...whole, value: theirs.value }],
    [{ ...whole, value: whole.value.slice(0, 43) }],
    [{ ...whole, value: whole.value.slice(0, 16) + whole.value.slice(43) }],
    [{ ...proof, value: `${proof.value}!` }],
    [whole, proof],
    [whole, whole],
    [],
  ])
    expect(shown(cookies)).toBeNull();
});

it('lasts longer than its link, so that the late are told that they are late', () => {
  const { token, link } = makeLink();
  const { maxAgeMs, name } = wholeCookie(token, link, { publicUrl: HTTPS, now: NOW });
  expect(maxAgeMs).toBeGreaterThan(30 * MINUTE_MS + HOUR_MS);
  expect(name).toMatch(/^__Host-upslink-[0-9a-f]{16}$/);
});
