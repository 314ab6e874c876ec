import { z } from 'zod';

export interface UpsError {
  code: string | null;
  message: string | null;
}

const text = z
  .union([z.string(), z.number().transform(String)])
  .nullable()
  .catch(null);
const errorBody = z.object({
  response: z.object({ errors: z.array(z.object({ code: text.default(null), message: text.default(null) })).min(1) }),
});

/** UPS's own errors, `{"response":{"errors":[{code, message}]}}`; empty when the body is not UPS's (a proxy's page, cut short). */
export function readErrors(body: unknown): UpsError[] {
  const read = errorBody.safeParse(body);
  return read.success ? read.data.response.errors : [];
}
