/** Changes how an answer is encoded, as CDNs, proxies and gateways do. What the request did stays done. */
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { Refusal, type Answer } from './answer';
import type { Coding, Fault, FaultOf } from './fault-schema';

/** Runs `work` and changes its answer as the fault says; refusals are answers too. */
export async function dressed(fault: Fault | null, work: () => Promise<Answer>): Promise<Answer> {
  const answered = (): Promise<Answer> =>
    work().catch((error: unknown) => {
      if (error instanceof Refusal) return error.toAnswer();
      throw error;
    });
  switch (fault?.do) {
    case 'html':
      if (fault.processes) await answered();
      return page(fault);
    case 'encode':
      return encoded(fault, await answered());
    case 'charset':
      return inCharset(fault, await answered());
    case 'single-error':
      return singleError(fault, fault.status === undefined ? await answered() : refusalOf(fault.status, fault));
    case 'numbers':
      return withBody(await answered(), inNumbers);
    default:
      return work();
  }
}

const JSON_TYPE = 'application/json';
const DEFAULT_PAGE = '<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Gateway</h1></body></html>';

function page({ status, body = DEFAULT_PAGE, contentType = 'text/html; charset=utf-8' }: FaultOf<'html'>): Answer {
  const headers: Record<string, string> = contentType === null ? {} : { 'Content-Type': contentType };
  return { status, code: null, headers, body: null, bytes: Buffer.from(body), isSpoiled: true };
}

const coders: Record<Coding, (bytes: Buffer) => Buffer> = {
  gzip: (bytes) => gzipSync(bytes),
  'x-gzip': (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  'deflate-raw': (bytes) => deflateRawSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
  identity: (bytes) => bytes,
};
const names: Partial<Record<Coding, string | null>> = { 'deflate-raw': 'deflate', identity: null };

function encoded({ encoding, header, damage }: FaultOf<'encode'>, answer: Answer): Answer {
  if (answer.body === null) return answer;
  const codings = [encoding].flat();
  const whole = codings.reduce<Buffer>((bytes, one) => coders[one](bytes), Buffer.from(JSON.stringify(answer.body)));
  const told = codings.flatMap((one) => names[one] ?? (one in names ? [] : [one])).join(', ') || null;
  const name = header === undefined ? told : header;
  return {
    ...answer,
    headers: { ...answer.headers, 'Content-Type': JSON_TYPE, ...(name !== null && { 'Content-Encoding': name }) },
    bytes: damaged(whole, damage),
    isSpoiled: damage !== undefined,
  };
}

function damaged(bytes: Buffer, damage: 'cut' | 'corrupt' | undefined): Buffer {
  const half = bytes.length >> 1;
  if (damage === 'cut') return bytes.subarray(0, half);
  return damage === undefined ? bytes : Buffer.from(bytes).fill(0xa5, Math.max(0, half - 8), half + 8);
}

function inCharset({ charset, bom, header }: FaultOf<'charset'>, answer: Answer): Answer {
  if (answer.body === null) return answer;
  const text = `${bom ? '\ufeff' : ''}${JSON.stringify(answer.body)}`;
  const isWide = charset.startsWith('utf-16');
  const bytes = Buffer.from(text, isWide ? 'utf16le' : charset === 'latin1' ? 'latin1' : 'utf8');
  const name = header === undefined ? charset : header;
  const type = name === null ? JSON_TYPE : `${JSON_TYPE}; charset=${name}`;
  return {
    ...answer,
    headers: { ...answer.headers, 'Content-Type': type },
    bytes: charset === 'utf-16be' ? bytes.swap16() : bytes,
  };
}

const refusalOf = (status: number, { code = `10${status}`, message }: FaultOf<'single-error'>): Answer =>
  new Refusal(status, code, message ?? 'The sandbox was told to answer so').toAnswer();

function singleError({ form = 'errors-object' }: FaultOf<'single-error'>, answer: Answer): Answer {
  const [error] = (answer.body as { response?: { errors?: object[] } } | null)?.response?.errors ?? [];
  if (error === undefined) return answer;
  const bodies = {
    'errors-object': { response: { errors: error } },
    'bare-errors': { errors: [error] },
    'bare-errors-object': { errors: error },
    error: { error },
    'nested-error': { response: { errors: [{ error }] } },
  };
  return { ...answer, body: bodies[form] };
}

const withBody = (answer: Answer, change: (body: unknown) => unknown): Answer =>
  answer.body === null ? answer : { ...answer, body: change(answer.body) };

/** Turns every string that is a number into one. */
function inNumbers(value: unknown): unknown {
  if (typeof value === 'string') return /^(0|[1-9]\d{0,14})(\.\d{1,4})?$/.test(value) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(inNumbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, inNumbers(one)]));
}
