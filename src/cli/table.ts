/** Plain text for people: tables and paragraphs that fit the terminal. */

export interface Column {
  head: string;
  /** Gives way when the row is too wide, down to so many characters. */
  shrinksTo?: number;
}

const GAP = '  ';

/** Texts of UPS and of tenants are shown too: none of them may steer the terminal. */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?');

const lengthOf = (text: string): number => [...text].length;

const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - lengthOf(text)));

function cut(text: string, width: number): string {
  const chars = [...text];
  return chars.length <= width ? text : `${chars.slice(0, width - 1).join('')}…`;
}

/** The widest column that may shrink gives way first, a character at a time. */
function widthsFor(columns: Column[], rows: string[][], available: number): number[] {
  const widths = columns.map(({ head }, n) => Math.max(lengthOf(head), ...rows.map((row) => lengthOf(row[n] ?? ''))));
  let excess = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (columns.length - 1) - available;
  while (excess > 0) {
    const widest = columns
      .map(({ shrinksTo = Infinity }, n) => ({ n, width: widths[n] ?? 0, shrinksTo }))
      .filter(({ width, shrinksTo }) => width > shrinksTo)
      .sort((a, b) => b.width - a.width)[0];
    if (!widest) break;
    widths[widest.n] = widest.width - 1;
    excess -= 1;
  }
  return widths;
}

export function table(columns: Column[], cells: string[][], width: number): string {
  const rows = cells.map((row) => row.map(printable));
  const widths = widthsFor(columns, rows, width);
  const line = (row: string[]) =>
    row
      .map((cell, n) => pad(cut(cell, widths[n] ?? 0), widths[n] ?? 0))
      .join(GAP)
      .trimEnd();
  return [columns.map(({ head }) => head), ...rows].map(line).join('\n');
}

/** Words broken into lines, each but the first behind so many blanks. */
export function paragraph(text: string, { width, indent }: { width: number; indent: number }): string {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(/ +/)) {
    if (line !== '' && lengthOf(line) + 1 + lengthOf(word) > width - indent) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}

/** `name  value` lines, the values below each other; null and absent values are left out. */
export function fields(pairs: [string, string | null | undefined][], width: number): string {
  const shown = pairs.filter((pair): pair is [string, string] => pair[1] !== null && pair[1] !== undefined);
  const indent = Math.max(...shown.map(([name]) => name.length)) + GAP.length;
  return shown.map(([name, value]) => pad(name, indent) + paragraph(value, { width, indent })).join('\n');
}

/** An ISO instant as people read it: 2026-11-23 08:00:00Z */
export const instant = (iso: string): string => iso.replace('T', ' ').replace(/\.\d+Z$/, 'Z');
