/** When things are due, from instants in the context: a changed number here moves no stored timer's name. */

import type { AccountContext } from './context';

const MINUTE_MS = 60_000;

/** Verification of a new grant backs off up to here, never past its access token's life. */
export const VERIFY_WINDOW_MS = 20 * MINUTE_MS;

export const VERIFY_RETRY_MAX_MS = MINUTE_MS;
export const REFRESH_RETRY_MAX_MS = 5 * MINUTE_MS;

const FIRST_RETRY_MS = 2_000;

/** However short a life UPS gives a pair, it is not rotated without a pause. */
const SOONEST_MS = 1_000;

const untilMs = (at: number, instant: number) => Math.max(0, instant - at);

export const consentTtlMs = (context: AccountContext): number => context.facts.consentTtlMs;

/**
 * eager: at 70 to 78 % of the access token's life, so that the 20 % a token reader asks for is always left;
 * lazy: at 65 to 80 % of the refresh token's life, tokens being asked for in between by those who need one.
 * Either way well before the refresh token dies. The spread is a hash of the account.
 */
export function refreshDueMs({ at, facts, current }: AccountContext): number {
  if (current === null) return 0;
  const { issuedAt, accessExpiresAt, refreshExpiresAt } = current;
  const lazyDue = issuedAt + (refreshExpiresAt - issuedAt) * (0.65 + 0.15 * facts.jitter);
  const eagerDue = issuedAt + (accessExpiresAt - issuedAt) * (0.7 + 0.08 * facts.jitter);
  const due = facts.refreshPolicy === 'lazy' ? lazyDue : Math.min(eagerDue, lazyDue);
  return Math.round(untilMs(at, Math.max(due, issuedAt + SOONEST_MS)));
}

export const retryMs = ({ at, retryAt }: AccountContext): number => untilMs(at, retryAt);

export const verifyRetryMs = ({ at, consent }: AccountContext): number => untilMs(at, consent?.retryAt ?? at);

export const accessEndsMs = ({ at, current }: AccountContext): number => untilMs(at, current?.accessExpiresAt ?? at);

/** Doubling from 2 s, spread over half of itself by the account's hash; a later instant that UPS or the gate asked for wins. */
export function retryAtAfter(context: AccountContext, failures: number, askedAt: number | null, maxMs: number): number {
  const backoffMs = Math.min(maxMs, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
  const spread = Math.round(backoffMs * (0.75 + 0.5 * context.facts.jitter));
  return Math.max(context.at + spread, askedAt ?? 0);
}

const DAY_MS = 86_400_000;

/** Before the deadline of an access key the platform is told on these days. */
export const NOTICE_DAYS = [30, 14, 7, 1] as const;

/** An instant that never comes: the deadline ends the state first. */
const beyond = ({ facts }: AccountContext): number => facts.keyDeadlineAt + DAY_MS;

export const keyDeadlineMs = ({ at, facts }: AccountContext): number => untilMs(at, facts.keyDeadlineAt);

export function keyNoticeMs(context: AccountContext): number {
  const notices = NOTICE_DAYS.map((days) => context.facts.keyDeadlineAt - days * DAY_MS);
  return untilMs(context.at, notices.find((instant) => instant > context.at) ?? beyond(context));
}

export const keyReminderMs = (context: AccountContext): number =>
  untilMs(context.at, context.accessKey?.remindAt ?? beyond(context));

/** Taking a migration back makes sense only while UPS takes the key. */
export const keyGraceMs = ({ at, facts, accessKey }: AccountContext): number =>
  untilMs(at, Math.min(accessKey?.keptUntil ?? at, facts.keyDeadlineAt));

export const daysLeft = (at: number, deadlineAt: number): number => Math.max(0, Math.ceil((deadlineAt - at) / DAY_MS));

/** So long a no is doubted that would cost an account its last token: others may hear the same. */
export const DOUBT_MS = 5_000;

const HELD_LOOK_MS = MINUTE_MS;
const HELD_LOOK_MAX_MS = 30 * MINUTE_MS;

/** A wave is looked at seldom: fewer writes than the refreshes that do not take place. */
export function heldLookMs({ facts, refusal }: AccountContext): number {
  const looks = refusal?.looks ?? 0;
  if (looks === 0) return DOUBT_MS;
  const backoffMs = Math.min(HELD_LOOK_MAX_MS, HELD_LOOK_MS * 2 ** Math.min(looks - 1, 10));
  return Math.round(backoffMs * (0.75 + 0.5 * facts.jitter));
}
