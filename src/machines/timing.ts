/** When things are due, from instants in the context: a changed number here moves no stored timer's name. */

import { DAY_MS, HOUR_MS, MINUTE_MS } from '../durations';
import type { AccountContext, Facts, Grant } from './context';

/** Verification of a new grant backs off up to here, never past its access token's life. */
export const VERIFY_WINDOW_MS = 20 * MINUTE_MS;

export const VERIFY_RETRY_MAX_MS = MINUTE_MS;
export const REFRESH_RETRY_MAX_MS = 5 * MINUTE_MS;

const FIRST_RETRY_MS = 2_000;

/** However short a life UPS gives a pair, it is not rotated without a pause. */
const SOONEST_MS = 1_000;

const untilMs = (at: number, instant: number) => Math.max(0, instant - at);

export const consentTtlMs = (context: AccountContext): number => context.facts.consentTtlMs;

/** Of the refresh token's life: a pair is not left alone for longer. 42 days of 60, four before the first notice of its end. */
const LEFT_ALONE = 0.7;

/** Of a period: a turn that comes so soon after a pair is left out. */
const JUST_HAD = 0.01;

export const keepAliveEveryMs = ({ issuedAt, refreshExpiresAt }: Grant): number =>
  Math.max(SOONEST_MS, Math.round((refreshExpiresAt - issuedAt) * LEFT_ALONE));

/**
 * Each account has its own instants, a period apart, wherever its pairs begin: those connected on one day are kept alive
 * all over the first period, and as evenly ever after. With a spread that counts from the pair, gaps and heaps come back.
 */
function keepAliveAt(grant: Grant, jitter: number): number {
  const everyMs = keepAliveEveryMs(grant);
  const sinceLastMs = (grant.issuedAt + Math.round((1 - jitter) * everyMs)) % everyMs;
  const untilNextMs = everyMs - sinceLastMs;
  // A life given some seconds off moves the account's instants by minutes: the turn just taken is not taken again.
  return grant.issuedAt + untilNextMs + (untilNextMs < everyMs * JUST_HAD ? everyMs : 0);
}

/**
 * eager: at 70 to 78 % of the access token's life, so that the 20 % a token reader asks for is always left;
 * lazy: when the account's turn to be kept alive comes, tokens being asked for in between by those who need one.
 * Either way well before the refresh token dies. The spread is a hash of the account.
 */
export function refreshDueAt(grant: Grant, { jitter, refreshPolicy }: Facts): number {
  const { issuedAt, accessExpiresAt } = grant;
  const eagerDue = issuedAt + (accessExpiresAt - issuedAt) * (0.7 + 0.08 * jitter);
  const latest = issuedAt + keepAliveEveryMs(grant);
  const due = refreshPolicy === 'lazy' ? keepAliveAt(grant, jitter) : Math.min(eagerDue, latest);
  return Math.max(due, issuedAt + SOONEST_MS);
}

export const refreshDueMs = ({ at, facts, current }: AccountContext): number =>
  current === null ? 0 : Math.round(untilMs(at, refreshDueAt(current, facts)));

export const retryMs = ({ at, retryAt }: AccountContext): number => untilMs(at, retryAt);

export const verifyRetryMs = ({ at, consent }: AccountContext): number => untilMs(at, consent?.retryAt ?? at);

export const accessEndsMs = ({ at, current }: AccountContext): number => untilMs(at, current?.accessExpiresAt ?? at);

/** Doubling from 2 s, spread over half of itself by the account's hash; a later instant that UPS or the gate asked for wins. */
export function retryAtAfter(context: AccountContext, failures: number, askedAt: number | null, maxMs: number): number {
  const backoffMs = Math.min(maxMs, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
  const spread = Math.round(backoffMs * (0.75 + 0.5 * context.facts.jitter));
  return Math.max(context.at + spread, askedAt ?? 0);
}

/** Before the deadline of an access key the platform is told on these days. */
const NOTICE_DAYS = [30, 14, 7, 1] as const;

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

/** Before a grant's refresh token dies the platform is told on these days. */
const LAPSE_DAYS = [14, 7, 1] as const;

const lapseNotices = (refreshExpiresAt: number) => LAPSE_DAYS.map((days) => refreshExpiresAt - days * DAY_MS);

const nextLapseNotice = (at: number, refreshExpiresAt: number): number | null =>
  lapseNotices(refreshExpiresAt).find((instant) => instant > at) ?? null;

/** With no notice left to give there is nothing to look for; a look now and then costs little, and no state waits for nothing. */
const IDLE_LOOK_MS = 14 * DAY_MS;

export const lookAtOf = ({ at, current }: AccountContext): number =>
  current === null
    ? at + IDLE_LOOK_MS
    : (nextLapseNotice(at, current.refreshExpiresAt) ?? Math.max(at, current.refreshExpiresAt) + IDLE_LOOK_MS);

export const lapseLookMs = ({ at, lookAt }: AccountContext): number => untilMs(at, lookAt);

/** A day of notice has begun in the life of this very pair. Looks are planned for what is ahead: none is given twice. */
export const isLapseNear = ({ at, current }: AccountContext): boolean =>
  current !== null &&
  at < current.refreshExpiresAt &&
  lapseNotices(current.refreshExpiresAt).some((instant) => current.issuedAt < instant && instant <= at);

/** An end that stays where it was comes back some seconds off with each pair: that is not worth another plan. */
const SOONER_MS = HOUR_MS;

export function isLookTooLate({ at, lookAt }: AccountContext, refreshExpiresAt: number): boolean {
  const notice = nextLapseNotice(at, refreshExpiresAt);
  return notice !== null && notice < lookAt - SOONER_MS;
}
