/**
 * The collections: their fields and the indexes their queries stand on.
 * Instants are numbers (milliseconds), as in the machine's context: one form everywhere, nothing to convert on the way
 * in or out, and an index orders them just as well. Only what a TTL index looks at is a Date, because MongoDB asks so.
 */

import { Schema, type SchemaDefinition } from 'mongoose';
import type { AccountData } from '../machines/data';
import type { AccountView } from '../machines/definition';
import type { Checkpoint, Document, Outgoing, Row } from '../durable/types';

type Due = 'wakeAt' | 'upsAt' | 'upsQueue';

/** As `Document`, but absent where that says null: partial indexes then hold only what is due some time. */
export interface StoredAccount extends Omit<Document<AccountData, AccountView>, 'id' | Due> {
  _id: string;
  wakeAt?: number;
  upsAt?: number;
  upsQueue?: string;
  /** Only of an erased account: nothing else is left of it but its id, tenant and numbers. */
  erasedAt?: number;
  erasedBy?: string;
  /** Every beginning of name and account number, in lower case: a search in order of id is one index range. */
  terms: string[];
}

/** `_id` = `<accountId>:<seq>`, the seq padded: one account's history is one range of `_id`, and so shards by it. */
export interface StoredRow extends Row {
  _id: string;
  tenantId: string;
  accountId: string;
  expireAt?: Date;
}

export interface StoredCheckpoint extends Checkpoint {
  _id: string;
  tenantId: string;
  accountId: string;
  expireAt?: Date;
}

/** `_id` = `<accountId>:<seq>:<n>`. */
export interface StoredEvent extends Outgoing {
  _id: string;
  tenantId: string;
  accountId: string;
  seq: number;
  at: number;
}

export interface StoredTenant {
  _id: string;
  name: string;
  returnOrigins: string[];
  refreshPolicy: 'eager' | 'lazy';
  accessKeyDeadline: number | null;
  createdAt: number;
  /** Its accounts on access keys have not all heard yet of the deadline that was set then. */
  deadlineMovedAt?: number;
  /** When they are to be told (again). */
  deadlineDueAt?: number;
}

/** What is left of an erased account. */
export interface StoredReceipt {
  /** `<accountId>:<seq it ended at>` */
  _id: string;
  tenantId: string;
  accountId: string;
  seq: number;
  erasedAt: number;
  erasedBy: string;
}

export type CampaignState = 'draft' | 'running' | 'paused' | 'stopped' | 'finished';

export interface CampaignPlan {
  waveSize: number;
  pauseMs: number;
  /** It pauses by itself when more than this share of those that ended have failed. */
  stopWhenFailedShare: number;
  linkTtlMs: number;
  graceMs: number;
  returnTo: string | null;
}

export interface StoredCampaign {
  /** `cmp_` and 24 hex digits. */
  _id: string;
  tenantId: string;
  name: string;
  filter: object;
  plan: CampaignPlan;
  state: CampaignState;
  pausedBecause: 'operator' | 'failures' | null;
  /** Links that were not used are taken back, whenever one is found. */
  undoing: boolean;
  /** Until then a step that began before an operator's word may still be asking. */
  restlessUntil: number;
  /** Accounts of waves up to this one are asked; 0 before the first. */
  wave: number;
  waves: number;
  nextWaveAt: number | null;
  /** What had ended when it last went on after failures: only what came since counts. */
  forgiven: { ended: number; failed: number };
  rev: number;
  /** When somebody must look at it again; absent when nothing is left to see. */
  wakeAt?: number;
  createdAt: number;
  createdBy: string;
  startedAt: number | null;
  finishedAt: number | null;
}

/** A circuit to UPS that some process found broken, for all of them. Absent when it is closed. */
export interface StoredCircuit {
  /** `circuit:<name>` */
  _id: string;
  kind: 'circuit';
  rev: number;
  /** Nothing passes until then; from then on one trial. */
  openUntil: number;
  openMs: number;
  why: string | null;
  /** The process that may make the trial, and until when it may keep others waiting with it. */
  trialBy: string | null;
  trialUntil: number;
}

/** Answers to refreshes since an instant. */
export interface AnswerWindow {
  at: number;
  refused: number;
  answered: number;
}

/** Refusals with one code, and what is believed of them. */
export interface StoredWave {
  /** `wave:<code>` */
  _id: string;
  kind: 'wave';
  rev: number;
  code: string;
  state: 'quiet' | 'held' | 'released' | 'applied';
  since: number;
  /** What ended it: a canary, answers of others, or who pressed the button. */
  decidedBy: string | null;
  long: AnswerWindow;
  short: AnswerWindow;
  /** Accounts refused in the long window, each once, the last hundred. */
  refused: string[];
  /** Accounts that are held or will be when their tokens end, the last hundred; one of them is tried for all. */
  held: string[];
  /** How many were held since it began; absent where an older release began it. */
  everHeld?: number;
  canaries: { accountId: string; at: number; isRefused: boolean }[];
  /** When the next one is tried. */
  canaryAt: number;
}

export type StoredOutage = StoredCircuit | StoredWave;

export type CampaignItemState = 'planned' | 'waiting' | 'migrated' | 'failed' | 'skipped' | 'undone';

export interface StoredCampaignItem {
  /** `<campaignId>:<accountId>` */
  _id: string;
  campaignId: string;
  tenantId: string;
  accountId: string;
  /** The account's when it was planned: tells it from a later one of that id. Items of before this was noted have none. */
  seq?: number;
  /** Null once the account was erased, and then everything that says who it was. */
  name: string | null;
  accountNumber: string | null;
  externalId: string | null;
  wave: number;
  state: CampaignItemState;
  reason: string | null;
  at: number;
  consentId: string | null;
  /** The link's secret, sealed; null when there is no link that works. */
  link: string | null;
  linkExpiresAt: number | null;
}

/** A value of the whole installation, by name. */
export interface StoredValue {
  _id: string;
  value: number;
}

export type Role = 'platform' | 'operator' | 'reader' | 'admin' | 'metrics';

/** Which deployment the database belongs to, and how far it has come: one document. */
export interface StoredEpoch {
  _id: 'epoch';
  /** Made at the first start, and anew by each adoption. */
  id: string;
  /** Grows every few seconds while a scheduler runs: a database restored from a backup counts less than its volumes saw. */
  counter: number;
  /** `Config.deployment` of the processes it belongs to. */
  deployment: string;
  writtenAt: number;
  /** Ids that were given up for this one: volumes that know them follow. The last few. */
  replaces: string[];
  /** What a volume knows better; while it is there nobody refreshes. */
  doubt: StoredDoubt | null;
}

export interface StoredDoubt {
  /** The host whose volume it is. */
  by: string;
  foundAt: number;
  /** What the volume holds; `at`: when that was written. */
  id: string;
  counter: number;
  deployment: string;
  at: number;
}

export interface StoredApiKey {
  /** Made from the hash: a key is found by `_id`. */
  _id: string;
  tenantId: string | null;
  role: Role;
  /** SHA-256, hex. The key itself is nowhere. */
  keyHash: string;
  /** Kept after the key is deleted, because history goes on naming who acted. Absent: it has none. */
  name?: string;
  createdAt: number;
  /** `key:<id>`, `cli` or `setup`. Keys of before this was noted have none. */
  createdBy?: string;
  /** Absent: never. */
  expiresAt?: number;
  /** Midnight UTC of the last day it was used; absent until then. */
  lastUsedOn?: number;
  /** One of its tenant's places (keyPlaces.ts). A deleted key has none, nor has one of before there were places. */
  place?: number;
  deletedAt?: number;
  deletedBy?: string;
  /** Events that no feed has taken over yet. They are part of the insert, so no crash can separate them from the key. */
  outbox?: StoredKeyEvent[];
}

export interface StoredKeyEvent {
  /** `<key id>:created`: a reader that sees it twice can tell. */
  id: string;
  type: 'api-key.created';
  at: number;
  data: { keyId: string; role: Role; name: string | null; createdBy: string; expiresAt: number | null };
}

export interface StoredSession {
  /** SHA-256 of the cookie, hex. */
  _id: string;
  keyId: string;
  expiresAt: Date;
}

/** What recognises imports made under an encryption key that is being retired. */
export interface StoredFingerprintKey {
  /** `<key id>:<16 hex digits of the hash of its bytes>` */
  _id: string;
  sealed: string;
}

export interface StoredLease {
  _id: string;
  holder: string;
  until: number;
}

const Mixed = Schema.Types.Mixed;

/** `minimize: false`: without it empty objects vanish, and an account without its `historyValue` no longer loads. */
const schemaOf = (fields: SchemaDefinition) =>
  new Schema(fields, { minimize: false, versionKey: false, strict: 'throw', autoIndex: false, autoCreate: false });

const account = schemaOf({
  _id: String,
  tenantId: String,
  version: Number,
  rev: Number,
  seq: Number,
  firstSeq: Number,
  snapshot: Mixed,
  timers: [Mixed],
  invocations: [Mixed],
  outbox: [Mixed],
  checkpointSeq: Number,
  data: Mixed,
  view: Mixed,
  wakeAt: Number,
  upsAt: Number,
  upsQueue: String,
  createdAt: Number,
  updatedAt: Number,
  terms: [String],
  erasedAt: Number,
  erasedBy: String,
});
account.index({ wakeAt: 1, _id: 1 }, { name: 'wake', partialFilterExpression: { wakeAt: { $exists: true } } });
account.index(
  { upsAt: 1, _id: 1, upsQueue: 1 },
  { name: 'ups', partialFilterExpression: { upsAt: { $exists: true } } },
);
account.index({ tenantId: 1, _id: 1 });
// Whoever holds a key, kept after a migration or not: for a deadline that is moved.
account.index(
  { tenantId: 1, _id: 1, 'data.accessKey.deadlineAt': 1 },
  { name: 'accessKeys', partialFilterExpression: { 'data.accessKey.deadlineAt': { $exists: true } } },
);
// Each filter within a tenant, and for admins over all of them; a refresh touches none of these.
const filters = ['view.state', 'view.scheme', 'view.reason', 'view.externalId', 'terms'];
for (const field of filters) {
  account.index({ tenantId: 1, [field]: 1, _id: 1 });
  account.index({ [field]: 1, _id: 1 });
}

// The forecast's. A refresh moves them once a day, because what stands in them is rounded (outlook.ts).
const outlook = { 'view.lapsesOn': 1, 'view.refreshOn': 1, 'view.refreshEveryMs': 1 } as const;
account.index(outlook, { name: 'horizon' });
account.index({ tenantId: 1, ...outlook }, { name: 'tenantHorizon' });
const row = schemaOf({
  _id: String,
  tenantId: String,
  accountId: String,
  seq: Number,
  at: Number,
  event: Mixed,
  facts: Mixed,
  actor: String,
  from: String,
  to: String,
  eventId: String,
  bodyHash: String,
  routine: Boolean,
  version: Number,
  outgoing: [Mixed],
  expireAt: Date,
});
row.index({ accountId: 1, eventId: 1 });
row.index({ expireAt: 1 }, { expireAfterSeconds: 0, partialFilterExpression: { expireAt: { $exists: true } } });

const checkpoint = schemaOf({
  _id: String,
  tenantId: String,
  accountId: String,
  seq: Number,
  at: Number,
  version: Number,
  snapshot: Mixed,
  timers: [Mixed],
  invocations: [Mixed],
  expireAt: Date,
});
checkpoint.index({ expireAt: 1 }, { expireAfterSeconds: 0, partialFilterExpression: { expireAt: { $exists: true } } });

const event = schemaOf({
  _id: String,
  tenantId: String,
  accountId: String,
  seq: Number,
  at: Number,
  type: { type: String },
  data: Mixed,
});

const tenant = schemaOf({
  _id: String,
  name: String,
  returnOrigins: [String],
  refreshPolicy: String,
  accessKeyDeadline: Number,
  createdAt: Number,
  deadlineMovedAt: Number,
  deadlineDueAt: Number,
});
tenant.index(
  { deadlineDueAt: 1 },
  { name: 'deadlines', partialFilterExpression: { deadlineDueAt: { $exists: true } } },
);

const apiKey = schemaOf({
  _id: String,
  tenantId: String,
  role: String,
  keyHash: String,
  name: String,
  createdAt: Number,
  createdBy: String,
  expiresAt: Number,
  lastUsedOn: Number,
  place: Number,
  deletedAt: Number,
  deletedBy: String,
  outbox: [Mixed],
});
apiKey.index({ tenantId: 1, _id: 1 });
apiKey.index(
  { tenantId: 1, place: 1 },
  { name: 'places', unique: true, partialFilterExpression: { place: { $exists: true } } },
);
apiKey.index({ createdAt: 1 }, { name: 'untold', partialFilterExpression: { outbox: { $exists: true } } });

const session = schemaOf({ _id: String, keyId: String, expiresAt: Date });
session.index({ expiresAt: 1 }, { expireAfterSeconds: 0 });

const receipt = schemaOf({
  _id: String,
  tenantId: String,
  accountId: String,
  seq: Number,
  erasedAt: Number,
  erasedBy: String,
});

const campaign = schemaOf({
  _id: String,
  tenantId: String,
  name: String,
  filter: Mixed,
  plan: Mixed,
  state: String,
  pausedBecause: String,
  undoing: Boolean,
  restlessUntil: Number,
  wave: Number,
  waves: Number,
  nextWaveAt: Number,
  forgiven: Mixed,
  rev: Number,
  wakeAt: Number,
  createdAt: Number,
  createdBy: String,
  startedAt: Number,
  finishedAt: Number,
});
campaign.index({ tenantId: 1, _id: 1 });
campaign.index({ wakeAt: 1, _id: 1 }, { name: 'due', partialFilterExpression: { wakeAt: { $exists: true } } });

const campaignItem = schemaOf({
  _id: String,
  campaignId: String,
  tenantId: String,
  accountId: String,
  seq: Number,
  name: String,
  accountNumber: String,
  externalId: String,
  wave: Number,
  state: String,
  reason: String,
  at: Number,
  consentId: String,
  link: String,
  linkExpiresAt: Number,
});
campaignItem.index({ tenantId: 1, campaignId: 1, state: 1, _id: 1 });
campaignItem.index({ tenantId: 1, accountId: 1 });

const value = schemaOf({ _id: String, value: Number });

const fingerprintKey = schemaOf({ _id: String, sealed: String });

const lease = schemaOf({ _id: String, holder: String, until: Number });

const outage = schemaOf({
  _id: String,
  kind: String,
  rev: Number,
  openUntil: Number,
  openMs: Number,
  why: String,
  trialBy: String,
  trialUntil: Number,
  code: String,
  state: String,
  since: Number,
  decidedBy: String,
  long: Mixed,
  short: Mixed,
  refused: Mixed,
  held: Mixed,
  canaries: Mixed,
  canaryAt: Number,
});

const epoch = schemaOf({
  _id: String,
  id: String,
  counter: Number,
  deployment: String,
  writtenAt: Number,
  replaces: [String],
  doubt: Mixed,
});

/** By collection name. */
export const schemas = {
  accounts: account,
  history: row,
  checkpoints: checkpoint,
  events: event,
  tenants: tenant,
  apiKeys: apiKey,
  sessions: session,
  leases: lease,
  receipts: receipt,
  installation: value,
  campaigns: campaign,
  campaignItems: campaignItem,
  outages: outage,
  epoch: epoch,
  fingerprintKeys: fingerprintKey,
};

export interface Stored {
  accounts: StoredAccount;
  history: StoredRow;
  checkpoints: StoredCheckpoint;
  events: StoredEvent;
  tenants: StoredTenant;
  apiKeys: StoredApiKey;
  sessions: StoredSession;
  leases: StoredLease;
  receipts: StoredReceipt;
  installation: StoredValue;
  campaigns: StoredCampaign;
  campaignItems: StoredCampaignItem;
  outages: StoredOutage;
  epoch: StoredEpoch;
  fingerprintKeys: StoredFingerprintKey;
}
