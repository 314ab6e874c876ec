/** The value as it is kept, or the rest of a sentence that begins with the name of its field. */
export type Read = { value: string } | { fault: string };

/** Upper case and single spaces: what people and spreadsheets write differently. ASCII only, or `ı` would become I. */
export const tidy = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[a-z]+/g, (letters) => letters.toUpperCase());
