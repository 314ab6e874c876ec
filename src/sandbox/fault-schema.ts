/** The faults a tester may order, one schema each. A refusal names the field. */
import { z } from 'zod';
import { DAY_MS } from '../durations';

const match = z.strictObject({
  path: z.string().max(500).startsWith('/', 'must start with /'),
  accountNumber: z.string().min(1).max(50).optional(),
  username: z.string().min(1).max(100).optional(),
});
const common = {
  match,
  times: z.int().min(1).max(1_000_000).optional(),
  /** Over after so long, however few met it: what was ordered for a quiet hour does not lie in wait for the next one. */
  forMs: z.int().min(1).max(DAY_MS).optional(),
};

const errorStatus = z.int().min(400).max(599);
const code = z.string().min(1).max(50);
const message = z.string().min(1).max(500);
const printable = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII');

const codings = ['gzip', 'x-gzip', 'deflate', 'deflate-raw', 'br', 'identity'] as const;
const coding = z.enum(codings);
export type Coding = z.infer<typeof coding>;

const encode = z.strictObject({
  ...common,
  do: z.literal('encode'),
  /** The first of several is put on first. */
  encoding: z.union([coding, z.array(coding).min(1).max(5)], {
    error: `must be one of ${codings.join(', ')}, or a list of 1 to 5 of them`,
  }),
  /** Of Content-Encoding; absent: as it is; null: no such header. */
  header: printable.nullable().optional(),
  /** cut: the second half is missing. corrupt: bytes in its middle are others. */
  damage: z.enum(['cut', 'corrupt']).optional(),
});

const charset = z
  .strictObject({
    ...common,
    do: z.literal('charset'),
    charset: z.enum(['utf-8', 'utf-16le', 'utf-16be', 'latin1']),
    /** Begins with a byte order mark. */
    bom: z.boolean().optional(),
    /** The charset that Content-Type names; absent: as it is; null: none. */
    header: printable.nullable().optional(),
  })
  .refine((fault) => !(fault.bom && fault.charset === 'latin1'), {
    path: ['bom'],
    message: 'latin1 has no byte order mark',
  });

const singleError = z
  .strictObject({
    ...common,
    do: z.literal('single-error'),
    /** Where the error lies; `errors-object` unless told. */
    form: z.enum(['errors-object', 'bare-errors', 'bare-errors-object', 'error', 'nested-error']).optional(),
    /** Answers so instead of UPS; without it a refusal of the request itself takes that form. */
    status: errorStatus.optional(),
    code: code.optional(),
    message: message.optional(),
  })
  .refine((fault) => fault.status !== undefined || (fault.code === undefined && fault.message === undefined), {
    path: ['status'],
    message: 'is required when code or message is given',
  });

export const faultSchema = z.discriminatedUnion('do', [
  z.strictObject({
    ...common,
    do: z.literal('status'),
    status: errorStatus,
    code: code.optional(),
    message: message.optional(),
    /** Seconds. */
    retryAfter: z.int().min(0).max(86_400).optional(),
  }),
  z.strictObject({ ...common, do: z.literal('delay'), ms: z.int().min(0).max(600_000) }),
  z.strictObject({
    ...common,
    do: z.enum(['drop-answer', 'reset', 'revoke', 'expire', 'password-changed', 'blocked', 'numbers']),
  }),
  z.strictObject({
    ...common,
    do: z.literal('html'),
    status: z.int().min(200).max(599),
    body: z.string().max(100_000).optional(),
    /** null: no such header. */
    contentType: printable.nullable().optional(),
    /** The request is processed all the same, and its answer thrown away. */
    processes: z.boolean().optional(),
  }),
  encode,
  charset,
  singleError,
  z.strictObject({
    ...common,
    do: z.literal('keep-refresh-token'),
    /** What stands in the answer for it; absent unless told. */
    as: z.enum(['absent', 'null', 'empty', 'same']).optional(),
    /** The answer names this end of it, counted from now; else it keeps the one it has. */
    refreshTokenSeconds: z.int().min(1).max(315_360_000).optional(),
  }),
  z.strictObject({
    ...common,
    do: z.literal('no-service'),
    /** Codes as in Service.Code; absent: every service. */
    services: z
      .array(z.string().regex(/^\d{2,3}$/, 'must be a service code of 2 or 3 digits, such as "03"'))
      .min(1)
      .max(50)
      .optional(),
    code: z.enum(['111210', '111100']).optional(),
  }),
]);

export type Fault = z.infer<typeof faultSchema>;
export type FaultOf<Do extends Fault['do']> = Extract<Fault, { do: Do }>;
