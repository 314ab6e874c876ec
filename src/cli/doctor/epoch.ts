/** Whether the database is this deployment's, and what its volumes know of it. */

import type { Config } from '../../config';
import type { Db } from '../../db/connection';
import { readSides } from '../adopt/sides';
import { fail, ok, type Check } from './check';

const NEXT = 'Run `upslink adopt` where the service runs: it shows both sides and the accounts concerned.';

/** One trip, and one to the disk: of the volume this command was given, others tell the database. */
export async function checkEpoch(db: Db, config: Config): Promise<Check> {
  const name = 'epoch';
  const sides = await readSides(db, config);
  if (!sides) return ok(name, 'none yet: the first start of the service creates it');
  const { database, disagreement, held } = sides;
  if (disagreement) return fail(name, disagreement.sentence, NEXT);
  const where = held.kind === 'known' ? 'the volume in SPOOL_DIR knows it' : 'SPOOL_DIR holds none';
  return ok(name, `${database.id} at ${database.counter} of "${database.deployment}"; ${where}`);
}
