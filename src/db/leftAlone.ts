/** Accounts that a machine leaves alone: what is due of them stays due, so they are found where the sweep looks. */

import type { Db } from './connection';
import { answered } from './errors';

export interface Machine {
  version: number;
  shape: string;
}

export interface LeftAloneCounts {
  /** How many overdue accounts were looked at. */
  seen: number;
  /** By the version that wrote them, lowest first. */
  newer: { version: number; count: number }[];
  /** Written by another machine of the same version. Those that do not say by which are not among them. */
  otherShape: number;
}

/** Two trips. Of the accounts that were due before `before`, longest overdue first, at most `limit` by each of the two instants. */
export async function countLeftAlone(
  db: Db,
  { version, shape }: Machine,
  { before, limit }: { before: number; limit: number },
): Promise<LeftAloneCounts> {
  const [wake, ups] = await Promise.all([overdue(db, 'wake', before, limit), overdue(db, 'ups', before, limit)]);
  const seen = new Map([...wake, ...ups].map((one) => [one._id, one]));
  const newer = new Map<number, number>();
  let otherShape = 0;
  for (const one of seen.values()) {
    if (one.version > version) newer.set(one.version, (newer.get(one.version) ?? 0) + 1);
    if (one.version === version && one.shape && one.shape !== shape) otherShape++;
  }
  const byVersion = [...newer].map(([of, count]) => ({ version: of, count })).sort((a, b) => a.version - b.version);
  return { seen: seen.size, newer: byVersion, otherShape };
}

function overdue(db: Db, index: 'wake' | 'ups', before: number, limit: number) {
  const at = `${index}At`;
  const found = db.accounts.find(
    { [at]: { $lt: before } },
    { projection: { version: 1, shape: 1 }, sort: { [at]: 1, _id: 1 }, hint: index, limit },
  );
  return answered(found.toArray());
}
