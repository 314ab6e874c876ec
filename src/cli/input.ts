/** Options judged by the API's own schemas: what is wrong there is wrong here, in the same words. */

import type { z } from 'zod';
import { UsageError } from './failure';

/** `returnOrigins` → `--return-origin`: commander takes such lists one by one. */
const flagOf = (name: string): string =>
  `--${name.replace(/s$/, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

export function parseOptions<Schema extends z.ZodType>(schema: Schema, input: object): z.output<Schema> {
  const read = schema.safeParse(input);
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path, message }) => `${flagOf(String(path[0] ?? ''))} ${message}`);
  throw new UsageError(`${[...new Set(problems)].join('; ')}.`);
}
