/**
 * A Redis that answers and refuses is not one that is away: to try it again at once gets the same answer, and only a
 * person can mend it. What it says is told by a code and the command's name, never by its own words: these may repeat
 * arguments.
 */

export interface Refusal {
  /** The first word of Redis's answer; `certificate`, `TLS` or `PROTOCOL` where it did not come to an answer. */
  readonly code: string;
  /** In lower case; null where none was sent. */
  readonly command: string | null;
  readonly sentence: string;
  /** It cannot be mended by waiting: the login or the index in REDIS_URL is wrong. */
  readonly isOfLogin: boolean;
}

/** Answers that are a part of normal work: a script is sent whole, an older protocol is spoken. */
const HARMLESS = new Set(['NOSCRIPT', 'NOPROTO', 'EXECABORT', 'UNBLOCKED']);
const HANDSHAKE = new Set(['hello', 'auth', 'select']);

const SENTENCES: Record<string, string> = {
  WRONGPASS: 'Redis refuses the user or the password in REDIS_URL. Set them right.',
  NOAUTH: 'Redis asks for a password, and REDIS_URL has none that it takes. Set it.',
  READONLY: 'Redis is a read-only replica. Let REDIS_URL name the one that takes writes.',
  OOM: 'Redis is full. Raise its maxmemory, or remove what else it holds.',
  LOADING: 'Redis is still loading its data. It takes commands when it has finished.',
  MISCONF: 'Redis cannot save to its disk and refuses writes. Free its disk.',
  MASTERDOWN: 'Redis is a replica that has lost its master. Let REDIS_URL name one that takes writes.',
  NOREPLICAS: 'Redis has too few replicas to take writes. Bring them up.',
  TLS: 'The TLS connection to Redis fails. Check rediss:// and the port in REDIS_URL.',
  PROTOCOL: 'Something that is not Redis answers. Check the host and the port in REDIS_URL.',
};

function sentenceFor(code: string, command: string | null): string {
  if (command === 'select') return 'Redis refuses the database index in REDIS_URL. Use one that it has, such as /0.';
  if (code === 'NOPERM')
    return `Redis does not allow this login to run ${command ?? 'a command'}. Give its user +@all on the keys upslink:*.`;
  return SENTENCES[code] ?? `Redis refuses ${command ?? 'the connection'} with ${code}. See its log.`;
}

/** Null for what is no refusal: a lost connection, a time-out, an answer that belongs to normal work. */
export function refusalOf(error: unknown): Refusal | null {
  if (!(error instanceof Error)) return null;
  if (error.name === 'ReplyError') return refusedByServer(error);
  if (error.name === 'ParserError') return made('PROTOCOL', null);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (isOfCertificate(code)) {
    const sentence = `The certificate of Redis is not trusted (${code}). Trust its authority with NODE_EXTRA_CA_CERTS.`;
    return { ...made('certificate', null), sentence };
  }
  return /^(ERR_SSL_|ERR_TLS_|EPROTO$)/.test(code) ? made('TLS', null) : null;
}

const isOfCertificate = (code: string): boolean =>
  /^(CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(GET|VERIFY|DECODE)_|HOSTNAME_MISMATCH)/.test(
    code,
  ) || code === 'ERR_TLS_CERT_ALTNAME_INVALID';

function refusedByServer(error: Error): Refusal | null {
  const command = commandOf(error);
  const code = codeOf(error.message);
  // An older server knows fewer of the words by which a client introduces itself.
  const isHarmless = HARMLESS.has(code) || command === 'client' || /unknown command.*hello/i.test(error.message);
  return isHarmless ? null : made(code, command);
}

/** Redis 6 and 7 say some of it in words, behind the code of any error. */
function codeOf(message: string): string {
  if (/user executing the script can't run|ACL failure in script/i.test(message)) return 'NOPERM';
  if (/^ERR invalid password/i.test(message)) return 'WRONGPASS';
  return /^([A-Z][A-Z0-9]+)\b/.exec(message)?.[1] ?? 'ERR';
}

function commandOf(error: Error): string | null {
  const { command } = error as { command?: { name?: unknown } };
  return typeof command?.name === 'string' ? command.name.toLowerCase() : null;
}

function made(code: string, command: string | null): Refusal {
  const isHandshake = command !== null && HANDSHAKE.has(command);
  const isOfLogin =
    command === 'select' || ['WRONGPASS', 'NOAUTH'].includes(code) || (isHandshake && code === 'NOPERM');
  return { code, command, sentence: sentenceFor(code, command), isOfLogin };
}
