/** What the machine decides on: plain JSON, instants as milliseconds, null for nothing. */

import type { RefreshPolicy, UpsAnswer } from './data';
import type { Outcome, Reason } from './reasons';

/** Read from the document and the configuration just before each transition, and kept in its history row. */
export interface Facts {
  /** 0 to 1, a hash of the account: a million accounts never fall due together. */
  jitter: number;
  refreshPolicy: RefreshPolicy;
  consentTtlMs: number;
  accountNumber: string;
  /** How many stores and warehouses use the account. */
  uses: number;
  /** The caller's idea of the settings is the current one (If-Match), or it named none. */
  settingsKnown: boolean;
  /** The event changes something that is not so already. */
  changes: boolean;
  /** The event changes the account number or the address. */
  renumbers: boolean;
  /** The event changes the refresh policy. */
  retimes: boolean;
  /** The latest settleBy among the sends of the grant in use; 0 when none is open. */
  unsettledUntil: number;
  /** Sends of this generation whose answer never came, beside the one that is answered now. */
  ambiguousSends: number;
  /** The account is being born with an access key. */
  imported: boolean;
  /** When UPS stops taking the account's access key; 0 when it has none. */
  keyDeadlineAt: number;
  /** For the receipt; null when it has none. */
  keyFingerprint: string | null;
  /** The key itself is there, and not only its receipt due. */
  keyHeld: boolean;
  /** Refusals that many accounts heard lately, by UPS's code; {} nearly always. */
  waves: Record<string, WaveState>;
  /** Tries of the last 24 h to add the account to a UPS profile. */
  profileAttempts: number;
}

/** held: examined. released: UPS was wrong, a moment ago. settled: and has been right since. applied: it was meant. */
export type WaveState = 'held' | 'released' | 'settled' | 'applied';

/** What UPS refused the grant in use with, until it is believed or a pair comes after all. */
export interface Refusal {
  /** UPS's code, or what stands for it. */
  code: string;
  reason: Reason;
  /** The platform was told that a reconnect is needed. */
  told: boolean;
  /** Looks at the wave it is part of; 0 while it is part of none. */
  looks: number;
  /** How often UPS said it while nobody thought it wrong; a wave that holds it begins the count anew. */
  noes: number;
}

/** What the machine remembers of an access key: dates, never what it is. */
export interface KeyPlan {
  /** Postponed until then; null when not. */
  remindAt: number | null;
  /** How long it is to outlive the swap. */
  graceMs: number;
  /** After the swap: destroyed then; 0 before. */
  keptUntil: number;
}

/** A token family as the machine sees it: when it ends, never what it is. */
export interface Grant {
  grantId: string;
  generation: number;
  issuedAt: number;
  accessExpiresAt: number;
  refreshExpiresAt: number;
}

export interface Consent {
  id: string;
  /** candidate: a merchant's trip to UPS; current: a VERIFY of the grant in use. */
  grant: 'candidate' | 'current';
  lapsesAt: number;
  /** Verification gives up then; 0 until it starts. */
  verifyUntil: number;
  tries: number;
  retryAt: number;
}

export interface Standing {
  state: 'created' | 'connected' | 'disconnected';
  reason: Reason | null;
  since: number;
}

export interface AccountContext {
  at: number;
  facts: Facts;
  reason: Reason | null;
  since: number;
  /** Where pending-authorization and migrating go back to when nothing came of it. */
  origin: Standing | null;
  scheme: 'oauth' | 'access-key' | null;
  consent: Consent | null;
  current: Grant | null;
  candidate: Grant | null;
  accessKey: KeyPlan | null;
  /** When the end of the grant in use is looked at next; 0 while there is none. */
  lookAt: number;
  refusal: Refusal | null;
  /** The number was changed while a consent was open: check it when that ends. */
  recheck: boolean;
  /** Refreshes in a row that brought no token, and when the next may be tried. */
  failures: number;
  retryAt: number;
  lastAuthorization: { outcome: Outcome; reason: Reason | null; at: number } | null;
}

/** What a worker reports of a token request that succeeded; the tokens themselves travel beside it. */
export interface TokenFacts {
  grantId: string;
  generation: number;
  issuedAt: number;
  accessExpiresAt: number;
  refreshExpiresAt: number;
}

export type ExchangeOutput =
  | { kind: 'tokens'; tokens: TokenFacts; ups: UpsAnswer }
  | { kind: 'rejected' | 'unavailable' | 'blocked' | 'interrupted'; ups: UpsAnswer | null };

export type VerifyOutput =
  | { kind: 'verified' | 'not-in-profile' | 'blocked' | 'refused'; ups: UpsAnswer | null }
  /** Nothing was learned: UPS is away, the gate is closed, or the token was refused. */
  | { kind: 'later' | 'token-refused'; retryAt: number | null; ups: UpsAnswer | null };

export type RefreshOutput =
  /** `refreshTokenKept`: the pair's refresh token is that of the generation before; UPS gave no other. */
  | { kind: 'tokens'; tokens: TokenFacts; ups: UpsAnswer; refreshTokenKept?: true }
  /** 10400: this refresh token will never work again. */
  | { kind: 'refused'; ups: UpsAnswer }
  | { kind: 'blocked'; ups: UpsAnswer }
  /** It may have reached UPS. */
  | { kind: 'ambiguous'; ups: UpsAnswer | null }
  /** Provably not sent, or refused unprocessed. */
  | { kind: 'later'; retryAt: number | null; ups: UpsAnswer | null };
