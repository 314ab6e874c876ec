/** What is said of campaigns, and answered. */

import { z } from 'zod';
import { accountIdSchema, graceDays, integer, limit, returnTo, until } from './inputs';
import { line } from './text';

const CAMPAIGN_STATES = ['draft', 'running', 'paused', 'stopped', 'finished'] as const;
const ITEM_STATES = ['planned', 'waiting', 'migrated', 'failed', 'skipped', 'undone'] as const;

const whole = (from: number, to: number) =>
  z
    .int({ error: `is a whole number from ${from} to ${to}` })
    .min(from, { error: `is a whole number from ${from} to ${to}` })
    .max(to, { error: `is a whole number from ${from} to ${to}` });

const filterSchema = z
  .strictObject({
    ids: z.array(accountIdSchema).min(1).max(1000).optional().describe('These accounts, and no others.'),
    state: z.enum(['connected', 'disconnected'], { error: 'is connected or disconnected' }).optional(),
    text: line(100).optional().describe('The beginning of a name or an account number.'),
    postponed: z.boolean().optional(),
    deadlineBefore: until.optional(),
    failed: z.boolean().optional().describe('Whether the last try to migrate came to nothing.'),
  })
  .describe(
    'Of accounts on old keys those that match all of it; {} for all of them. Accounts that an operator disconnected are asked only by ids.',
  );

export const createCampaignSchema = z
  .strictObject({
    name: line(100),
    filter: filterSchema,
    waveSize: whole(1, 1000).describe('So many accounts are asked at a time.'),
    pauseSeconds: whole(0, 604_800).describe('Between one wave and the next.'),
    stopWhenFailedShare: z
      .number({ error: 'is a number from 0 to 1' })
      .min(0, { error: 'is a number from 0 to 1' })
      .max(1, { error: 'is a number from 0 to 1' })
      .default(0.2)
      .describe('It pauses by itself when more than this share of those that ended have failed.'),
    linkHours: whole(1, 720).default(72).describe('How long the links work.'),
    graceDays: graceDays.default(0),
    returnTo: returnTo.optional(),
  })
  .meta({ id: 'NewCampaign' });

export const campaignActions = ['start', 'pause', 'resume', 'stop', 'undo'] as const;
export type CampaignAction = (typeof campaignActions)[number];

const cursorOf = (pattern: RegExp) =>
  z.string().regex(pattern, { error: 'is no cursor of ours: take `nextCursor` of the page before' }).optional();

export const campaignListSchema = z.strictObject({ limit, cursor: cursorOf(/^cmp_[0-9a-f]{24}$/) });
export const campaignItemsSchema = z.strictObject({
  state: z.enum(ITEM_STATES, { error: `is one of ${ITEM_STATES.join(', ')}` }).optional(),
  wave: integer(1, 999_999).optional().describe('Only of waves up to this one.'),
  limit,
  cursor: cursorOf(/^acc_[a-z2-7]{26}$/),
});

export const campaignLinksSchema = campaignItemsSchema.pick({ limit: true, cursor: true });

const instant = z.iso.datetime();

export const campaignSchema = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    name: z.string(),
    state: z.enum(CAMPAIGN_STATES),
    pausedBecause: z.enum(['operator', 'failures']).nullable(),
    undoing: z
      .boolean()
      .describe('Whether it was undone: a link that was not used is taken back, whenever one is found.'),
    filter: z.record(z.string(), z.unknown()),
    waveSize: z.int(),
    pauseSeconds: z.number(),
    stopWhenFailedShare: z.number(),
    linkHours: z.number(),
    graceDays: z.number(),
    returnTo: z.string().nullable(),
    wave: z.int().describe('Accounts of waves up to this one are asked.'),
    waves: z.int(),
    nextWaveAt: instant.nullable(),
    counts: z.object({
      ...{ planned: z.int(), waiting: z.int(), migrated: z.int() },
      ...{ failed: z.int(), skipped: z.int(), undone: z.int() },
    }),
    createdAt: instant,
    startedAt: instant.nullable(),
    finishedAt: instant.nullable(),
  })
  .meta({ id: 'Campaign' });

export const campaignItemSchema = z
  .object({
    accountId: z.string(),
    name: z.string().nullable().describe('Null when the account was erased since, as its number and externalId are.'),
    accountNumber: z.string().nullable(),
    externalId: z.string().nullable(),
    wave: z.int().describe('0: it is left out.'),
    state: z.enum(ITEM_STATES),
    reason: z
      .string()
      .nullable()
      .describe(
        'Why it failed or was skipped; access-key-restored: it was migrated, and taken back; erased: it is gone.',
      ),
    at: instant,
    linkExpiresAt: instant.nullable(),
  })
  .meta({ id: 'CampaignAccount' });

export const campaignLinkSchema = z
  .object({
    accountId: z.string(),
    name: z.string(),
    accountNumber: z.string(),
    externalId: z.string().nullable(),
    connectUrl: z.url(),
    expiresAt: instant.nullable(),
  })
  .meta({ id: 'CampaignLink' });

export type CreateCampaign = z.output<typeof createCampaignSchema>;
export type CampaignJson = z.output<typeof campaignSchema>;
export type CampaignItemJson = z.output<typeof campaignItemSchema>;
export type CampaignLinkJson = z.output<typeof campaignLinkSchema>;
export type CampaignListInput = z.output<typeof campaignListSchema>;
export type CampaignItemsInput = z.output<typeof campaignItemsSchema>;
export type CampaignLinksInput = z.output<typeof campaignLinksSchema>;
