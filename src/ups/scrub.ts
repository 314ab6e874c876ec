/** UPS's words for people: kept short, on one line, and free of anything that could be a credential. */

const LONGEST = 300;
export const REMOVED = '[removed]';
/** A run no sentence has: 24 or more characters of a token's alphabet with a digit among them, or 40 without. */
const LONG_RUN = /[A-Za-z0-9+/_.=~%-]{24,}/g;
const NAMED =
  /\b((?:access_|refresh_)?token|client_secret|secret|password|code_verifier|authorization)(\s*[=:]\s*)(?:(?:bearer|basic)\s+)?["']?[^\s"',;&]+/gi;
// eslint-disable-next-line no-control-regex -- control and bidi characters are what must go
export const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+/g;

/**
 * `secrets` are those of our own request: an echo of them is removed wherever it stands, in plain or URL-encoded. Null for nothing
 * worth showing.
 */
export function scrubMessage(text: string | null, secrets: readonly string[]): string | null {
  if (text === null) return null;
  const named = removeEchoes(text, secrets).replace(UNPRINTABLE, ' ').replace(NAMED, `$1$2${REMOVED}`);
  const plain = named.replace(LONG_RUN, (run) => (/\d/.test(run) || run.length >= 40 ? REMOVED : run));
  const line = plain.replace(/\s+/g, ' ').trim();
  return line === '' ? null : [...line].slice(0, LONGEST).join('');
}

/** A code is UPS's short word, never a text: anything else is no code. */
export function scrubCode(code: string | null): string | null {
  return code !== null && /^[A-Za-z0-9._-]{1,20}$/.test(code) ? code : null;
}

/** Of the secrets of a request, in plain or URL-encoded. */
export function removeEchoes(text: string, secrets: readonly string[]): string {
  let left = text;
  for (const secret of secrets) {
    if (secret === '') continue;
    for (const form of new Set([secret, encodeURIComponent(secret)])) left = left.split(form).join(REMOVED);
  }
  return left;
}
