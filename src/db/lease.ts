/**
 * A lease: one of many does a thing, until an instant. It saves work and guards nothing: clocks differ between hosts,
 * and whoever lost it may not know yet. What must not happen twice is guarded by the account's own compare-and-set.
 */

import type { Db } from './connection';
import { answered, isDuplicate } from './errors';

export interface Claimant {
  name: string;
  holder: string;
}

/** One trip: true if it is ours until `now + ttlMs`, newly or still. */
export async function acquireLease(db: Db, about: Claimant & { now: number; ttlMs: number }): Promise<boolean> {
  const { name, holder, now, ttlMs } = about;
  try {
    await answered(
      db.leases.updateOne(
        { _id: name, $or: [{ holder }, { until: { $lte: now } }] },
        { $set: { holder, until: now + ttlMs } },
        { upsert: true },
      ),
    );
    return true;
  } catch (error) {
    // Held by another: the filter found nothing, and the insert found it there.
    if (isDuplicate(error)) return false;
    throw error;
  }
}

/** One trip. What is not ours any more stays as it is. */
export async function releaseLease(db: Db, { name, holder }: Claimant): Promise<void> {
  await answered(db.leases.deleteOne({ _id: name, holder }));
}
