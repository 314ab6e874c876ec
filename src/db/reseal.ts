/**
 * Sealed values moved to the key that seals now. Only boxes change, and `rev`: neither what the machine decided nor when
 * somebody must look, so an account of any machine version can be resealed. A process that holds the account in its hand
 * loses its next write by `rev` and decides again on what it reads.
 */

import type { Db } from './connection';
import { answered } from './errors';
import type { StoredAccount, StoredCampaignItem } from './schemas';
import type { Box } from './sealed';

/** One trip: false when it was written meanwhile. */
export async function replaceBoxes(
  db: Db,
  { _id, tenantId, rev }: Pick<StoredAccount, '_id' | 'tenantId' | 'rev'>,
  boxes: readonly Pick<Box, 'path' | 'sealed'>[],
): Promise<boolean> {
  const $set = Object.fromEntries(boxes.map(({ path, sealed }) => [path, sealed]));
  const filter = { _id, tenantId, rev, erasedAt: { $exists: false } };
  const { matchedCount } = await answered(db.accounts.updateOne(filter, { $set, $inc: { rev: 1 } }));
  return matchedCount === 1;
}

/** One trip; null when it is gone. */
export const findItem = (db: Db, _id: string): Promise<StoredCampaignItem | null> =>
  answered(db.campaignItems.findOne({ _id }));

/** One trip: false when the link was taken away, or replaced, meanwhile. Nothing else of the item is compared or changed. */
export async function replaceLink(
  db: Db,
  { _id, tenantId, link }: Pick<StoredCampaignItem, '_id' | 'tenantId' | 'link'>,
  next: string,
): Promise<boolean> {
  const { matchedCount } = await answered(
    db.campaignItems.updateOne({ _id, tenantId, link }, { $set: { link: next } }),
  );
  return matchedCount === 1;
}
