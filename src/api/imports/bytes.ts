/** The bytes of a request, held as they come and read as they are wanted. */

import type { Request } from 'express';
import { Refusal } from '../problems';

const BLOCK = 64 * 1024;

/** What has come and was not read yet, in blocks: however small the chunks it came in, it takes no more than its own size. */
export function makeReadAhead() {
  const blocks: Buffer[] = [];
  /** Of the last block. */
  let filled = 0;
  /** Of the first block. */
  let read = 0;

  return {
    put(chunk: Uint8Array): void {
      for (let rest = chunk; rest.length > 0;) {
        if (blocks.length === 0 || filled === BLOCK) {
          blocks.push(Buffer.allocUnsafe(BLOCK));
          filled = 0;
        }
        const here = rest.subarray(0, BLOCK - filled);
        blocks.at(-1)?.set(here, filled);
        filled += here.length;
        rest = rest.subarray(here.length);
      }
    },
    /** What there is of the first block; null when there is nothing. */
    take(): Uint8Array | null {
      const [first] = blocks;
      const end = blocks.length > 1 ? BLOCK : filled;
      if (first === undefined || read === end) return null;
      const taken = first.subarray(read, end);
      read = end;
      if (end === BLOCK) {
        blocks.shift();
        read = 0;
      }
      return taken;
    },
  };
}

/** How much is read and thrown away for a client that reads no answer before it has sent everything. A client that sends more is cut off. */
const RUN_OUT = 64 * 1024 * 1024;

/** The rest of a body nobody wants, thrown away as it comes: a connection closed on it would take the answer along. */
export function letRunOut(req: Request): void {
  let left = RUN_OUT;
  req.on('data', ({ length }: Buffer) => {
    left -= length;
    if (left < 0) req.destroy();
  });
  req.resume();
}

const brokenOff = (): Refusal => new Refusal('invalid-input', 'The body broke off before its end.');

export interface BytesOptions {
  /** Held at once, at most. */
  most: number;
  /** What a body is refused with that has more. */
  tooMany(): Error;
  signal: AbortSignal;
}

/**
 * The body as it comes, and at once: while a connection is not read nobody hears that the client has gone. Throws the
 * reason of the signal once that is aborted.
 */
export async function* bytesOf(req: Request, options: BytesOptions): AsyncGenerator<Uint8Array> {
  const { most, signal } = options;
  const ahead = makeReadAhead();
  let came = 0;
  let isWhole = false;
  let failure: unknown = null;
  let wake = (): void => undefined;

  const end = (why: unknown): void => {
    if (why === null) isWhole = true;
    else if (!isWhole) failure ??= why;
    wake();
  };
  const listeners: Record<string, (chunk: Buffer) => void> = {
    data(chunk) {
      came += chunk.length;
      if (came > most) end(options.tooMany());
      else ahead.put(chunk);
      wake();
    },
    end: () => end(null),
    close: () => end(brokenOff()),
    error: () => end(brokenOff()),
  };
  const abort = (): void => end(signal.reason);
  signal.addEventListener('abort', abort);
  for (const [event, listener] of Object.entries(listeners)) req.on(event, listener);

  try {
    for (;;) {
      signal.throwIfAborted();
      if (failure !== null) throw failure as Error;
      const bytes = ahead.take();
      if (bytes !== null) yield bytes;
      else if (isWhole) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    signal.removeEventListener('abort', abort);
    for (const [event, listener] of Object.entries(listeners)) req.off(event, listener);
    letRunOut(req);
  }
}
