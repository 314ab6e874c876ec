/** Text as lines, numbered as an editor numbers them: whatever ends each, and none held that is too long. */

export interface TextLine {
  /** From 1. */
  number: number;
  /** Null when it is too long. */
  text: string | null;
  /** What ended it; '' at the end of the file. */
  end: string;
}

const CR = 13;
const LF = 10;

/** Where each line end begins, and what it is. By hand: a file of millions of empty lines is a few million of them. */
function* lineEndsIn(text: string): Generator<{ index: number; end: string }> {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code !== CR && code !== LF) continue;
    const end = code === LF ? '\n' : text.charCodeAt(index + 1) === LF ? '\r\n' : '\r';
    yield { index, end };
    index += end.length - 1;
  }
}

/** The lines that end in one piece of text together: most files have many, and awaiting each would cost more than reading it. */
export async function* textLines(
  texts: AsyncIterable<string>,
  /** In UTF-16 units. */
  longest: number,
): AsyncGenerator<TextLine[], void> {
  let number = 1;
  // Of the line that has not ended yet. Pieces may be small: what is here is not searched again.
  let begun = '';
  let isTooLong = false;

  function add(text: string): void {
    isTooLong ||= begun.length + text.length > longest;
    begun = isTooLong ? '' : begun + text;
  }
  function take(end: string): TextLine {
    const line = { number: number++, text: isTooLong ? null : begun, end };
    begun = '';
    isTooLong = false;
    return line;
  }

  // The other half of a line end that may be still to come.
  let held = '';
  for await (const piece of texts) {
    const text = held + piece;
    held = text.endsWith('\r') ? '\r' : '';
    const whole = text.slice(0, text.length - held.length);
    const lines: TextLine[] = [];
    let from = 0;
    for (const { index, end } of lineEndsIn(whole)) {
      add(whole.slice(from, index));
      lines.push(take(end));
      from = index + end.length;
    }
    add(whole.slice(from));
    yield lines;
  }
  if (held !== '' || begun !== '' || isTooLong) yield [take(held)];
}
