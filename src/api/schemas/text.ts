/**
 * Text as people write it. One name has one form, and nothing in it is invisible: two names that look the same would
 * otherwise be two accounts.
 */

import { z } from 'zod';

/** Format characters, but for the visible ones: signs that stand before or under a number. */
const FORMAT = /(?![\u0600-\u0605\u06DD\u070F\u0890\u0891\u08E2\u{110BD}\u{110CD}])\p{Cf}/u;

/** Blank by their picture and by no property: Braille, hieroglyphs, music, Khitan, and what stood for an object. */
const BLANK = /[\u2800\u{13441}\u{13442}\u{1D159}\uFFFC]|\u{16FE4}/u;

const anyOf = (...patterns: RegExp[]): RegExp => new RegExp(patterns.map(({ source }) => source).join('|'), 'u');

/**
 * The invisible ones include joiners and variation selectors: many an emoji typed on a telephone ends in one, and its
 * twin without it looks the same.
 */
const UNSEEN: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/[\p{Cc}\p{Zl}\p{Zp}]/u, 'a control character'],
  [/\p{Cs}/u, 'half a character'],
  [anyOf(/\p{Default_Ignorable_Code_Point}/u, FORMAT, BLANK), 'an invisible or direction-changing character'],
  // No two computers show them alike, and the normal form of an unassigned one may still change.
  [/[\p{Co}\p{Cn}]/u, 'a character without a meaning in Unicode'],
  [/\uFFFD/u, 'the mark of a text that was read in the wrong encoding'],
];

/** The first character that nobody can see or tell from another, in words; null when there is none. */
function unseenIn(text: string): { character: string; words: string } | null {
  for (const [pattern, words] of UNSEEN) {
    const [character] = pattern.exec(text) ?? [];
    if (character !== undefined) return { character, words };
  }
  return null;
}

const codePointOf = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

const lengthOf = (text: string): number => [...text].length;

const isWhite = (character: string | undefined): boolean =>
  character !== undefined && /\p{White_Space}/u.test(character);

/** Not by String.trim, which drops a byte order mark unseen; nor by an expression, which takes the square of the time. */
function trimmed(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isWhite(text[from])) from++;
  while (to > from && isWhite(text[to - 1])) to--;
  return text.slice(from, to);
}

/** NFC, without white space around it, and one plain space for every run of spaces of any kind. */
export const normalise = (text: string): string => trimmed(text.normalize('NFC').replace(/\p{Zs}+/gu, ' '));

/** What is wrong with a text in its normal form; null when nothing is. */
function faultIn(text: string): string | null {
  const unseen = unseenIn(text);
  if (unseen) return `holds ${unseen.words}, ${codePointOf(unseen.character)}: type the text anew`;
  if (/^\p{M}/u.test(text)) return 'must not begin with a mark that belongs on the letter before it';
  return null;
}

/** NFC makes no text shorter than this share of it. */
const NFC_SHARE = 8;

/** What is too long anyway stays as it is: NFC sorts marks, and takes seconds over 64 kB of nothing else. */
function normalisedUpTo(max: number, text: string): string {
  const bare = trimmed(text);
  return bare.length > max * NFC_SHARE ? bare : normalise(bare);
}

/** Normalised, 1 to `max` characters, none of them invisible. */
export const line = (max: number) =>
  z
    .string()
    .transform((text) => normalisedUpTo(max, text))
    .superRefine((text, context) => {
      const count = lengthOf(text);
      if (count < 1 || count > max)
        context.addIssue({ code: 'custom', message: `has 1 to ${max} characters, not ${count}` });
      const fault = faultIn(text);
      if (fault !== null) context.addIssue({ code: 'custom', message: fault });
    })
    .meta({ minLength: 1, maxLength: max });

/** A code that its country judges: kept as given until then. Blank is absent. */
export const code = z
  .string()
  .refine((text) => unseenIn(trimmed(text)) === null, { error: 'holds an invisible character: type it anew' })
  .transform((text) => (trimmed(text) === '' ? null : text));

/** As it is: somebody else's id or password. What is wrong with it is not shown. */
export const foreignId = (max: number) =>
  z
    .string()
    .refine((text) => lengthOf(text) <= max && trimmed(text) !== '' && unseenIn(text) === null, {
      error: `has 1 to ${max} printable characters, none of them invisible`,
    })
    .meta({ minLength: 1, maxLength: max });
