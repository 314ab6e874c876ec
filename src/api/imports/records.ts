/**
 * Lines of text as records of CSV. A quoted cell may go over lines, and a stray quote must not swallow those behind it:
 *
 * 1. Lines are joined while a quote is open.
 * 2. What becomes no record is the fault of its first line, and the next line begins a record of its own.
 * 3. Only a line with an odd number of quotes looks ahead, and no further than to the next of its kind. So no line is looked
 *    at more than twice, however many quotes are stray.
 */

import { parse } from 'csv-parse/sync';
import type { TextLine } from './textLines';

export interface CsvRecord {
  /** The line it begins on. */
  line: number;
  /** Or what is wrong. */
  cells: string[] | string;
}

/** In UTF-16 units. */
export const RECORD_MAX = 64 * 1024;

const TOO_LONG = `The line is longer than ${RECORD_MAX / 1024} kB.`;
const NEVER_CLOSED = `A quote is opened and not closed within ${RECORD_MAX / 1024} kB.`;
const ILL_QUOTED =
  'The quotes do not fit: a cell with quotes, commas or line ends stands in quotes, its own quotes doubled.';

/** Null where the quotes do not fit. */
function cellsOf(text: string): string[] | null {
  if (!text.includes('"')) return text.split(',');
  try {
    const [cells, ...more] = parse(text, { relax_column_count: true });
    return cells !== undefined && more.length === 0 ? cells : null;
  } catch {
    return null;
  }
}

const hasOddQuotes = (text: string): boolean => text.includes('"') && text.split('"').length % 2 === 0;

/** A line and, once it was looked at, the one behind it: read once, and let go with those before it. */
interface ChainedLine extends TextLine {
  next: ChainedLine | null;
}
type After = (line: ChainedLine) => Promise<ChainedLine | null>;

interface Joined {
  text: string;
  last: ChainedLine;
}

/** Up to the line on which the quote that `first` opens is closed; null when it is closed too late, or never. */
async function joined(first: ChainedLine, begin: string, after: After): Promise<Joined | null> {
  let text = begin;
  let last = first;
  let isOpen = hasOddQuotes(begin);
  while (isOpen) {
    const next = await after(last);
    if (next === null || next.text === null || text.length + next.text.length > RECORD_MAX) return null;
    text += last.end + next.text;
    last = next;
    isOpen = !hasOddQuotes(next.text);
  }
  return { text, last };
}

/** `width`: the number of cells a record over lines must have; null for any. */
async function recordAt(
  first: ChainedLine,
  after: After,
  width: number | null,
): Promise<{ cells: string[] | string; last: ChainedLine }> {
  if (first.text === null) return { cells: TOO_LONG, last: first };
  const found = await joined(first, first.text, after);
  if (found === null) return { cells: NEVER_CLOSED, last: first };
  const { text, last } = found;
  const cells = cellsOf(text);
  if (cells === null || (last !== first && cells.length !== (width ?? cells.length)))
    return { cells: ILL_QUOTED, last: first };
  return { cells, last };
}

/** All but empty lines. `width` is asked at every record: the first may tell it. */
export async function* records(
  lines: AsyncGenerator<TextLine, void>,
  width: () => number | null,
): AsyncGenerator<CsvRecord> {
  async function read(): Promise<ChainedLine | null> {
    const got = await lines.next();
    return got.done === true ? null : { ...got.value, next: null };
  }
  const after: After = async (line) => (line.next ??= await read());

  try {
    let first = await read();
    while (first !== null) {
      const { cells, last } = await recordAt(first, after, width());
      if (first.text !== '') yield { line: first.number, cells };
      first = await after(last);
    }
  } finally {
    // Read by hand, they are not let go by themselves when nobody wants more.
    await lines.return();
  }
}
