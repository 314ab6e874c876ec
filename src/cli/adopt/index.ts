/** `upslink adopt`: whose is this database? Shows both sides, and takes the word of whoever knows. */

import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { loadConfig, type Config } from '../../config';
import type { Db } from '../../db/connection';
import { adoptEpoch, findEpoch } from '../../db/epoch';
import { allHolders, noteUnknownSend } from '../../db/grants';
import type { Environment } from '../environment';
import { CliError, FoundFault, UsageError } from '../failure';
import type { Output } from '../output';
import { withOpenDb } from '../store';
import { giveUpGrants } from './give-up';
import { describeAdopted, describeSides, HEAD, rowOf, sidesJson, type Adopted, type Counts } from './present';
import { readSides, truthEndedAt, type Sides } from './sides';
import { mayBeSpent, unknownSend } from './spent';

export interface AdoptOptions {
  database?: boolean;
  asNew?: boolean;
  list?: boolean;
  yes?: boolean;
}

/** Of these one side of the database is wrong; of the others only this volume. */
const NEEDS_EPOCH = ['behind', 'other-epoch', 'told', 'other-deployment'];
const SHOWN = 20;

/** Throws FoundFault when the sides disagree and nothing was chosen. */
export async function runAdopt(env: Environment, out: Output, options: AdoptOptions): Promise<void> {
  const chosen = [options.database, options.asNew, options.list].filter(Boolean).length;
  if (chosen > 1) throw new UsageError('Use only one of --database, --as-new and --list.');
  const config = loadConfig(env);
  await withOpenDb(config, async (db) => {
    const sides = await readSides(db, config);
    if (!sides)
      throw new CliError('no-epoch', 'This database has no epoch yet: start `upslink serve` first, which creates one.');
    if (options.database) return adoptDatabase(db, out, config, sides, options);
    if (options.asNew) return adoptAsNew(db, out, config, sides, options);
    if (options.list) return list(db, out, sides);
    await show(db, out, config, sides);
  });
}

async function show(db: Db, out: Output, config: Config, sides: Sides): Promise<void> {
  const counts = await count(db, truthEndedAt(sides, Date.now()));
  out.result(sidesJson(sides, config, counts), () => describeSides(sides, config, counts, out.width));
  if (sides.disagreement) throw new FoundFault();
}

async function count(db: Db, endedAt: number): Promise<Counts> {
  const counts: Counts = { withGrant: 0, maybeUsed: 0, first: [] };
  for await (const holders of allHolders(db)) {
    const spent = holders.filter((one) => mayBeSpent(one, endedAt)).map(({ id }) => id);
    counts.withGrant += holders.length;
    counts.maybeUsed += spent.length;
    counts.first = [...counts.first, ...spent].slice(0, SHOWN);
  }
  return counts;
}

async function list(db: Db, out: Output, sides: Sides): Promise<void> {
  const endedAt = truthEndedAt(sides, Date.now());
  out.head(HEAD);
  for await (const holders of allHolders(db))
    for (const one of holders) if (mayBeSpent(one, endedAt)) out.row(...rowOf(one));
}

async function adoptDatabase(db: Db, out: Output, config: Config, sides: Sides, { yes }: AdoptOptions): Promise<void> {
  const { disagreement } = sides;
  const isNew = disagreement !== null && NEEDS_EPOCH.includes(disagreement.kind);
  let marked = 0;
  if (isNew) {
    await confirm(
      out,
      yes,
      'Confirm only if no other system uses these accounts any more: this database becomes the real one.',
    );
    marked = await markSpent(db, sides);
    await adopt(db, config, sides);
  }
  await tell(db, out, config, sides, { adopted: isNew ? 'database' : null, maybeUsed: marked, givenUp: 0 });
}

async function markSpent(db: Db, sides: Sides): Promise<number> {
  const endedAt = truthEndedAt(sides, Date.now());
  const send = unknownSend(sides.database.id, endedAt);
  let marked = 0;
  for await (const holders of allHolders(db))
    for (const one of holders.filter((holder) => mayBeSpent(holder, endedAt))) {
      await noteUnknownSend(db, one, send);
      marked += 1;
    }
  return marked;
}

async function adoptAsNew(db: Db, out: Output, config: Config, sides: Sides, { yes }: AdoptOptions): Promise<void> {
  const warning = `This gives up every grant in ${config.mongodbDatabase}. The merchants are asked to reconnect in "${config.deployment}".`;
  await confirm(out, yes, warning);
  const givenUp = await giveUpGrants(db, (done) => out.remarkInPlace(`${done} grants given up`));
  out.remarkInPlace('');
  await adopt(db, config, sides);
  await tell(db, out, config, sides, { adopted: 'as-new', maybeUsed: 0, givenUp });
}

async function adopt(db: Db, { deployment }: Config, { database, held }: Sides): Promise<void> {
  const gone = [database.doubt?.id, held.kind === 'known' ? held.known.id : undefined].filter((id) => id !== undefined);
  if (await adoptEpoch(db, database, { id: randomUUID(), deployment, now: Date.now(), gone })) return;
  throw new CliError('changed-meanwhile', 'The epoch was changed meanwhile: run `upslink adopt` again.');
}

/** Other volumes follow by themselves; one that is damaged, or must not be empty, is written here. */
async function tell(db: Db, out: Output, config: Config, before: Sides, done: Omit<Adopted, 'epoch' | 'volume'>) {
  const epoch = await findEpoch(db);
  if (!epoch) throw new CliError('no-epoch', 'The database has lost its epoch: start `upslink serve`.');
  const writes = before.held.kind !== 'empty' || config.requireSpoolEpoch;
  const { id, counter, deployment } = epoch;
  if (writes) await before.volume.write({ id, counter, deployment, at: Date.now() });
  const adopted = { ...done, epoch: id, volume: writes ? config.spoolDir : null };
  out.result(adopted, () => describeAdopted(adopted, out.width));
}

async function confirm(out: Output, yes = false, what: string): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) throw new UsageError('Not an interactive terminal: pass --yes to confirm.');
  out.remark(what);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await asking.question('Type adopt to continue: ').finally(() => asking.close());
  if (answer.trim() !== 'adopt') throw new CliError('not-confirmed', 'Not confirmed: nothing was changed.');
}
