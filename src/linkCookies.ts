/**
 * The cookies of connect links in a merchant's browser, one a link. A browser sends all of them with every request, and
 * proxies refuse a header of 8 kB.
 *
 * 1. The `whole` cookie of an open link holds its secret. Only this one lets a callback change anything.
 * 2. Once a callback was taken, a shorter `proof` takes its place. It shows that the link was followed in this browser, so
 *    that a second visit is told the stored outcome. Anybody who can read the store could make one; it opens nothing.
 * 3. Of each kind the newest ten are kept. Browsers do not send the age of a cookie, so each value ends in its time.
 */

import { hmac, sha256 } from './hash';
import { cookieOf, cookiesOf, type LinkToken } from './links';
import type { Link } from './machines/data';

const KEPT = 10;
/** Set-Cookie lines in one answer: the header of an answer has its limit in proxies, too. */
const TAKEN_AWAY_AT_ONCE = 20;
/** How long a browser is known after its link has lapsed or was used: the late are told that they are late. */
const AFTERWARDS_MS = 24 * 3_600_000;

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
const nameOf = (stateHash: string, publicUrl: string): string =>
  `${prefixFor(publicUrl)}${stateHash.slice(0, NAMED_BY)}`;

const proofOf = ({ cookieHash }: Pick<Link, 'cookieHash'>): string => hmac(cookieHash, 'proof').slice(0, LENGTHS.proof);

const valueOf = (text: string, now: number): string => `${text}.${now.toString(36)}`;

/** For a browser that follows an open link. */
export const wholeCookie = (
  token: LinkToken,
  link: Pick<Link, 'stateHash' | 'expiresAt'>,
  { publicUrl, now }: { publicUrl: string; now: number },
): LinkCookie => ({
  name: nameOf(link.stateHash, publicUrl),
  value: valueOf(cookieOf(token), now),
  maxAgeMs: link.expiresAt - now + AFTERWARDS_MS,
});

/** In place of the whole one, at each visit: the time says which link the browser came back with last. */
export const proofCookie = (
  link: Pick<Link, 'stateHash' | 'cookieHash'>,
  { publicUrl, now }: { publicUrl: string; now: number },
): LinkCookie => ({
  name: nameOf(link.stateHash, publicUrl),
  value: valueOf(proofOf(link), now),
  maxAgeMs: AFTERWARDS_MS,
});

function readValue(value: string): { text: string; kind: Kind; at: number } | null {
  const [, text = '', time = ''] = VALUE.exec(value) ?? [];
  const kind = text.length === LENGTHS.whole ? 'whole' : text.length === LENGTHS.proof ? 'proof' : null;
  return kind && { text, kind, at: Number.parseInt(time, 36) };
}

/** What a browser shows for a link, and when it got it; null for nothing, a forgery, or two of that name. */
export function shownFor(
  link: Pick<Link, 'stateHash' | 'cookieHash'>,
  header: string | undefined,
  publicUrl: string,
): { kind: Kind; at: number } | null {
  const [value, another] = cookiesOf(header, nameOf(link.stateHash, publicUrl));
  const read = value === undefined || another !== undefined ? null : readValue(value);
  if (read === null) return null;
  const { text, kind, at } = read;
  const isTrue = kind === 'whole' ? sha256(text) === link.cookieHash : text === proofOf(link);
  return isTrue ? { kind, at } : null;
}

/** The new cookie, and those that go: the oldest of its kind beyond ten, and what nobody can read. */
export function withoutOldest(fresh: LinkCookie, header: string | undefined, publicUrl: string): LinkCookie[] {
  const prefix = prefixFor(publicUrl);
  const isOurs = (name: string) => name.startsWith(prefix) && /^[0-9a-f]{16}$/.test(name.slice(prefix.length));
  const values = new Map<string, string>();
  for (const pair of (header ?? '').split(';')) {
    const [name = '', ...value] = pair.trim().split('=');
    // A browser lists the cookies of one path oldest first: those of one instant keep that order.
    if (isOurs(name) && name !== fresh.name) values.set(name, value.join('='));
  }
  const read = [...values, [fresh.name, fresh.value] as const].map(([name, value]) => ({ name, ...readValue(value) }));
  const newestFirst = read.reverse().sort((one, other) => (other.at ?? 0) - (one.at ?? 0));
  const kept = (['whole', 'proof'] as const).flatMap((kind) =>
    newestFirst.filter((one) => one.kind === kind).slice(0, KEPT),
  );
  const gone = newestFirst.filter((one) => !kept.includes(one) && one.name !== fresh.name).reverse();
  return [fresh, ...gone.slice(0, TAKEN_AWAY_AT_ONCE).map(({ name }) => ({ name, value: '', maxAgeMs: 0 }))];
}
