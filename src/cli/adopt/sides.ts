/** Both sides of the question whose this database is, as this command finds them. */

import type { Config } from '../../config';
import { findEpoch, type StoredEpoch } from '../../db/epoch';
import type { Db } from '../../db/connection';
import { judge, makeVolume, type Disagreement, type Held, type Volume } from '../../workers/epoch';

export interface Sides {
  database: StoredEpoch;
  held: Held;
  volume: Volume;
  disagreement: Disagreement | null;
}

/** Null when no process has started on this database yet. One trip, and one to the disk. */
export async function readSides(db: Pick<Db, 'epoch'>, config: Config): Promise<Sides | null> {
  const volume = makeVolume(config.spoolDir);
  const [database, held] = [await findEpoch(db), await volume.read()];
  if (!database) return null;
  const own = { deployment: config.deployment, requireVolume: config.requireSpoolEpoch };
  return { database, held, volume, disagreement: judge(database, held, own) };
}

/** Between the last word a volume had of the database and the end of what it had a word of. */
const UNTOLD_MS = 15_000;

/** Until when others may have used tokens that this database holds: as a volume last heard, or now when nobody knows. */
export function truthEndedAt(
  { database, disagreement }: Pick<Sides, 'database' | 'disagreement'>,
  now: number,
): number {
  if (disagreement === null) return 0;
  const known = [disagreement.volume, database.doubt].flatMap((one) => (one ? [one.at] : []));
  const heardAt = Math.max(0, ...known);
  return heardAt > database.writtenAt ? heardAt + UNTOLD_MS : now;
}
