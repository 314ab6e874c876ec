/** The deployment's epoch: one small document, read every few seconds by every process and written by few. */

import type { Db } from './connection';
import { answered, isDuplicate } from './errors';
import type { StoredDoubt, StoredEpoch } from './schemas';

type EpochDb = Pick<Db, 'epoch'>;

const _id = 'epoch';
/** A volume that was away for more adoptions is asked about again. */
const REPLACED_KEPT = 20;

/** One trip. */
export const findEpoch = (db: EpochDb): Promise<StoredEpoch | null> => answered(db.epoch.findOne({ _id }));

/** One trip: false when somebody else made it first. */
export async function insertEpoch(db: EpochDb, epoch: Omit<StoredEpoch, '_id'>): Promise<boolean> {
  try {
    await answered(db.epoch.insertOne({ _id, ...epoch }));
    return true;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}

/** One trip: any number may try, one succeeds, and none while it is in doubt. */
export async function raiseEpoch(db: EpochDb, { id, counter }: StoredEpoch, now: number): Promise<boolean> {
  const seen = { _id, id, counter, doubt: null } as const;
  const raised = db.epoch.updateOne(seen, { $set: { counter: counter + 1, writtenAt: now } });
  return (await answered(raised)).matchedCount === 1;
}

/**
 * One trip: for all to see, unless a better reason is told already. Only of what was seen: a member of the replica set that
 * was overtaken shows an old count too, and no majority takes this write from it.
 */
export async function doubtEpoch(db: EpochDb, { id, counter }: StoredEpoch, doubt: StoredDoubt): Promise<boolean> {
  const lesser = { $or: [{ doubt: null }, { 'doubt.counter': { $lt: doubt.counter } }] };
  const told = db.epoch.updateOne({ _id, id, counter, ...lesser }, { $set: { doubt } });
  return (await answered(told)).matchedCount === 1;
}

export interface Adoption {
  id: string;
  deployment: string;
  now: number;
  /** What volumes may know, and is given up. */
  gone: string[];
}

/** One trip: a new epoch in the place of the one that was looked at; false when it was changed meanwhile. */
export async function adoptEpoch(db: EpochDb, before: StoredEpoch, adoption: Adoption): Promise<boolean> {
  const { id, deployment, now, gone } = adoption;
  const replaces = [...new Set([...before.replaces, before.id, ...gone])].slice(-REPLACED_KEPT);
  const next = { id, counter: 1, deployment, writtenAt: now, replaces, doubt: null };
  const written = db.epoch.updateOne({ _id, id: before.id, 'doubt.counter': before.doubt?.counter }, { $set: next });
  return (await answered(written)).matchedCount === 1;
}

export type { StoredDoubt, StoredEpoch };
