/**
 * The beginning of an answer that nobody understands, for people. It may be a token answer that was cut, garbled or wrapped, so
 * whatever could be a secret goes, by its name and by its look, and rather a word too many than one too few.
 */
import { removeEchoes, REMOVED, UNPRINTABLE } from './scrub';

const LONGEST = 200;
/** Pages begin with long heads; what is further back is not shown. */
const LOOKED_AT = 20_000;

const SECRETS =
  'token|access|refresh|bearer|secret|passw|pwd|authori[sz]ation|verifier|assertion|credential|cookie|session|signature|[_-]key|jwt';
/** Bounded, or a page that is one long word would take its time. */
const NAME = String.raw`[\w.:-]{0,40}(?:${SECRETS})[\w.:-]{0,40}`;
/** `<access_token>…`, up to the next element. */
const NAMED_ELEMENT = new RegExp(String.raw`<(${NAME})(?:\s[^<>]*)?>[^<]*`, 'gi');
/** `"access_token": "…"`, `refresh_token=…`, `token: {…`; a value in quotes ends with them, an object or list takes all the rest along. */
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
  const start = text.slice(0, LOOKED_AT).replace(UNPRINTABLE, (some) => (/[\t\n\r]/.test(some) ? ' ' : ''));
  const plain = withoutMarkup(removeEchoes(unescaped(removeEchoes(start, secrets)), secrets));
  const nameless = plain.replace(NAMED_VALUE, `$1$2${REMOVED}`).replace(SCHEME, `$1 ${REMOVED}`);
  const line = nameless.replace(RUN, (run) => (mayBeSecret(run) ? REMOVED : run));
  return [...line.replace(/\s+/g, ' ').trim()].slice(0, LONGEST).join('');
}

/** Words and short numbers stay; what is as long as a credential and no plain word goes, wherever it is cut. */
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

/** Names and quotes may be hidden by an encoding, in another one too: URL, HTML, JavaScript. */
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
