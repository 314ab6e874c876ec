/** A CSV of access keys, a line at a time: where each begins, and what its cells are called. */

import { RECORD_MAX, records } from './records';
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

const SEPARATORS = { ';': 'semicolons', '\t': 'tabs' };

/** Where columns are found only once the cell is cut: spreadsheets write what their language separates by. */
const otherSeparator = (cell: string): string | null =>
  Object.entries(SEPARATORS).find(
    ([mark]) => cell.includes(mark) && cell.split(mark).some((name) => isColumn(name.trim())),
  )?.[1] ?? null;

/** A cell that is no column may be a password of a file without a header: its place is said, not what it holds. */
function readHeader(cells: string[]): Column[] {
  const names = cells.map((cell) => cell.trim().toLowerCase());
  const unknown = names.findIndex((name) => !isColumn(name));
  const separator = otherSeparator(names[unknown] ?? '');
  if (separator !== null)
    throw new UnreadableFile(
      `The cells of the first line are separated by ${separator}: save the file with commas between its cells.`,
    );
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
function toLine(line: number, record: string[], header: Column[]): Line | FailedLine {
  if (record.length !== header.length)
    return whole(line, `The line has ${record.length} cells, the header has ${header.length}.`);
  const broken = record.findIndex((cell) => cell.includes(BROKEN));
  if (broken >= 0)
    return { line, field: header[broken] ?? null, code: 'invalid-csv', message: 'holds bytes that are no UTF-8' };
  return { line, cells: Object.fromEntries(header.map((column, n) => [column, record[n] ?? ''])) };
}

/**
 * As fast as it is asked for: nothing is held but the record at hand. Throws UnreadableFile before the first line for a
 * file without a header that names every column once.
 */
export async function* readLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Line | FailedLine> {
  let header: Column[] | null = null;
  const width = (): number | null => header?.length ?? null;
  for await (const { line, cells } of records(textLines(bytes, RECORD_MAX), width)) {
    if (header === null) {
      if (typeof cells === 'string') throw new UnreadableFile(`The first line names the columns. ${cells}`);
      header = readHeader(cells);
    } else yield typeof cells === 'string' ? whole(line, cells) : toLine(line, cells, header);
  }
  if (header === null)
    throw new UnreadableFile(`The file is empty: its first line names the columns ${COLUMNS.join(', ')}.`);
}
