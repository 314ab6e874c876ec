/** Bytes as lines of text, numbered as an editor numbers them: whatever ends each, and none held that is too long. */

import { TextDecoder } from 'node:util';

export interface TextLine {
  /** From 1. */
  number: number;
  /** Null when it is too long. */
  text: string | null;
  /** What ended it; '' at the end of the file. */
  end: string;
}

const LINE_ENDS = /\r\n|\r|\n/g;
const MARK_BYTES = 2;
/** By the byte order mark, in hex. */
const UTF16: Record<string, string> = { fffe: 'utf-16le', feff: 'utf-16be' };

const decoderFor = (begin: Buffer): TextDecoder =>
  new TextDecoder(UTF16[begin.subarray(0, MARK_BYTES).toString('hex')] ?? 'utf-8');

/** UTF-8, or UTF-16 that says so by its byte order mark; broken bytes become U+FFFD. */
async function* decoded(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let begin = Buffer.alloc(0);
  let decoder: TextDecoder | null = null;
  for await (const chunk of bytes) {
    if (decoder !== null) {
      yield decoder.decode(chunk, { stream: true });
      continue;
    }
    begin = Buffer.concat([begin, chunk]);
    if (begin.length < MARK_BYTES) continue;
    decoder = decoderFor(begin);
    yield decoder.decode(begin, { stream: true });
  }
  yield decoder === null ? decoderFor(begin).decode(begin) : decoder.decode();
}

/** `longest` in UTF-16 units. */
export async function* textLines(bytes: AsyncIterable<Uint8Array>, longest: number): AsyncGenerator<TextLine, void> {
  let number = 1;
  // Of the line that has not ended yet. Chunks may be small: what is here is not searched again.
  let begun = '';
  let isTooLong = false;

  function add(text: string): void {
    isTooLong ||= begun.length + text.length > longest;
    begun = isTooLong ? '' : begun + text;
  }
  function take(end: string): TextLine {
    const line = { number: number++, text: isTooLong ? null : begun, end };
    begun = '';
    isTooLong = false;
    return line;
  }

  // The other half of a line end that may be still to come.
  let held = '';
  for await (const chunk of decoded(bytes)) {
    const text = held + chunk;
    held = text.endsWith('\r') ? '\r' : '';
    const whole = text.slice(0, text.length - held.length);
    let from = 0;
    for (const { 0: end, index } of whole.matchAll(LINE_ENDS)) {
      add(whole.slice(from, index));
      yield take(end);
      from = index + end.length;
    }
    add(whole.slice(from));
  }
  if (held !== '' || begun !== '' || isTooLong) yield take(held);
}
