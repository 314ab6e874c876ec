/**
 * What lies ahead of an account's grant, as the forecast counts it. Rounded, so that the index it stands in moves seldom:
 * once a day for an account that refreshes hourly, and once a keep-alive for one that does not.
 */

import { DAY_MS, HOUR_MS, SECOND_MS } from '../durations';
import type { AccountContext } from './context';
import { keepAliveEveryMs, refreshDueAt } from './timing';

export interface Outlook {
  /** The day on which its refresh token dies if it is not refreshed: midnight, UTC. Null without a grant that works. */
  lapsesOn: number | null;
  /** The hour in which it is kept alive next; null where it refreshes for as long as it is in use, and while it is held. */
  refreshOn: number | null;
  /** How far its refreshes are apart; null while it is held. */
  refreshEveryMs: number | null;
}

/** Where the token of a connected account stands that has an outlook: whatever still hopes for another pair. */
const tokensWithOutlook = ['fresh', 'refreshing', 'backing-off', 'held'] as const;

const hasOutlook = (token: string | null): boolean => tokensWithOutlook.some((one) => one === token);

export const noOutlook: Outlook = { lapsesOn: null, refreshOn: null, refreshEveryMs: null };

const floorTo = (stepMs: number, at: number): number => Math.floor(at / stepMs) * stepMs;

/** From the pair and not from the timer: the same in fresh, refreshing and backing-off, so starting a refresh moves nothing. */
export function outlookOf(
  { state, token }: { state: string; token: string | null },
  { current, facts }: AccountContext,
): Outlook {
  if (state !== 'connected' || !hasOutlook(token) || current === null) return noOutlook;
  const lapsesOn = floorTo(DAY_MS, current.refreshExpiresAt);
  if (token === 'held') return { ...noOutlook, lapsesOn };
  const dueAt = refreshDueAt(current, facts);
  return facts.refreshPolicy === 'lazy'
    ? { lapsesOn, refreshOn: floorTo(HOUR_MS, dueAt), refreshEveryMs: floorTo(SECOND_MS, keepAliveEveryMs(current)) }
    : { lapsesOn, refreshOn: null, refreshEveryMs: floorTo(SECOND_MS, dueAt - current.issuedAt) };
}
