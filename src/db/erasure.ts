/**
 * Erasing a closed account: one compare-and-set puts a tombstone in its place, and only then its history goes. The tombstone
 * keeps the numbers, so that an account of that name that comes later counts on from them; the receipt says that there was
 * an account, and nothing of what it was. Campaigns that had it keep what became of it, and not who it was. Whatever is
 * interrupted is finished by doing it again, or by whoever comes later.
 */

import type { Document } from '../durable/types';
import { forgetAccount } from './campaigns';
import type { Db } from './connection';
import { answered, insertedOrThere } from './errors';
import { keysUpTo } from './history';
import type { StoredAccount, StoredReceipt } from './schemas';

export type Receipt = Omit<StoredReceipt, '_id'>;

const receiptFrom = ({ _id, tenantId, seq, erasedAt = 0, erasedBy = '' }: StoredAccount): StoredReceipt => ({
  ...{ _id: `${_id}:${seq}`, tenantId, accountId: _id, seq, erasedAt, erasedBy },
});

/** One trip: false if the account was written meanwhile. It is as good as gone from here on. */
export async function bury(
  db: Db,
  { id, tenantId, rev, seq }: Pick<Document, 'id' | 'tenantId' | 'rev' | 'seq'>,
  { by, at }: { by: string; at: number },
): Promise<boolean> {
  const tombstone = { _id: id, tenantId, rev: rev + 1, seq, erasedAt: at, erasedBy: by } as StoredAccount;
  const { matchedCount } = await answered(db.accounts.replaceOne({ _id: id, rev }, tombstone));
  return matchedCount === 1;
}

/** Seven trips; may be repeated. Null when there is no tombstone. */
export async function finishErasure(db: Db, id: string, tenantId?: string): Promise<Receipt | null> {
  const tombstone = await answered(db.accounts.findOne(tenantId === undefined ? { _id: id } : { _id: id, tenantId }));
  if (tombstone?.erasedAt === undefined) return null;
  const receipt = receiptFrom(tombstone);
  await insertedOrThere(db.receipts.insertMany([receipt], { ordered: false }));
  await forgetAccount(db, receipt);
  const gone = { _id: keysUpTo(id, tombstone.seq) };
  await answered(db.events.deleteMany(gone));
  await answered(db.checkpoints.deleteMany(gone));
  await answered(db.history.deleteMany(gone));
  const { _id, ...shown } = receipt;
  return shown;
}
