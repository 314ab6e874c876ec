/**
 * Web addresses that come from outside: parameters, headers, a tenant's list. An address is parsed once, as a browser parses
 * it, and only what was parsed is judged. What goes on is the serialised form of the same thing, never the text that came:
 * a text that looks harmless may mean another host to a browser.
 */

function webUrlOf(text: string, base?: string): URL | null {
  if (!URL.canParse(text, base)) return null;
  const url = new URL(text, base);
  // `blob:` and `filesystem:` addresses borrow the origin of the address inside them.
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
  return isWeb && url.username === '' && url.password === '' ? url : null;
}

/** The absolute address that a text is, if it is at one of these origins. */
export function addressAt(text: string, origins: readonly string[]): string | null {
  const url = webUrlOf(text);
  return url !== null && origins.includes(url.origin) ? url.href : null;
}

/** An http or https address without login, query and fragment; it ends without a slash. */
export function baseUrlOf(text: string): string | null {
  const url = webUrlOf(text);
  return url !== null && url.href === `${url.origin}${url.pathname}` ? url.href.replace(/\/+$/, '') : null;
}

/** The origin that a text names, if it names nothing more. */
export function originOf(text: string): string | null {
  const url = webUrlOf(text);
  return url !== null && url.href === `${url.origin}/` ? url.origin : null;
}

/** Stands for our origin where only a path is wanted. `.invalid` belongs to nobody (RFC 2606). */
const HERE = 'http://here.invalid';

/** The path and query of an address of ours, given in full or from its path on; null for an address elsewhere. */
export function localPathOf(text: string, ownOrigin: string = HERE): string | null {
  const url = webUrlOf(text, ownOrigin);
  if (url === null || url.origin !== ownOrigin) return null;
  const path = `${url.pathname}${url.search}`;
  // `/..//host` has the path `//host`, which on its own is the address of another host.
  const isSame = URL.canParse(path, ownOrigin) && new URL(path, ownOrigin).href === `${ownOrigin}${path}`;
  return isSame ? path : null;
}
