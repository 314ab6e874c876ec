/** Which tenants have a deadline that their accounts on access keys have not all heard of: marked by the write that changes it. */

import type { Db } from './connection';
import { answered } from './errors';
import { firstOf } from './page';

export interface MovedDeadline {
  tenantId: string;
  /** The tenant's own; null: the installation's. */
  accessKeyDeadline: number | null;
  movedAt: number;
}

/** One trip, from the index when nothing is due. */
export async function dueDeadlines(db: Db, now: number, limit: number): Promise<MovedDeadline[]> {
  const marked = db.tenants
    .find({ deadlineDueAt: { $lte: now } })
    .sort({ deadlineDueAt: 1 })
    .hint('deadlines');
  const due = await firstOf(marked, limit);
  return due.map(({ _id, accessKeyDeadline, deadlineMovedAt = 0 }) => ({
    tenantId: _id,
    accessKeyDeadline,
    movedAt: deadlineMovedAt,
  }));
}

/** One trip. Unless it was moved again meanwhile: then that is still to be told. */
export async function deadlineTold(db: Db, { tenantId, movedAt }: MovedDeadline): Promise<void> {
  await answered(
    db.tenants.updateOne(
      { _id: tenantId, deadlineMovedAt: movedAt },
      { $unset: { deadlineMovedAt: '', deadlineDueAt: '' } },
    ),
  );
}

/** One trip. */
export async function tellDeadlineAgain(db: Db, { tenantId, movedAt }: MovedDeadline, at: number): Promise<void> {
  await answered(db.tenants.updateOne({ _id: tenantId, deadlineMovedAt: movedAt }, { $set: { deadlineDueAt: at } }));
}

/**
 * One trip, in order of id: those who hold a key with another deadline, a key that is kept after a migration among them.
 */
export async function withOtherDeadline(
  db: Db,
  { tenantId, deadlineAt, after, limit }: { tenantId: string; deadlineAt: number; after: string; limit: number },
): Promise<string[]> {
  const other = { 'data.accessKey.deadlineAt': { $gte: 0, $ne: deadlineAt } };
  const found = db.accounts.find({ tenantId, _id: { $gt: after }, ...other }, { projection: { _id: 1 } });
  return (await firstOf(found.sort({ _id: 1 }).hint('accessKeys'), limit)).map(({ _id }) => _id);
}

const DEFAULT = 'access-key-deadline';

/**
 * The installation's deadline, remembered: where it differs from the last start's, every tenant without one of its own is
 * marked. One trip when nothing changed. Marked first and remembered after: a crash in between marks again.
 */
export async function noteDefaultDeadline(db: Db, deadlineAt: number, now: number): Promise<void> {
  const known = await answered(db.installation.findOne({ _id: DEFAULT }));
  if (known?.value === deadlineAt) return;
  const moved = { deadlineMovedAt: now, deadlineDueAt: now };
  if (known) await answered(db.tenants.updateMany({ accessKeyDeadline: null }, { $set: moved }));
  await answered(db.installation.updateOne({ _id: DEFAULT }, { $set: { value: deadlineAt } }, { upsert: true }));
}
