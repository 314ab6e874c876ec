/** What a request brings to be imported: its bytes, their encoding, and how long somebody waits for the answer. */

import type { Request } from 'express';
import { MIMEType } from 'node:util';
import { CSV } from '../csv';
import { assertType } from '../input';
import { Refusal } from '../problems';
import { whileWanted } from '../requests';
import { bytesOf, letRunOut } from './bytes';
import { isEncoding } from './encoding';
import { IMPORT_LIMITS, OverLimit } from './limits';

export interface Upload {
  /** Reads until the signal is aborted. */
  open(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** A label that `isEncoding` knows. */
  encoding?: string;
  /** Aborted when nobody waits for the answer any more. */
  wanted: AbortSignal;
}

/** Of `Content-Type: text/csv; charset=…`; '' where that cannot be read. */
function charsetIn(contentType: string): string {
  try {
    return new MIMEType(contentType).params.get('charset') ?? 'utf-8';
  } catch {
    return '';
  }
}

function encodingOf(req: Request): string {
  const label = charsetIn(req.get('content-type') ?? CSV);
  if (isEncoding(label)) return label;
  throw new Refusal(
    'unsupported-media-type',
    'charset names no encoding that is known here: give utf-8, or one such as windows-1252.',
    { field: 'charset' },
  );
}

const tooLarge = (): OverLimit => new OverLimit('bytes', IMPORT_LIMITS.bytes);

/** What its headers say is judged before a byte is read. */
export function uploadOf(req: Request): Upload {
  assertType(req, CSV);
  const encoding = encodingOf(req);
  if (Number(req.headers['content-length'] ?? 0) > IMPORT_LIMITS.bytes) {
    letRunOut(req);
    throw new Refusal('too-large', tooLarge().message);
  }
  const open = (signal: AbortSignal) => bytesOf(req, { most: IMPORT_LIMITS.bytes, tooMany: tooLarge, signal });
  return { open, encoding, wanted: whileWanted(req) };
}

/** Lines that came as text. */
export function pastedUpload(req: Request, text: string): Upload {
  return {
    async *open() {
      yield Buffer.from(text);
    },
    wanted: whileWanted(req),
  };
}
