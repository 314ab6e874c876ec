/**
 * How UPS's words are read, in one place for errors, tokens and ratings: a number where its files have a string, spaces around it,
 * and one object where they have a list are understood as what they stand for.
 */
import { z } from 'zod';

export const word = z.union([z.string(), z.number().transform(String)]).transform((text) => text.trim());

/** Null where there is none, or something that is no word. */
export const wordOrNull = word
  .transform((text) => (text === '' ? null : text))
  .nullish()
  .catch(null)
  .transform((text) => text ?? null);

/** UPS sends one as an object and several as an array, whatever its files say. One that cannot be read does not hide the others. */
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
