/** Text as people write it: one form for one name, and nothing in it that cannot be seen. */

import { z } from 'zod';

/** Controls, line ends, halves of characters, and what is invisible or turns the reading direction. */
const UNSEEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061C\u200B\u200E\u200F\u202A-\u202E\u2060\u2066-\u2069\uFEFF]/u;

export const hasUnseen = (text: string): boolean => UNSEEN.test(text);

const lengthOf = (text: string): number => [...text].length;

/** NFC makes no text shorter than this share of it. */
const NFC_SHARE = 8;

/** What is too long anyway stays as it is: NFC sorts marks, and takes seconds over 64 kB of nothing else. */
const toNfc = (text: string, max: number): string => (text.length > max * NFC_SHARE ? text : text.normalize('NFC'));

/** Trimmed, NFC, 1 to `max` characters. */
export const line = (max: number) =>
  z
    .string()
    .transform((text) => toNfc(text.trim(), max).trim())
    .superRefine((text, context) => {
      const count = lengthOf(text);
      if (count < 1 || count > max)
        context.addIssue({ code: 'custom', message: `has 1 to ${max} characters, not ${count}` });
      if (hasUnseen(text))
        context.addIssue({ code: 'custom', message: 'holds a control, invisible or direction-changing character' });
    })
    .meta({ minLength: 1, maxLength: max });

/** As it is: an id of somebody else's. */
export const foreignId = (max: number) =>
  z
    .string()
    .refine((text) => lengthOf(text) >= 1 && lengthOf(text) <= max && !hasUnseen(text), {
      error: `has 1 to ${max} printable characters`,
    })
    .meta({ minLength: 1, maxLength: max });
