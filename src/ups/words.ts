/**
 * The one place that says how tolerantly UPS's JSON is read, for errors, tokens and ratings alike: numbers for strings, spaces around
 * values, and one object where UPS's files have a list.
 */
import { z } from 'zod';

export const word = z.union([z.string(), z.number().transform(String)]).transform((text) => text.trim());

/** Null for a missing or empty value, and for one of another type. */
export const wordOrNull = word
  .transform((text) => (text === '' ? null : text))
  .nullish()
  .catch(null)
  .transform((text) => text ?? null);

/** UPS sends one as an object and several as an array, whatever its files say. An unreadable item does not hide the others. */
export const manyOf = <T extends z.ZodType>(one: T) =>
  z
    .unknown()
    .optional()
    .transform((given) =>
      (Array.isArray(given) ? given : [given]).flatMap((each: unknown): z.output<T>[] => {
        const read = one.safeParse(each);
        return read.success ? [read.data] : [];
      }),
    );
