/** What is out of order between us and UPS, one small document each, read whole by every process once a second. */

import type { Db } from './connection';
import { answered, isDuplicate } from './errors';
import { firstOf } from './page';
import type { AnswerWindow, StoredCircuit, StoredOutage, StoredWave } from './schemas';

/** There are four circuits and as many waves as UPS has codes for a no. */
const MANY = 200;

/** One trip. */
export const readOutages = (db: Db): Promise<StoredOutage[]> => firstOf(db.outages.find({}).sort({ _id: 1 }), MANY);

/** One trip. */
export async function findOutage(db: Db, id: string): Promise<StoredOutage | null> {
  return answered(db.outages.findOne({ _id: id }));
}

/**
 * One trip: written only if nobody wrote meanwhile; `rev` 0 for one that is not there yet. False when somebody did.
 */
export async function writeOutage<T extends StoredOutage>(
  db: Db,
  before: Pick<T, '_id' | 'rev'>,
  next: T,
): Promise<boolean> {
  const { _id, rev } = before;
  const { _id: _same, ...changes } = { ...next, rev: rev + 1 };
  try {
    const written = db.outages.updateOne({ _id, rev }, { $set: changes }, { upsert: rev === 0 });
    const { matchedCount, upsertedCount } = await answered(written);
    return matchedCount + upsertedCount === 1;
  } catch (error) {
    // It is there, with another rev.
    if (isDuplicate(error)) return false;
    throw error;
  }
}

/** Since the last time it was told. */
export interface Heard {
  refused: number;
  answered: number;
  /** Account ids. */
  held: string[];
}

/** One trip: what one process heard since it last said so. Nobody waits for these numbers, so they guard nothing. */
export async function countAnswers(db: Db, id: string, heard: Heard, keep: number): Promise<void> {
  await answered(
    db.outages.updateOne(
      { _id: id },
      {
        $inc: { 'long.refused': heard.refused, 'long.answered': heard.answered, everHeld: heard.held.length },
        ...(heard.held.length > 0 && { $push: { held: { $each: heard.held, $slice: -keep } } }),
      },
    ),
  );
}

/** What the workers ask of it; the one in memory of the simulation is held to the same contract. */
export interface OutageStore {
  read(): Promise<StoredOutage[]>;
  find(id: string): Promise<StoredOutage | null>;
  write<T extends StoredOutage>(before: Pick<T, '_id' | 'rev'>, next: T): Promise<boolean>;
  count(id: string, heard: Heard, keep: number): Promise<void>;
}

export const makeOutageStore = (db: Db): OutageStore => ({
  read: () => readOutages(db),
  find: (id) => findOutage(db, id),
  write: (before, next) => writeOutage(db, before, next),
  count: (id, heard, keep) => countAnswers(db, id, heard, keep),
});

export type { AnswerWindow, StoredCircuit, StoredOutage, StoredWave };
