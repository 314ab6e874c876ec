/** Everything that can happen to an account. Public events come from outside by their name; the rest only from us. */

import type { ExchangeOutput, RefreshOutput, TokenFacts, VerifyOutput } from './context';
import type { ProfileVerification, Settings, Use } from './data';
import type { ConsentEnd, Reason } from './reasons';

/** A link is minted by whoever asks: its secrets travel beside the event, only their hashes inside it. */
export interface OpensLink {
  consentId: string;
  linkHash: string;
  stateHash: string;
  cookieHash: string;
  returnTo: string | null;
  /** How long the link works. */
  ttlMs: number;
}

export interface Authorize extends OpensLink {
  type: 'AUTHORIZE';
}

export interface Migrate extends OpensLink {
  type: 'MIGRATE';
  /** How long the old key is kept after the swap, in case the migration is to be taken back; 0: not at all. */
  graceMs: number;
}

/** A migration that nobody pressed a button for: it disturbs none that is under way. */
export interface CampaignMigrate extends OpensLink {
  type: 'CAMPAIGN_MIGRATE';
  graceMs: number;
  campaignId: string;
}

/** Whether an event brings a link of its own. */
export const opensLink = (event: { type: string }): event is Authorize | Migrate | CampaignMigrate =>
  ['AUTHORIZE', 'MIGRATE', 'CAMPAIGN_MIGRATE'].includes(event.type);

export type PublicEvent =
  | Authorize
  | Migrate
  /** `until` in milliseconds. */
  | { type: 'POSTPONE'; until: number }
  | { type: 'RESTORE_ACCESS_KEY' }
  | { type: 'REFRESH' }
  | { type: 'VERIFY' }
  | { type: 'DEACTIVATE' }
  | { type: 'REACTIVATE' }
  | { type: 'DISCONNECT'; note: string }
  | { type: 'CANCEL_AUTHORIZATION' };

export const publicEvents = [
  'AUTHORIZE',
  'REFRESH',
  'VERIFY',
  'MIGRATE',
  'POSTPONE',
  'RESTORE_ACCESS_KEY',
  'DEACTIVATE',
  'REACTIVATE',
  'DISCONNECT',
  'CANCEL_AUTHORIZATION',
] as const;
export type PublicEventType = (typeof publicEvents)[number];

/** How an account begins; the machine is told in its facts, for it takes no event before it is there. */
export type BirthEvent = { type: 'CREATE'; settings: Settings } | { type: 'IMPORT'; settings: Settings };

/** Dispatched by routes of their own, never by name. */
export type SettingsEvent =
  | { type: 'EDIT'; changes: Partial<Omit<Settings, 'seq' | 'name'>>; ifMatch: number }
  | { type: 'USE'; use: Use }
  | { type: 'UNUSE'; use: Use }
  | { type: 'ACCESS_KEY_READ' }
  | { type: 'PROFILE_VERIFICATION_OPENED'; method: ProfileVerification['method'] }
  | { type: 'PROFILE_VERIFICATION_ENDED'; n: number; accepted: boolean }
  /** The tenant's deadline, or the installation's, is another one now. */
  | { type: 'DEADLINE_MOVED'; deadlineAt: number };

export type CallbackEvent =
  | { type: 'CODE_RECEIVED'; consentId: string }
  | { type: 'CONSENT_REFUSED'; consentId: string; end: 'denied' | 'interrupted' | 'unavailable' };

/** One account of a wave of refusals is refreshed, to see whether it is over. */
export type WaveEvent = { type: 'TRY_HELD' };

export type CampaignEvent =
  | CampaignMigrate
  /** The campaign takes its link back, if it was not used. */
  | { type: 'LINK_WITHDRAWN'; consentId: string };

/** Tokens that arrived when the invocation that asked for them was gone. */
export interface LateAnswer {
  type: 'LATE_ANSWER';
  tokens: TokenFacts;
  stored: boolean;
  /** As of a refresh's answer. */
  refreshTokenKept?: true;
}

/** Raised by one part for another, within one transition. */
export type InternalEvent =
  | { type: 'OPEN_CONSENT'; consentId: string }
  /** `because`: what ended it, where it is not the operator. */
  | { type: 'CLOSE_CONSENT'; because?: Reason }
  | { type: 'CHECK_GRANT' }
  | { type: 'CONSENT_ENDED'; end: ConsentEnd; grant: 'candidate' | 'current' }
  | { type: 'RETIMED' }
  | { type: 'RENUMBERED' }
  | { type: 'KEY_LAPSED' }
  | { type: 'KEY_REVIVED' }
  | { type: 'KEY_RESTORED' };

export type DoneEvent =
  | { type: 'xstate.done.actor.exchange'; output: ExchangeOutput }
  | { type: 'xstate.done.actor.verify'; output: VerifyOutput }
  | { type: 'xstate.done.actor.refresh'; output: RefreshOutput };

export type AccountEvent =
  | PublicEvent
  | BirthEvent
  | SettingsEvent
  | CallbackEvent
  | CampaignEvent
  | WaveEvent
  | LateAnswer
  | InternalEvent
  | DoneEvent;
