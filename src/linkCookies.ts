/**
 * The cookies of connect links in a merchant's browser, one per link. The browser sends all of them with every request, and
 * many proxies refuse a header of 8 kB.
 *
 * 1. The `whole` cookie of an open link holds its secret. Only this one lets a callback change anything.
 * 2. Once a callback was taken, a shorter `proof` takes its place. It shows that the link was followed in this browser, so
 *    that a second visit is told the stored outcome. Anybody who can read the store could make one; it opens nothing.
 * 3. The newest ten of each kind are kept. Browsers do not send the age of a cookie, so each value ends in its time.
 */

import { DAY_MS } from './durations';
import { hmac, sha256 } from './hash';
import { cookieOf, type LinkToken } from './links';
import { cookiesOf } from './cookies';
import type { Link } from './machines/data';

const KEPT = 10;
/** Set-Cookie lines in one answer. Proxies limit the header of an answer as well. */
const TAKEN_AWAY_AT_ONCE = 20;
/** How long cookies outlive the link, so that a merchant who comes too late is told so. */
const AFTERWARDS_MS = DAY_MS;

type Kind = 'whole' | 'proof';

export interface LinkCookie {
  name: string;
  value: string;
  /** 0 takes the cookie away. */
  maxAgeMs: number;
}

const LENGTHS: Record<Kind, number> = { whole: 43, proof: 16 };
const VALUE = /^([\w-]+)\.([0-9a-z]{1,9})$/;

/** Cookies do not tell ports apart, and two installations may run side by side on localhost. */
function prefixFor(publicUrl: string): string {
  const { protocol, port } = new URL(publicUrl);
  // Browsers keep a `__Host-` cookie over https only; no other host can set one.
  return protocol === 'https:' ? '__Host-upslink-' : `upslink-${port}-`;
}

const NAMED_BY = 16;
export const linkCookieName = (stateHash: string, publicUrl: string): string =>
  `${prefixFor(publicUrl)}${stateHash.slice(0, NAMED_BY)}`;

const proofOf = ({ cookieHash }: Pick<Link, 'cookieHash'>): string => hmac(cookieHash, 'proof').slice(0, LENGTHS.proof);

const valueOf = (text: string, now: number): string => `${text}.${now.toString(36)}`;

/** For a browser that follows an open link. `now` orders the cookies. */
export const wholeCookie = (
  token: LinkToken,
  link: Pick<Link, 'stateHash' | 'expiresAt'>,
  { publicUrl, now }: { publicUrl: string; now: number },
): LinkCookie => ({
  name: linkCookieName(link.stateHash, publicUrl),
  value: valueOf(cookieOf(token), now),
  maxAgeMs: link.expiresAt - now + AFTERWARDS_MS,
});

/** Set at each visit in place of the whole one. The time says which link the browser came back with last. */
export const proofCookie = (
  link: Pick<Link, 'stateHash' | 'cookieHash'>,
  { publicUrl, now }: { publicUrl: string; now: number },
): LinkCookie => ({
  name: linkCookieName(link.stateHash, publicUrl),
  value: valueOf(proofOf(link), now),
  maxAgeMs: AFTERWARDS_MS,
});

function readValue(value: string): { text: string; kind: Kind; at: number } | null {
  const [, text = '', time = ''] = VALUE.exec(value) ?? [];
  const kind = text.length === LENGTHS.whole ? 'whole' : text.length === LENGTHS.proof ? 'proof' : null;
  return kind && { text, kind, at: Number.parseInt(time, 36) };
}

function readOnly(stateHash: string, header: string | undefined, publicUrl: string) {
  const [value, another] = cookiesOf(header, linkCookieName(stateHash, publicUrl));
  return value === undefined || another !== undefined ? null : readValue(value);
}

/** Before a link is looked up: whether it could be this browser's at all. */
export const mayShow = (stateHash: string, header: string | undefined, publicUrl: string): boolean =>
  readOnly(stateHash, header, publicUrl) !== null;

/** The cookie that a browser carries for a link, and when it was set; null if there is none, two, or a forged one. */
export function shownFor(
  link: Pick<Link, 'stateHash' | 'cookieHash'>,
  header: string | undefined,
  publicUrl: string,
): { kind: Kind; at: number } | null {
  const read = readOnly(link.stateHash, header, publicUrl);
  if (read === null) return null;
  const { text, kind, at } = read;
  const isTrue = kind === 'whole' ? sha256(text) === link.cookieHash : text === proofOf(link);
  return isTrue ? { kind, at } : null;
}

/** Names and values, in the order of the header: browsers list the cookies of one path oldest first. */
export function linkCookiesIn(header: string | undefined, publicUrl: string): Map<string, string> {
  const prefix = prefixFor(publicUrl);
  const isOurs = (name: string) => name.startsWith(prefix) && /^[0-9a-f]{16}$/.test(name.slice(prefix.length));
  const pairs = (header ?? '').split(';').map((pair): [string, string] => {
    const [name = '', ...value] = pair.trim().split('=');
    return [name, value.join('=')];
  });
  return new Map(pairs.filter(([name]) => isOurs(name)));
}

/** The new cookie, and those that are taken away: the oldest of each kind beyond ten, and unreadable ones. */
export function withoutOldest(fresh: LinkCookie, header: string | undefined, publicUrl: string): LinkCookie[] {
  const values = linkCookiesIn(header, publicUrl);
  values.delete(fresh.name);
  const read = [...values, [fresh.name, fresh.value] as const].map(([name, value]) => ({ name, ...readValue(value) }));
  const newestFirst = read.reverse().sort((one, other) => (other.at ?? 0) - (one.at ?? 0));
  const kept = (['whole', 'proof'] as const).flatMap((kind) =>
    newestFirst.filter((one) => one.kind === kind).slice(0, KEPT),
  );
  const gone = newestFirst.filter((one) => !kept.includes(one) && one.name !== fresh.name).reverse();
  return [fresh, ...gone.slice(0, TAKEN_AWAY_AT_ONCE).map(({ name }) => ({ name, value: '', maxAgeMs: 0 }))];
}
