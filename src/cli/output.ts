/** Where a command prints: its result on stdout, remarks on stderr, so that a pipe gets the result alone. */

import { styleText } from 'node:util';

export interface Output {
  /** Columns of the terminal; 80 where there is none. */
  readonly width: number;
  /** The result: as JSON with `--json`, else as `render` puts it for people. */
  result(value: unknown, render: () => string): void;
  /** The names of the columns, before the rows of a stream; nothing with `--json`. */
  head(text: string): void;
  /** One of a result that is a stream: a line of JSON, or `text`. */
  row(value: unknown, text: string): void;
  /** A remark for people; nothing with `--json`. */
  remark(text: string): void;
  /** In the place of the last one, on a terminal; an empty one takes it away. */
  remarkInPlace(text: string): void;
}

export const makeOutput = ({ json }: { json: boolean }): Output => ({
  width: Math.max(60, process.stdout.columns ?? 80),
  result(value, render) {
    process.stdout.write(`${json ? JSON.stringify(value, null, 2) : render()}\n`);
  },
  head(text) {
    if (!json) process.stdout.write(`${text}\n`);
  },
  row(value, text) {
    process.stdout.write(`${json ? JSON.stringify(value) : text}\n`);
  },
  remark(text) {
    if (!json) process.stderr.write(`${text}\n`);
  },
  remarkInPlace(text) {
    if (!json) process.stderr.write(`\r\u001b[2K${text}`);
  },
});

export type Colour = 'green' | 'yellow' | 'red' | 'dim' | 'bold';

/** Plain where stdout is no terminal, or with NO_COLOR. */
export function paint(colour: Colour, text: string): string {
  const wanted = process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
  return wanted ? styleText(colour, text) : text;
}
