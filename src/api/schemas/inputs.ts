/** One schema per input; types and the OpenAPI document are taken from them. */

import { z } from 'zod';
import { lifeStates } from '../../machines/definition';
import { reasons, type Reason } from '../../machines/reasons';
import { addressSchema } from './address';
import { foreignId, line } from './text';

const accountNumberSchema = z
  .string()
  .regex(/^[A-Z0-9]{6}$/, { error: 'has 6 letters and digits, upper case' })
  .meta({ examples: ['A1B2C3'] });

export const accountIdSchema = z.string().regex(/^acc_[a-z2-7]{26}$/, { error: 'is no id of an account' });

const owner = z.enum(['shipper', 'store']).describe('Who pays: the merchant, or a dropship partner.');
const refreshPolicy = z.enum(['eager', 'lazy']);
const externalId = foreignId(200).nullable();

export const createAccountSchema = z
  .strictObject({
    name: line(100).describe('Unique in the tenant; never changes.'),
    accountNumber: accountNumberSchema,
    address: addressSchema,
    owner,
    externalId: externalId.optional(),
    refreshPolicy: refreshPolicy.optional().describe("The tenant's, where not given."),
  })
  .meta({ id: 'NewAccount' });

export const editAccountSchema = z
  .strictObject({
    owner: owner.optional(),
    accountNumber: accountNumberSchema.optional(),
    address: addressSchema.optional().describe('The whole address.'),
    externalId: externalId.optional(),
    refreshPolicy: refreshPolicy.optional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, { error: 'names no change: give at least one field' })
  .meta({ id: 'AccountChanges' });

export const useSchema = z.strictObject({ kind: z.enum(['store', 'warehouse']), ref: foreignId(200) });

export const returnTo = z
  .string()
  .max(2000)
  .describe("Where the merchant's browser goes in the end: at an allowed origin of the tenant.");
const eventId = foreignId(200).optional().describe('Of your own: the same event again has one effect.');

/** Up to which day an account is left alone: an instant, or a date, which begins at midnight UTC. */
export const until = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], { error: 'is no date or instant, such as 2026-12-31' })
  .transform((text) => Date.parse(text))
  .meta({ type: 'string', examples: ['2026-12-31', '2026-12-31T12:00:00Z'] });

export const graceDays = z
  .int({ error: 'is a whole number from 0 to 90' })
  .min(0, { error: 'is a whole number from 0 to 90' })
  .max(90, { error: 'is a whole number from 0 to 90' })
  .describe('So long the old key is kept after the swap, in case it is to be taken back (RESTORE_ACCESS_KEY); else 0.');

const event = <T extends string, S extends z.ZodRawShape>(type: T, fields: S) =>
  z.strictObject({ id: eventId, type: z.literal(type), ...fields });

/** By type; the union of them is what POST …/events takes. */
export const eventSchemas = {
  AUTHORIZE: event('AUTHORIZE', { returnTo: returnTo.optional() }),
  REFRESH: event('REFRESH', {}),
  VERIFY: event('VERIFY', {}),
  MIGRATE: event('MIGRATE', { returnTo: returnTo.optional(), graceDays: graceDays.optional() }),
  POSTPONE: event('POSTPONE', { until }),
  RESTORE_ACCESS_KEY: event('RESTORE_ACCESS_KEY', {}),
  DEACTIVATE: event('DEACTIVATE', {}),
  REACTIVATE: event('REACTIVATE', {}),
  DISCONNECT: event('DISCONNECT', { note: line(500) }),
  CANCEL_AUTHORIZATION: event('CANCEL_AUTHORIZATION', {}),
};

export const eventSchema = z.discriminatedUnion('type', [
  eventSchemas.AUTHORIZE,
  eventSchemas.REFRESH,
  eventSchemas.VERIFY,
  eventSchemas.MIGRATE,
  eventSchemas.POSTPONE,
  eventSchemas.RESTORE_ACCESS_KEY,
  eventSchemas.DEACTIVATE,
  eventSchemas.REACTIVATE,
  eventSchemas.DISCONNECT,
  eventSchemas.CANCEL_AUTHORIZATION,
]);

const resolution = <T extends string, S extends z.ZodRawShape>(action: T, fields: S) =>
  z.strictObject({ action: z.literal(action), ...fields });

/** What Resolve offers for an account that is still on an old key. */
export const resolveSchema = z.discriminatedUnion('action', [
  resolution('migrate', { returnTo: returnTo.optional(), graceDays: graceDays.optional() }),
  resolution('postpone', { until }),
  resolution('deactivate', {}),
]);
export type ResolveInput = z.output<typeof resolveSchema>;

export const authorizationSchema = z.strictObject({ returnTo: returnTo.optional() });

export type CreateAccount = z.output<typeof createAccountSchema>;
export type EditAccount = z.output<typeof editAccountSchema>;
export type UseInput = z.output<typeof useSchema>;
export type EventInput = z.output<typeof eventSchema>;

// --- query parameters: always strings

export const integer = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, { error: `is a whole number from ${from} to ${to}` })
    .transform(Number)
    .refine((value) => value >= from && value <= to, { error: `is a whole number from ${from} to ${to}` })
    .meta({ type: 'integer', minimum: from, maximum: to });

export const limit = integer(1, 200).optional().describe('How many at most; 50 where not given.');
const cursorOf = (pattern: RegExp) =>
  z.string().regex(pattern, { error: 'is no cursor of ours: take `nextCursor` of the page before' }).optional();

const reasonNames = Object.keys(reasons) as [Reason, ...Reason[]];

export const accountListSchema = z.strictObject({
  state: z.enum(lifeStates).optional(),
  scheme: z.enum(['oauth', 'access-key']).optional(),
  reason: z.enum(reasonNames).optional(),
  text: line(100).optional().describe('The beginning of a name or an account number.'),
  externalId: foreignId(200).optional(),
  limit,
  cursor: cursorOf(/^acc_[a-z2-7]{26}$/),
});

const trueOrFalse = z.enum(['true', 'false'], { error: 'is true or false' });

export const accessKeyListSchema = z.strictObject({
  state: z
    .enum(['connected', 'disconnected', 'migrating'], { error: 'is connected, disconnected or migrating' })
    .optional(),
  text: line(100).optional().describe('The beginning of a name or an account number.'),
  postponed: trueOrFalse.optional().describe('Whether a reminder is set.'),
  failed: trueOrFalse.optional().describe('Whether the last try to migrate came to nothing.'),
  limit,
  cursor: cursorOf(/^acc_[a-z2-7]{26}$/),
});
export type AccessKeyListInput = z.output<typeof accessKeyListSchema>;

export const tenantListSchema = z.strictObject({ limit, cursor: cursorOf(/^[a-z0-9][a-z0-9-]{0,62}$/) });
export const keyListSchema = z.strictObject({ limit, cursor: cursorOf(/^key_[0-9a-f]{24}$/) });
export const historySchema = z.strictObject({
  after: integer(0, 999_999_999).optional().describe('The seq to start after.'),
});
export const tokenSchema = z.strictObject({
  minTtl: integer(0, 1800).optional().describe('Seconds the token shall live at least.'),
});
export const dryRunSchema = z.strictObject({
  dryRun: z.enum(['0', '1']).optional().describe('1: the verdict and what would happen; nothing is written.'),
});
export const noneSchema = z.strictObject({});

export type AccountListInput = z.output<typeof accountListSchema>;
