/** Everything that can happen to an account. Public events come from outside by their name; the rest only from us. */

import type { ExchangeOutput, RefreshOutput, TokenFacts, VerifyOutput } from './context';
import type { Settings, Use } from './data';
import type { ConsentEnd } from './reasons';

/** A link is minted by the api: its secrets travel beside the event, only their hashes inside it. */
export interface Authorize {
  type: 'AUTHORIZE';
  consentId: string;
  linkHash: string;
  stateHash: string;
  cookieHash: string;
  returnTo: string | null;
  /** How long the link works. */
  ttlMs: number;
}

export type PublicEvent =
  | Authorize
  | { type: 'REFRESH' }
  | { type: 'VERIFY' }
  | { type: 'DEACTIVATE' }
  | { type: 'REACTIVATE' }
  | { type: 'DISCONNECT'; note: string }
  | { type: 'CANCEL_AUTHORIZATION' };

/** MIGRATE and POSTPONE belong to access keys: known by name, and illegal in every state an account can be in today. */
export const publicEvents = [
  'AUTHORIZE',
  'REFRESH',
  'VERIFY',
  'MIGRATE',
  'POSTPONE',
  'DEACTIVATE',
  'REACTIVATE',
  'DISCONNECT',
  'CANCEL_AUTHORIZATION',
] as const;
export type PublicEventType = (typeof publicEvents)[number];

/** Dispatched by routes of their own, never by name. */
export type SettingsEvent =
  | { type: 'EDIT'; changes: Partial<Omit<Settings, 'seq' | 'name'>>; ifMatch: number }
  | { type: 'USE'; use: Use }
  | { type: 'UNUSE'; use: Use };

export type CallbackEvent =
  | { type: 'CODE_RECEIVED'; consentId: string }
  | { type: 'CONSENT_REFUSED'; consentId: string; end: 'denied' | 'interrupted' | 'unavailable' };

/** Tokens that arrived when the invocation that asked for them was gone. */
export interface LateAnswer {
  type: 'LATE_ANSWER';
  tokens: TokenFacts;
  stored: boolean;
}

/** Raised by one part for another, within one transition. */
export type InternalEvent =
  | { type: 'OPEN_CONSENT'; consentId: string }
  | { type: 'CLOSE_CONSENT' }
  | { type: 'CHECK_GRANT' }
  | { type: 'CONSENT_ENDED'; end: ConsentEnd; grant: 'candidate' | 'current' }
  | { type: 'RETIMED' }
  | { type: 'RENUMBERED' };

export type DoneEvent =
  | { type: 'xstate.done.actor.exchange'; output: ExchangeOutput }
  | { type: 'xstate.done.actor.verify'; output: VerifyOutput }
  | { type: 'xstate.done.actor.refresh'; output: RefreshOutput };

export type AccountEvent = PublicEvent | SettingsEvent | CallbackEvent | LateAnswer | InternalEvent | DoneEvent;
