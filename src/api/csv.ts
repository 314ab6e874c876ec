/** Lists as CSV, a line at a time. */

import { stringify, type Stringifier } from 'csv-stringify';
import { pipeline, Readable } from 'node:stream';

export const CSV = 'text/csv';

/**
 * With a line of headings. Cells that a spreadsheet would take for a formula are disarmed by an apostrophe: names are
 * what merchants choose to call themselves.
 */
export const csvOf = <Item extends object>(
  items: AsyncIterable<Item>,
  columns: readonly (keyof Item & string)[],
): Stringifier => {
  const lines = stringify({ header: true, columns: [...columns], escape_formulas: true, record_delimiter: 'windows' });
  // What goes wrong with the items ends the lines with the same error, which whoever reads them hears.
  return pipeline(Readable.from(items), lines, () => undefined);
};
