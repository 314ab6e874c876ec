import { z } from 'zod';
import { manyOf, wordOrNull } from './words';

export interface UpsError {
  code: string | null;
  message: string | null;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const error = z
  .object({ code: wordOrNull, message: wordOrNull })
  .refine(({ code, message }) => code !== null || message !== null);
/** Each error may be wrapped once more, `{"error": {code, message}}`. */
const errors = manyOf(
  z.preprocess((given) => (isObject(given) && isObject(given['error']) ? given['error'] : given), error),
);
const within = z.object({ errors, error: errors }).transform((both) => [...both.errors, ...both.error]);
const wrapped = z.object({ response: within });

/** UPS's error codes are numbers of this length. Gateways use `errors` and `error` too, with words or the HTTP status as the code. */
const UPS_CODE = /^\d{5,7}$/;

/**
 * UPS's own errors, `{"response":{"errors":[{code, message}]}}`, also as one object instead of a list, or without the wrapper around
 * them; empty when the body is not UPS's (a gateway's page, cut short).
 */
export function readErrors(body: unknown): UpsError[] {
  const own = wrapped.safeParse(body).data?.response ?? [];
  if (own.length > 0) return own;
  const bare = within.safeParse(body).data ?? [];
  return bare.filter(({ code }) => code !== null && UPS_CODE.test(code));
}
