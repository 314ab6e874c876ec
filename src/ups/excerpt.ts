/**
 * The beginning of an answer that could not be understood, for people. It may be a token answer that was truncated, garbled or
 * wrapped, so everything that has a secret's name or looks like one is removed. When in doubt it removes too much.
 */
import { removeEchoes, REMOVED, UNPRINTABLE } from './scrub';

const LONGEST = 200;
/** Enough to get past the head of a page. */
const LOOKED_AT = 20_000;

const SECRETS =
  'token|access|refresh|bearer|secret|passw|pwd|authori[sz]ation|verifier|assertion|credential|cookie|session|signature|[_-]key|jwt';
/** Bounded, or one very long word would make the search quadratic. */
const NAME = String.raw`[\w.:-]{0,40}(?:${SECRETS})[\w.:-]{0,40}`;
/** `<access_token>…`, up to the next element. */
const NAMED_ELEMENT = new RegExp(String.raw`<(${NAME})(?:\s[^<>]*)?>[^<]*`, 'gi');
/** `"access_token": "…"`, `refresh_token=…`, `token: {…`; a quoted value ends at its quote; an object or list removes the rest of the text. */
const NAMED_VALUE = new RegExp(
  String.raw`(${NAME})(["'\\\s]*[:=]+>?\s*)(?:\\*"[^"]*"?|\\*'[^']*'?|[[{][^]*|(?:(?:bearer|basic)\s+)?[^\s"'&,;<>}\]]+)`,
  'gi',
);
const SCHEME = /\b(bearer|basic)\s+[^\s"',;&<>]+/gi;
/** A token's alphabet. */
const RUN = /[A-Za-z0-9+/_.=~%-]+/g;
const CREDENTIAL_LENGTH = 16;

/** `secrets` are those of our own request. Empty when nothing is left to show. */
export function excerptOf(text: string, secrets: readonly string[]): string {
  const start = removeEchoes(printable(text.slice(0, LOOKED_AT)), secrets);
  // Escapes can hide unprintable characters and echoes, so both are removed again.
  const plain = withoutMarkup(removeEchoes(printable(unescaped(start)), secrets));
  const nameless = plain.replace(NAMED_VALUE, `$1$2${REMOVED}`).replace(SCHEME, `$1 ${REMOVED}`);
  const line = nameless.replace(RUN, (run) => (mayBeSecret(run) ? REMOVED : run));
  return [...line.replace(/\s+/g, ' ').trim()].slice(0, LONGEST).join('');
}

/** Characters without a width would split a secret into harmless-looking pieces. */
const printable = (text: string): string => text.replace(UNPRINTABLE, (some) => (/[\t\n\r]/.test(some) ? ' ' : ''));

/** Keeps plain words and short numbers; removes any other run that is long enough to be a credential. */
function mayBeSecret(run: string): boolean {
  if (run.length < CREDENTIAL_LENGTH) return false;
  return !run.split(/[/_.=~-]+/).every((part) => part.length < 20 && /^(?:[A-Z]?[a-z]*|[A-Z]+|\d{1,6})$/.test(part));
}

function withoutMarkup(text: string): string {
  return text
    .replace(/<(script|style)\b[^]*?(?:<\/\1\s*>|$)/gi, ' ')
    .replace(/<!--[^]*?(?:-->|$)/g, ' ')
    .replace(NAMED_ELEMENT, (_, name: string) => ` ${name}=${REMOVED} `)
    .replace(/<\/?[a-z!?][^<>]*(?:>|$)/gi, ' ');
}

const ENTITIES: Record<string, string> = { quot: '"', apos: "'", amp: '&', lt: '<', gt: '>', nbsp: ' ' };

/** Undoes URL, HTML and JavaScript escapes, also nested ones: they could hide a name or a quote. */
function unescaped(text: string): string {
  let plain = text;
  for (let layer = 0; layer < 3; layer++) {
    plain = plain
      .replace(/(?:%|\\x|\\u00|&#x)([2-7][0-9a-f]);?/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
      .replace(/&#(\d{2,3});/g, (_, code: string) => String.fromCharCode(Number(code)))
      .replace(/&(quot|apos|amp|lt|gt|nbsp);/gi, (_, name: string) => ENTITIES[name.toLowerCase()] ?? ' ');
  }
  return plain;
}
