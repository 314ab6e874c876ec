/** A line of CSV as its cells. */

import { parse } from 'csv-parse/sync';

/** Null where the quotes do not fit. */
export function cellsOf(text: string, separator: string): string[] | null {
  if (!text.includes('"')) return text.split(separator);
  try {
    const [cells, ...more] = parse(text, { delimiter: separator, relax_column_count: true });
    return cells !== undefined && more.length === 0 ? cells : null;
  } catch {
    return null;
  }
}

/** What spreadsheets write between cells; which of them depends on the language of the computer. */
const SEPARATORS = [',', ';', '\t', '|'];

/** Separators and nothing else, but for white space and quotes around it. Each part can match in one way only: it is linear. */
function blankPattern(separator: string): RegExp {
  const mark = `\\u${separator.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const space = `[^\\S${mark}]*`;
  const cell = `${space}(?:"${space}"${space})?`;
  return new RegExp(`^(?:${cell}${mark})*${cell}$`);
}

const BLANK = new Map(SEPARATORS.map((separator) => [separator, blankPattern(separator)]));

/** Rows that were cleared in a spreadsheet, told without cutting them: files end in thousands of them. */
export const isBlankBy = (separator: string): ((text: string) => boolean) => {
  const pattern = BLANK.get(separator) ?? blankPattern(separator);
  return (text) => pattern.test(text);
};

const patterns = [...BLANK.values()];

/** By a separator that is not known yet. */
export const isBlankByAny = (text: string): boolean => patterns.some((pattern) => pattern.test(text));

/** `sep=;` alone on the first line, as Excel writes and reads it. */
const TOLD = /^sep=([^"\w])[ \t]*$/i;

export const toldSeparator = (text: string): string | null => TOLD.exec(text)?.[1] ?? null;

/** The separator that finds the most cells with a known name; a comma where none does. */
export function separatorOf(header: string, isKnown: (cell: string) => boolean): string {
  const found = SEPARATORS.map((separator) => {
    const known = cellsOf(header, separator)?.filter(isKnown).length ?? 0;
    return { separator, known };
  });
  return found.reduce((best, one) => (one.known > best.known ? one : best)).separator;
}
