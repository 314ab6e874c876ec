/**
 * Turns the bytes of an answer into JSON and text. A CDN may compress it although identity was asked, with a Content-Encoding that is
 * right, wrong or missing; it may come in another charset or begin with a byte order mark.
 *
 * undici's decompress interceptor is not used: it loses the bytes when the header is wrong, does nothing when it is missing, does not
 * know raw deflate, and is experimental. Here the bytes are kept, so that another reading can be tried.
 *
 * 1. Every stage is bounded: decoding stops once the output exceeds `LARGEST_BODY_BYTES`, so a small bomb cannot fill memory.
 * 2. A truncated body is decoded as far as possible. This is safe because a truncated JSON object never parses; people see the rest.
 */
import * as zlib from 'node:zlib';

/** No answer of UPS that we read comes near it, compressed or not. */
export const LARGEST_BODY_BYTES = 512 * 1024;
/** undici's limit: a longer list is an attack, not an answer. */
const MOST_CODINGS = 5;

export interface BodyHeaders {
  contentEncoding: string | string[] | undefined;
  contentType: string | null;
}

export interface Body {
  /** Undefined when the body is not JSON. */
  json: unknown;
  /** For people; empty when the body is not text. It may hold secrets. */
  text: string;
}

/** The decoded body exceeds LARGEST_BODY_BYTES. */
export class BodyTooLarge extends Error {}

type Decode = (bytes: Buffer) => Buffer;

const { BROTLI_OPERATION_FLUSH, Z_SYNC_FLUSH } = zlib.constants;
const deflated = { maxOutputLength: LARGEST_BODY_BYTES, finishFlush: Z_SYNC_FLUSH };
const brotli: Decode = (bytes) =>
  zlib.brotliDecompressSync(bytes, { maxOutputLength: LARGEST_BODY_BYTES, finishFlush: BROTLI_OPERATION_FLUSH });
const gunzip: Decode = (bytes) => zlib.gunzipSync(bytes, deflated);
const inflateRaw: Decode = (bytes) => zlib.inflateRawSync(bytes, deflated);
/** HTTP's deflate is zlib's format; some servers send it without its header. */
const inflate: Decode = (bytes) => (isZlib(bytes) ? zlib.inflateSync(bytes, deflated) : inflateRaw(bytes));

/** Node has it from 22.15 on. */
const unzstd = (zlib as { zstdDecompressSync?: (bytes: Buffer, options: object) => Buffer }).zstdDecompressSync;
const zstd: Record<string, Decode> = unzstd
  ? { zstd: (bytes) => unzstd(bytes, { maxOutputLength: LARGEST_BODY_BYTES }) }
  : {};

const decoders = new Map<string, Decode>(
  Object.entries({ gzip: gunzip, 'x-gzip': gunzip, deflate: inflate, br: brotli, ...zstd }),
);

const isGzip = (bytes: Buffer): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;
const isZlib = (bytes: Buffer): boolean =>
  bytes.length > 2 && ((bytes[0] ?? 0) & 0x0f) === 8 && bytes.readUInt16BE(0) % 31 === 0;
const isZstd = (bytes: Buffer): boolean => bytes.length > 3 && bytes.readUInt32BE(0) === 0x28b52ffd;

const sniffed: [is: (bytes: Buffer) => boolean, coding: string][] = [
  [isGzip, 'gzip'],
  [isZlib, 'deflate'],
  [isZstd, 'zstd'],
];

/** Throws BodyTooLarge. */
export function readBody(raw: Buffer, { contentEncoding, contentType }: BodyHeaders): Body {
  let text = '';
  for (const bytes of readingsOf(raw, codingsIn(contentEncoding))) {
    const texts = textsOf(bytes, charsetIn(contentType));
    for (const one of texts) {
      const json = parseJson(one);
      if (json !== undefined) return { json, text: one };
    }
    text ||= texts.find(isText) ?? '';
  }
  return { json: undefined, text };
}

function* readingsOf(raw: Buffer, codings: string[]): Generator<Buffer> {
  const declared = codings.reduceRight((bytes, coding) => decodedOr(bytes, coding), raw);
  yield unwrapped(declared);
  if (declared !== raw) yield unwrapped(raw);
  if (isText(raw.toString('utf8'))) return;
  // These two formats have no signature: try them and see whether the result is JSON.
  for (const guess of [brotli, inflateRaw]) {
    const bytes = attempt(guess, raw);
    if (Buffer.isBuffer(bytes)) yield bytes;
  }
}

/** Decodes by signature, repeatedly, because a proxy may compress what is compressed already. */
function unwrapped(given: Buffer): Buffer {
  let bytes = given;
  for (let layer = 0; layer < MOST_CODINGS; layer++) {
    const coding = sniffed.find(([is]) => is(bytes))?.[1];
    const inner = coding === undefined ? bytes : decodedOr(bytes, coding);
    if (inner === bytes) return bytes;
    bytes = inner;
  }
  return bytes;
}

/** Returns the bytes unchanged when the header is wrong. */
function decodedOr(bytes: Buffer, coding: string): Buffer {
  const decode = decoders.get(coding);
  const decoded = decode ? attempt(decode, bytes) : null;
  if (decoded === 'too-large') throw new BodyTooLarge();
  return decoded ?? bytes;
}

function attempt(decode: Decode, bytes: Buffer): Buffer | 'too-large' | null {
  try {
    return decode(bytes);
  } catch (error) {
    return (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : null;
  }
}

/** In the order in which they were applied. */
function codingsIn(header: string | string[] | undefined): string[] {
  const codings = [header ?? []].flat().flatMap((line) => line.toLowerCase().split(','));
  return codings.length > MOST_CODINGS ? [] : codings.map((coding) => coding.trim());
}

const charsetIn = (contentType: string | null): string | null =>
  /charset\s*=\s*["']?([^\s"';,]+)/i.exec(contentType ?? '')?.[1] ?? null;

/** A byte order mark decides. Otherwise UTF-8 comes first, because other charsets are hardly ever valid UTF-8 by chance. */
function textsOf(bytes: Buffer, charset: string | null): string[] {
  const marked = markOf(bytes);
  if (marked !== null) return decodedAs(bytes, marked);
  const exact = decodedAs(bytes, 'utf-8', true);
  const told = charset === null ? [] : decodedAs(bytes, charset);
  const wide = bytes[0] === 0 ? decodedAs(bytes, 'utf-16be') : bytes[1] === 0 ? decodedAs(bytes, 'utf-16le') : [];
  return [...exact, ...told, ...wide, bytes.toString('utf8')];
}

function markOf(bytes: Buffer): string | null {
  const start = bytes.toString('hex', 0, 3);
  if (start === 'efbbbf') return 'utf-8';
  if (start.startsWith('feff')) return 'utf-16be';
  return start.startsWith('fffe') ? 'utf-16le' : null;
}

/** Empty for an unknown charset, or when `fatal` and the bytes do not fit it. */
function decodedAs(bytes: Buffer, charset: string, fatal = false): string[] {
  try {
    return [new TextDecoder(charset, { fatal }).decode(bytes)];
  } catch {
    return [];
  }
}

/** `trim` also removes a second byte order mark. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.trim()) as unknown;
  } catch {
    return undefined;
  }
}

/** Bytes that are not text in a charset decode to replacement and control characters. */
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const isText = (text: string): boolean => !/[\u0000-\u0008\u000e-\u001b\ufffd]/.test(text);
