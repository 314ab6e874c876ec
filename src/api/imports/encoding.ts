/** Bytes as text: UTF-8 unless a byte order mark or the sender says otherwise. */

import { TextDecoder } from 'node:util';

/** A label of the WHATWG Encoding Standard, such as `windows-1252`; `iso-8859-1` and `latin1` mean the same. */
export function isEncoding(label: string): boolean {
  try {
    return new TextDecoder(label).encoding !== '';
  } catch {
    return false;
  }
}

/** The way out for a file that is in another encoding than was said. */
export const SAVE_AS_UTF8 =
  'Save the file as UTF-8 (in Excel: Save As, "CSV UTF-8 (comma delimited)"), or name its encoding, such as windows-1252.';

/** In hex. */
const MARKS = [
  ['efbbbf', 'utf-8'],
  ['fffe', 'utf-16le'],
  ['feff', 'utf-16be'],
] as const;
const MARK_BYTES = 3;

/** As browsers do it: a byte order mark wins over what was said. */
function decoderFor(begin: Buffer, label: string): TextDecoder {
  const hex = begin.toString('hex');
  return new TextDecoder(MARKS.find(([mark]) => hex.startsWith(mark))?.[1] ?? label);
}

/** So that no piece of work is long, however the bytes come. */
const PIECE = 16 * 1024;

function* piecesOf(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.length; at += PIECE) yield chunk.subarray(at, at + PIECE);
}

/** Broken bytes become U+FFFD. Never decoded in one go: Node 20 then takes windows-1252 for ISO 8859-1. */
export async function* decoded(bytes: AsyncIterable<Uint8Array>, label: string): AsyncGenerator<string, void> {
  let begin = Buffer.alloc(0);
  let decoder: TextDecoder | null = null;
  for await (const chunk of bytes) {
    let rest = chunk;
    if (decoder === null) {
      begin = Buffer.concat([begin, chunk]);
      if (begin.length < MARK_BYTES) continue;
      decoder = decoderFor(begin, label);
      rest = begin;
    }
    for (const piece of piecesOf(rest)) yield decoder.decode(piece, { stream: true });
  }
  decoder ??= decoderFor(begin, label);
  if (begin.length < MARK_BYTES) yield decoder.decode(begin, { stream: true });
  yield decoder.decode();
}
