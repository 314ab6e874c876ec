/** A CSV of access keys, a record at a time: where each begins, and what its cells are called. */

import { parse, type CsvError, type Info } from 'csv-parse';
import { pipeline, Readable } from 'node:stream';

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
    /** The column it is about, if it is about one. */
    readonly column: string | null = null,
  ) {
    super(message);
  }
}

const LINE_MAX = 64 * 1024;
const LINE_ENDS = /\r\n|\r|\n/g;

/** Read leniently, broken bytes become this character, which nobody writes. */
const BROKEN = '�';

interface Parsed {
  record: string[];
  info: Info;
}

/** A quoted cell may go over lines: the parser counts to the last of them. */
const firstLineOf = ({ record, info }: Parsed): number =>
  info.lines - record.reduce((ends, cell) => ends + (cell.match(LINE_ENDS)?.length ?? 0), 0);

function readHeader(names: string[]): Column[] {
  const header = names.map((name) => name.trim().toLowerCase());
  const unknown = header.find((name) => !COLUMNS.some((column) => column === name));
  if (unknown !== undefined)
    throw new UnreadableFile(
      `The header names a column '${unknown.slice(0, 40)}', which is none: ${COLUMNS.join(', ')}.`,
      unknown.slice(0, 40),
    );
  const doubled = header.find((name, at) => header.indexOf(name) !== at);
  if (doubled !== undefined) throw new UnreadableFile(`The header names ${doubled} twice.`, doubled);
  const missing = REQUIRED_COLUMNS.find((column) => !header.includes(column));
  if (missing !== undefined) throw new UnreadableFile(`The header lacks the column ${missing}.`, missing);
  return header as Column[];
}

const whole = (line: number, message: string): FailedLine => ({ line, field: null, code: 'invalid-csv', message });

/** The cells by their columns, or what is wrong with the line as CSV. */
function toLine(parsed: Parsed, header: Column[]): Line | FailedLine {
  const { record } = parsed;
  const line = firstLineOf(parsed);
  if (record.length !== header.length)
    return whole(line, `The line has ${record.length} cells, the header has ${header.length}.`);
  const broken = record.findIndex((cell) => cell.includes(BROKEN));
  if (broken >= 0)
    return { line, field: header[broken] ?? null, code: 'invalid-csv', message: 'holds bytes that are no UTF-8' };
  return { line, cells: Object.fromEntries(header.map((column, n) => [column, record[n] ?? ''])) };
}

function faultOf({ code }: CsvError): string {
  if (code === 'CSV_MAX_RECORD_SIZE') return `The line is longer than ${LINE_MAX / 1024} kB: a quote may be open.`;
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'A quote is opened and never closed.';
  return 'The quotes do not fit: a cell with quotes, commas or line ends stands in quotes, its own quotes doubled.';
}

/**
 * As fast as it is asked for: nothing is held but the record at hand. Throws UnreadableFile before the first line for a
 * file without a header that names every column once.
 */
export async function* readLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Line | FailedLine> {
  const skipped: FailedLine[] = [];
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: LINE_MAX,
    on_skip: (error) => {
      if (error) skipped.push(whole(Number(error['lines'] ?? 0), faultOf(error)));
      return undefined;
    },
  });
  let header: Column[] | null = null;
  for await (const parsed of pipeline(Readable.from(bytes), parser, () => undefined) as AsyncIterable<Parsed>) {
    if (header === null) header = readHeader(parsed.record);
    else yield toLine(parsed, header);
    yield* skipped.splice(0);
  }
  if (header === null)
    throw new UnreadableFile(`The file is empty: its first line names the columns ${COLUMNS.join(', ')}.`);
  yield* skipped;
}
