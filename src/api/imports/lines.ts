/** A CSV of access keys, a line at a time: where each begins, and what its cells are called. */

import { makeTurns, yielding } from '../yielding';
import { cellsOf, isBlankBy, isBlankByAny, separatorOf, toldSeparator } from './cells';
import { decoded, SAVE_AS_UTF8 } from './encoding';
import { OverLimit } from './limits';
import { RECORD_MAX, records, type Cutter } from './records';
import { textLines } from './textLines';

export const REQUIRED_COLUMNS = [
  ...(['name', 'account_number', 'address_line', 'city', 'state', 'postal_code', 'country', 'owner'] as const),
  ...(['access_license_number', 'user_id', 'password'] as const),
];
export const COLUMNS = [...REQUIRED_COLUMNS, 'external_id'] as const;
export type Column = (typeof COLUMNS)[number];

export interface Line {
  /** The line of the file the record begins on; the header is line 1. */
  line: number;
  cells: Partial<Record<Column, string>>;
}

export interface FailedLine {
  line: number;
  /** The column; null when it is about the line as a whole. */
  field: Column | null;
  code: string;
  message: string;
}

/** The file cannot be read as a list of keys at all: nothing of it was taken. */
export class UnreadableFile extends Error {
  readonly code = 'unreadable-file';
  constructor(
    message: string,
    /** The column it is about, if it is about one that is known. */
    readonly column: Column | null = null,
  ) {
    super(message);
  }
}

/** Read leniently, broken bytes become this character, which nobody writes. */
const BROKEN = '\ufffd';

const isColumn = (name: string): name is Column => COLUMNS.some((column) => column === name);

const nameOf = (cell: string): string => cell.trim().toLowerCase();

/** Bytes that are not what they were taken for: no text has them. */
const isMisread = (cell: string): boolean => cell.includes(BROKEN) || cell.includes('\0');

/** A cell that is no column may be a password of a file without a header: its place is said, not what it holds. */
function readHeader(cells: string[]): Column[] {
  const names = cells.map(nameOf);
  const unknown = names.findIndex((name) => !isColumn(name));
  if (isMisread(names[unknown] ?? ''))
    throw new UnreadableFile(`Cell ${unknown + 1} of the header cannot be read as text. ${SAVE_AS_UTF8}`);
  if (unknown >= 0)
    throw new UnreadableFile(
      `Cell ${unknown + 1} of the first line names no column: the first line names ${COLUMNS.join(', ')}, in any order.`,
    );
  const header = names.filter(isColumn);
  const doubled = header.find((name, at) => header.indexOf(name) !== at);
  if (doubled !== undefined) throw new UnreadableFile(`The header names ${doubled} twice.`, doubled);
  const missing = REQUIRED_COLUMNS.find((column) => !header.includes(column));
  if (missing !== undefined) throw new UnreadableFile(`The header lacks the column ${missing}.`, missing);
  return header;
}

const whole = (line: number, message: string): FailedLine => ({ line, field: null, code: 'invalid-csv', message });

/** The cells by their columns, or what is wrong with the line as CSV. */
function toLine(line: number, record: string[], header: Column[], encoding: string): Line | FailedLine {
  if (record.length !== header.length)
    return whole(line, `The line has ${record.length} cells, the header has ${header.length}.`);
  const broken = record.findIndex((cell) => cell.includes(BROKEN));
  const column = header[broken];
  if (column === undefined)
    return { line, cells: Object.fromEntries(header.map((name, n) => [name, record[n] ?? ''])) };
  const message = `${column} holds bytes that are not ${encoding.toUpperCase()}. ${SAVE_AS_UTF8}`;
  return { line, field: column, code: 'invalid-csv', message };
}

/** By the separator that a first line `sep=;` names, else by the one the header shows. */
function makeCutter(width: () => number | null): Cutter {
  let told: string | null = null;
  let isBlank = isBlankByAny;
  const learn = (separator: string): string => {
    isBlank = isBlankBy(separator);
    return (told = separator);
  };
  return {
    width,
    isBlank(text) {
      const named = told === null ? toldSeparator(text) : null;
      if (named !== null) learn(named);
      return named !== null || isBlank(text);
    },
    cut: (text) => cellsOf(text, told ?? learn(separatorOf(text, (cell) => isColumn(nameOf(cell))))),
  };
}

export interface ReadOptions {
  /** A label that `isEncoding` knows. */
  encoding?: string | undefined;
  /** Lines that hold something, without the header; more of them are an OverLimit. */
  rows?: number | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * As fast as it is asked for: nothing is held but the record at hand. Throws UnreadableFile before the first line for a
 * file without a header that names every column once, and the reason of the signal once that is aborted.
 */
export async function* readLines(
  bytes: AsyncIterable<Uint8Array>,
  { encoding = 'utf-8', rows = Infinity, signal }: ReadOptions = {},
): AsyncGenerator<Line | FailedLine> {
  const turn = makeTurns({ signal });
  let header: Column[] | null = null;
  let count = 0;
  const cutter = makeCutter(() => header?.length ?? null);
  const batches = yielding(textLines(decoded(bytes, encoding), RECORD_MAX), turn);
  for await (const { line, cells } of records(batches, cutter, turn)) {
    if (header === null) {
      if (typeof cells === 'string') throw new UnreadableFile(`The first line names the columns. ${cells}`);
      header = readHeader(cells);
      continue;
    }
    count++;
    if (count > rows) throw new OverLimit('rows', rows);
    yield typeof cells === 'string' ? whole(line, cells) : toLine(line, cells, header, encoding);
  }
  if (header === null)
    throw new UnreadableFile(`The file is empty: its first line names the columns ${COLUMNS.join(', ')}.`);
}
