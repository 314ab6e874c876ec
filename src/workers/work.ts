/** The shapes of work in this folder: an invocation of the account's machine, claimed, and what comes of it. */

import type { AccountDocument } from '../db/accounts';
import { MachineMismatch, NewerVersion } from '../durable/errors';
import type { Claim, Invocation } from '../durable/types';
import type { ExchangeOutput, RefreshOutput, VerifyOutput } from '../machines/context';

/** What only the process that received it has: it is written nowhere. */
export interface InHand {
  /** The one-time code of a callback. */
  code?: string;
  /** `clock.monotonic()` just before the commit that claimed the work; a send counts its time from there. */
  since?: number;
}

export interface Work {
  /** As the commit that claimed the work left it. */
  document: AccountDocument;
  invocation: Invocation;
  claim: Claim;
  inHand: InHand;
  /** As `InHand.since`, always known. */
  claimedMonotonic: number;
}

export interface Outcome {
  output: ExchangeOutput | VerifyOutput | RefreshOutput;
  /** Of a new pair: sealed by the write that stores it. */
  secrets?: { access: string; refresh: string };
  /** Of an answer found again in the second place: the id it was to be stored under from the first. */
  eventId?: string;
}

/**
 * Never rejects for UPS's sake; whatever it throws is a bug. Null: nothing is known yet; the claim comes to its end, and
 * whoever claims the work next makes another attempt.
 */
export type Runner = (work: Work) => Promise<Outcome | null>;

/** By the `src` of an invocation. */
export type Runners = Record<string, Runner>;

export interface WorkLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Of an error nobody is to read more of than where to look: messages may hold what they were given. */
export const nameOf = (error: unknown): string => (error instanceof Error ? error.constructor.name : typeof error);

/** Nothing went wrong with us: the store was away, or others were quicker. */
export const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;

/** The account is another machine's: nothing is done to it, and nothing is wrong with what was to be done. */
export const isLeftAlone = (error: unknown): error is NewerVersion | MachineMismatch =>
  error instanceof NewerVersion || error instanceof MachineMismatch;
