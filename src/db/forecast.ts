/** What lies ahead of the grants, counted from two indexes alone: one key for each account that has one. */

import type { mongo } from 'mongoose';
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

/** What differs in these makes a group of its own; there are not more in an hour's tokens by far. */
const GROUPS = 20_000;

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

/** One trip. Accounts that refresh, by the hour of the next refresh and how far theirs are apart. */
export async function countRefreshes(db: Db, tenantId: string | null): Promise<Refreshes[]> {
  const all = { tenantId, from: 0, to: Number.MAX_SAFE_INTEGER };
  const counted = db.accounts.aggregate<{ _id: Omit<Refreshes, 'count'>; count: number }>(
    [
      { $match: { ...within(all), 'view.refreshEveryMs': { $gt: 0 } } },
      {
        $group: {
          _id: { refreshOn: '$view.refreshOn', refreshEveryMs: '$view.refreshEveryMs' },
          count: { $sum: 1 },
        },
      },
      { $limit: GROUPS },
    ],
    { hint: indexFor(all) },
  );
  return (await answered(counted.toArray())).map(({ _id, count }) => ({ ..._id, count }));
}

/** One trip: those that die first, by day. */
export async function nearestLapses(db: Db, span: Span, limit: number): Promise<AccountDocument[]> {
  const found = db.accounts.find(within(span)).sort({ 'view.lapsesOn': 1 }).hint(indexFor(span));
  return (await firstOf(found, limit)).map((stored) => documentFrom(stored));
}
