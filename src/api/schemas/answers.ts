/** What is answered, for the OpenAPI document. The functions that make these are typed by them. */

import { z } from 'zod';
import { lifeStates } from '../../machines/definition';
import { reasons, type Reason } from '../../machines/reasons';
import { roles } from '../roles';

const instant = z.iso.datetime();
const reason = z.enum(Object.keys(reasons) as [Reason, ...Reason[]]).nullable();

const nextStepSchema = z
  .object({
    who: z.enum(['merchant', 'platform', 'operator', 'ups']),
    action: z.enum(['authorize', 'reconnect', 'resolve', 'wait', 'contact-ups', 'add-to-profile']),
    text: z.string(),
  })
  .meta({ id: 'NextStep' });

const outcome = z.enum(['connected', 'disconnected', 'denied', 'lapsed', 'replaced', 'pending', 'failed']);

export const accountSchema = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    externalId: z.string().nullable(),
    name: z.string(),
    accountNumber: z.string(),
    owner: z.enum(['shipper', 'store']),
    address: z.object({
      addressLine: z.string(),
      city: z.string(),
      stateProvinceCode: z.string().nullable(),
      postalCode: z.string().nullable(),
      countryCode: z.string(),
    }),
    scheme: z.enum(['oauth', 'access-key']).nullable(),
    state: z.enum(lifeStates),
    stateDetail: z.object({ token: z.string().optional(), consent: z.string().optional() }),
    reason,
    message: z.string().describe('What it means, for a person.'),
    since: instant,
    nextStep: nextStepSchema.nullable(),
    lastAuthorization: z.object({ outcome, reason, at: instant }).nullable(),
    seq: z.int(),
    settingsSeq: z.int().describe('The seq of the last change of settings, for If-Match.'),
    refreshPolicy: z.enum(['eager', 'lazy']),
    usedBy: z.array(z.object({ kind: z.enum(['store', 'warehouse']), ref: z.string() })),
    token: z
      .object({
        expiresAt: instant,
        refreshExpiresAt: instant,
        generation: z.int(),
        lastRefreshAt: instant.nullable(),
      })
      .nullable(),
    accessKey: z
      .object({
        fingerprint: z.string().describe('Tells one key from another.'),
        deadline: instant.describe('UPS takes it until then.'),
        daysLeft: z.int(),
        remindAt: instant.nullable().describe('Postponed until then.'),
        keptUntil: instant.nullable().describe('After a migration: RESTORE_ACCESS_KEY works until then.'),
      })
      .nullable()
      .describe('The key of the XML era, until it is destroyed.'),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'Account' });

export const authorizationAnswerSchema = z
  .object({ connectUrl: z.url(), expiresAt: instant })
  .meta({ id: 'Authorization' });

export const verdictSchema = z
  .object({
    verdict: z.enum(['applied', 'duplicate', 'ignored', 'illegal']),
    eventId: z.string(),
    seq: z.int(),
    from: z.string(),
    to: z.string(),
    why: z.string().nullable(),
    allowed: z.array(z.string()).describe('The events with a transition here, whatever guards or roles say.'),
    account: accountSchema,
    authorization: authorizationAnswerSchema.nullable().optional(),
    usedBy: accountSchema.shape.usedBy.optional(),
    wouldDo: z.array(z.record(z.string(), z.unknown())).optional(),
  })
  .meta({ id: 'Verdict' });

export const tokenAnswerSchema = z
  .object({
    accessToken: z.string(),
    tokenType: z.literal('Bearer'),
    expiresAt: instant,
    accountNumber: z.string(),
    generation: z.int(),
    belowMinTtl: z.boolean().describe('It lives shorter than was asked for.'),
  })
  .meta({ id: 'Token' });

export const accessKeySchema = z
  .object({ accessLicenseNumber: z.string(), userId: z.string(), password: z.string() })
  .meta({ id: 'AccessKey' });

const accessKeyItemSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    accountNumber: z.string(),
    tenantId: z.string(),
    state: z.enum(lifeStates),
    deadline: instant.describe('UPS takes the key until then.'),
    daysLeft: z.int(),
    remindAt: instant.nullable().describe('Postponed until then.'),
    lastFailure: z
      .object({ reason: z.string(), message: z.string(), at: instant })
      .nullable()
      .describe('Why the last try to migrate came to nothing.'),
  })
  .meta({ id: 'AccessKeyItem' });

export const accessKeyPageSchema = z
  .object({
    items: z.array(accessKeyItemSchema),
    nextCursor: z.string().nullable(),
    counts: z
      .object({ total: z.int(), connected: z.int(), disconnected: z.int(), migrating: z.int() })
      .optional()
      .describe('Of all pages; on the first one.'),
  })
  .meta({ id: 'AccessKeyPage' });

export const importReportSchema = z
  .object({
    created: z.int(),
    unchanged: z.int().describe('An equal line had been imported before.'),
    failed: z.array(
      z.object({
        line: z.int().describe('Of the file; the header is line 1.'),
        field: z.string().nullable().describe('The column; null: the line as a whole.'),
        code: z.string(),
        message: z.string(),
      }),
    ),
    failedOmitted: z.int().optional().describe('Failed lines beyond those listed.'),
  })
  .meta({ id: 'ImportReport' });

const attempts = {
  attemptsLeft: z.int().describe('At most so many: tries made elsewhere are not known.'),
  windowOpensAt: instant.nullable().describe('When the next may be opened; null while one may be opened now.'),
};

const verification = {
  n: z.int(),
  method: z.enum(['invoice', 'pin']),
  openedAt: instant,
  accepted: z.boolean().nullable(),
};

export const profileVerificationAnswerSchema = z
  .object({ ...verification, ...attempts })
  .meta({ id: 'ProfileVerification' });

export const profileVerificationsSchema = z
  .object({ items: z.array(z.object(verification)), ...attempts })
  .meta({ id: 'ProfileVerifications' });

export const rowSchema = z
  .looseObject({
    seq: z.int(),
    at: instant,
    type: z.string(),
    actor: z.string().describe('`key:<id>`, `merchant`, `machine`, `campaign:<id>` or `cli`.'),
    actorName: z
      .string()
      .nullable()
      .describe('The name of the key, also when it was deleted; null where there is none.'),
    from: z.string().nullable(),
    to: z.string(),
    eventId: z.string(),
  })
  .meta({ id: 'HistoryRow' });

export const explanationSchema = z
  .object({
    state: z.enum(lifeStates),
    since: instant,
    because: z.string(),
    whoseMove: z.string().nullable(),
    nextStep: nextStepSchema.nullable(),
    lastUpsAnswer: z
      .object({
        at: instant,
        endpoint: z.string(),
        httpStatus: z.int().nullable(),
        code: z.string().nullable(),
        message: z
          .string()
          .nullable()
          .describe("UPS's own text, or a description of an answer that was incomplete or could not be understood."),
        unread: z
          .object({
            contentType: z.string().nullable(),
            excerpt: z.string().describe('At most 200 characters, without markup or anything that may be a secret.'),
          })
          .nullable()
          .describe('Set when the answer could not be understood.'),
      })
      .nullable(),
    pending: z.array(
      z.object({
        what: z.string().describe('Work under way, or what a timer brings.'),
        at: instant
          .nullable()
          .describe('When the timer is due, or the work is given to another; null: about to start.'),
      }),
    ),
  })
  .meta({ id: 'Explanation' });

export const lifecycleSchema = z
  .object({
    machine: z.string(),
    version: z.int(),
    states: z.array(
      z.object({
        region: z.string(),
        name: z.string(),
        count: z.int().nullable(),
        transitions: z.array(z.object({ event: z.string(), to: z.string().nullable(), guard: z.string().nullable() })),
      }),
    ),
    counts: z.record(z.string(), z.int()),
  })
  .meta({ id: 'Lifecycle' });

export const tenantSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    returnOrigins: z.array(z.string()),
    refreshPolicy: z.enum(['eager', 'lazy']),
    accessKeyDeadline: instant.nullable(),
    createdAt: instant,
  })
  .meta({ id: 'Tenant' });

export const apiKeySchema = z
  .object({
    id: z.string(),
    tenantId: z.string().nullable(),
    role: z.enum(roles),
    name: z.string().nullable(),
    createdAt: instant,
    createdBy: z
      .string()
      .nullable()
      .describe('`key:<id>`; `cli`: the command line; `setup`: the keys of `npm start`; null: not known.'),
    createdByName: z.string().nullable().describe('The name of the key that made it, also when that one was deleted.'),
    expiresAt: instant.nullable().describe('It is refused from then on.'),
    lastUsedAt: instant.nullable().describe('The day of the last use, as its midnight UTC.'),
  })
  .meta({ id: 'ApiKey' });

export const newApiKeySchema = apiKeySchema
  .extend({ key: z.string().describe('Shown once.') })
  .meta({ id: 'MintedApiKey' });

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    field: z.string().optional().describe('A dotted path, or the name of a parameter or header.'),
    way_out: z.string().optional(),
    requestId: z.string(),
  })
  .meta({ id: 'Problem' });

export type AccountJson = z.output<typeof accountSchema>;
export type VerdictJson = z.output<typeof verdictSchema>;
export type TokenJson = z.output<typeof tokenAnswerSchema>;
export type AccessKeyItemJson = z.output<typeof accessKeyItemSchema>;
export type AccessKeyPageJson = z.output<typeof accessKeyPageSchema>;
export type AccessKeyJson = z.output<typeof accessKeySchema>;
export type ProfileVerificationJson = z.output<typeof profileVerificationAnswerSchema>;
export type RowJson = z.output<typeof rowSchema>;
export type ExplanationJson = z.output<typeof explanationSchema>;
export type TenantJson = z.output<typeof tenantSchema>;
export type ApiKeyJson = z.output<typeof apiKeySchema>;
