/**
 * Lines of text as records of CSV. A quoted cell may go over lines, and a stray quote must not swallow those behind it:
 *
 * 1. Lines are joined while a quote is open.
 * 2. What becomes no record is the fault of its first line, and the next line begins a record of its own.
 * 3. Only a line with an odd number of quotes looks ahead, and no further than to the next of its kind. So no line is looked
 *    at more than twice, however many quotes are stray.
 */

import type { TextLine } from './textLines';

export interface CsvRecord {
  /** The line it begins on. */
  line: number;
  /** Or what is wrong. */
  cells: string[] | string;
}

/** What a text is to the file at hand: its first lines tell what separates the cells of the others. */
export interface Cutter {
  /** Nothing but separators and white space, or nothing that is to be read. */
  isBlank(text: string): boolean;
  /** Null where the quotes do not fit. */
  cut(text: string): string[] | null;
  /** The number of cells a record over lines must have; null for any. */
  width(): number | null;
}

/** In UTF-16 units. */
export const RECORD_MAX = 64 * 1024;

const TOO_LONG = `The line is longer than ${RECORD_MAX / 1024} kB.`;
const NEVER_CLOSED = `A quote is opened and not closed within ${RECORD_MAX / 1024} kB.`;
const ILL_QUOTED =
  'The quotes do not fit: a cell with quotes, separators or line ends stands in quotes, its own quotes doubled.';

const hasOddQuotes = (text: string): boolean => text.includes('"') && text.split('"').length % 2 === 0;

/** Lines from where they come many together: looked at ahead, and let go once they are behind. */
function windowOf(batches: AsyncGenerator<TextLine[], void>) {
  let lines: TextLine[] = [];
  let at = 0;

  /** False when there are no more. */
  async function more(): Promise<boolean> {
    const got = await batches.next();
    if (got.done === true) return false;
    lines = [...lines.slice(at), ...got.value];
    at = 0;
    return true;
  }

  return {
    /** The line at hand and those behind it, as far as they are here: awaiting each would cost more than reading it. */
    peek: (ahead = 0): TextLine | undefined => lines[at + ahead],
    more,
    pass: (count: number) => void (at += count),
    passEmpty() {
      while (lines[at]?.text === '') at++;
    },
  };
}
type Window = ReturnType<typeof windowOf>;

interface Found {
  cells: string[] | string;
  /** So many lines. */
  count: number;
}

const wrong = (why: string): Found => ({ cells: why, count: 1 });

/** Up to the line on which the quote that the first one opens is closed, unless that is too late, or never. */
async function overLines(window: Window, begin: TextLine, cutter: Cutter): Promise<Found> {
  let text = begin.text ?? '';
  let last = begin;
  for (let count = 1; ; count++) {
    while (window.peek(count) === undefined) if (!(await window.more())) return wrong(NEVER_CLOSED);
    const next = window.peek(count);
    if (next === undefined || next.text === null || text.length + next.text.length > RECORD_MAX)
      return wrong(NEVER_CLOSED);
    text += last.end + next.text;
    last = next;
    if (!hasOddQuotes(next.text)) continue;
    const cells = cutter.cut(text);
    const fits = cells !== null && cells.length === (cutter.width() ?? cells.length);
    return fits ? { cells, count: count + 1 } : wrong(ILL_QUOTED);
  }
}

async function recordAt(window: Window, first: TextLine, cutter: Cutter): Promise<Found | null> {
  const { text } = first;
  if (text === null) return wrong(TOO_LONG);
  if (hasOddQuotes(text)) return overLines(window, first, cutter);
  if (cutter.isBlank(text)) return null;
  return { cells: cutter.cut(text) ?? ILL_QUOTED, count: 1 };
}

/** All but blank ones. `turn` is taken at every record: it gives everything else its time. */
export async function* records(
  batches: AsyncGenerator<TextLine[], void>,
  cutter: Cutter,
  turn: () => Promise<void>,
): AsyncGenerator<CsvRecord> {
  const window = windowOf(batches);
  try {
    for (;;) {
      window.passEmpty();
      const first = window.peek();
      if (first === undefined) {
        if (!(await window.more())) return;
        continue;
      }
      await turn();
      const found = await recordAt(window, first, cutter);
      if (found !== null) yield { line: first.number, cells: found.cells };
      window.pass(found?.count ?? 1);
    }
  } finally {
    // Read by hand, they are not let go by themselves when nobody wants more.
    await batches.return();
  }
}
