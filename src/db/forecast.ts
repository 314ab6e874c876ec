/** What lies ahead of the grants, counted from indexes alone: one key for each account that has one. */

import type { mongo } from 'mongoose';
import { HOUR_MS } from '../durations';
import { documentFrom, type AccountDocument } from './accounts';
import type { Db } from './connection';
import { answered } from './errors';
import { firstOf } from './page';
import type { StoredAccount } from './schemas';

export interface Span {
  /** null: every tenant's, for admins. */
  tenantId: string | null;
  /** The first day and the one after the last: midnights, UTC. */
  from: number;
  to: number;
}

const within = ({ tenantId, from, to }: Span): mongo.Filter<StoredAccount> => ({
  ...(tenantId !== null && { tenantId }),
  'view.lapsesOn': { $gte: from, $lt: to },
});

const indexFor = ({ tenantId }: Pick<Span, 'tenantId'>): string => (tenantId === null ? 'horizon' : 'tenantHorizon');

/** One trip. By day: how many refresh tokens die on it if none is refreshed. */
export async function countLapses(db: Db, span: Span): Promise<{ day: number; count: number }[]> {
  const counted = db.accounts.aggregate<{ _id: number; count: number }>(
    [{ $match: within(span) }, { $group: { _id: '$view.lapsesOn', count: { $sum: 1 } } }],
    { hint: indexFor(span) },
  );
  return (await answered(counted.toArray())).map(({ _id, count }) => ({ day: _id, count }));
}

export interface Refreshes {
  refreshOn: number | null;
  refreshEveryMs: number;
  count: number;
}

const toNextHalf = { $add: ['$view.refreshEveryMs', HOUR_MS / 2] };

/**
 * To the nearest hour where the next refresh is at an hour of its own: the load tells no less apart, and keep-alives that are
 * weeks and some seconds apart come to a group for each hour instead of one for each account. Not rounded down, which would
 * have one of just under two hours come twice as often.
 */
const everyMs = {
  $cond: [
    { $gt: ['$view.refreshOn', null] },
    { $max: [HOUR_MS, { $subtract: [toNextHalf, { $mod: [toNextHalf, HOUR_MS] }] }] },
    '$view.refreshEveryMs',
  ],
};

/**
 * One trip. Accounts that refresh and whose grant did not die before that day, by the hour of the next refresh and how far theirs are apart. Every group: a limit would
 * leave accounts out of the load and not say so. Who refreshes all day differs by the seconds of a token's life only.
 */
export async function countRefreshes(db: Db, { tenantId, from }: Omit<Span, 'to'>): Promise<Refreshes[]> {
  const alive = { tenantId, from, to: Number.MAX_SAFE_INTEGER };
  const counted = db.accounts.aggregate<{ _id: Omit<Refreshes, 'count'>; count: number }>(
    [
      { $match: { ...within(alive), 'view.refreshEveryMs': { $gt: 0 } } },
      {
        $group: {
          _id: { refreshOn: '$view.refreshOn', refreshEveryMs: everyMs },
          count: { $sum: 1 },
        },
      },
    ],
    { hint: indexFor(alive) },
  );
  return (await answered(counted.toArray())).map(({ _id, count }) => ({ ..._id, count }));
}

/** One trip: those that die first, by day. */
export async function nearestLapses(db: Db, span: Span, limit: number): Promise<AccountDocument[]> {
  const found = db.accounts.find(within(span)).sort({ 'view.lapsesOn': 1 }).hint(indexFor(span));
  return (await firstOf(found, limit)).map((stored) => documentFrom(stored));
}
