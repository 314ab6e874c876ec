/** `upslink accounts replay`: history run again through the machine must lead to what is stored (design: invariant 10). */

import type { AccountDocument } from '../../db/accounts';
import type { Db } from '../../db/connection';
import { readStored } from '../../db/damage';
import { HISTORY_PAGE, latestCheckpoint, readHistory } from '../../db/history';
import { countAccounts, loadStored } from '../../db/kinds';
import { countByState, listStored } from '../../db/queries';
import type { StoredAccount } from '../../db/schemas';
import { beginReplay, type Difference, type Replay, type Replaying } from '../../durable/replay';
import type { Checkpoint, Row } from '../../durable/types';
import { makeAccountDefinition } from '../../machines/definition';
import type { Environment } from '../environment';
import { FoundFault, UsageError } from '../failure';
import type { Output } from '../output';
import { makeProgress, type Place } from '../progress';
import { assertAccounts, assertTenant, withDb, type InTenant } from '../store';
import { paragraph, table } from '../table';

export interface ReplayOptions extends InTenant {
  all?: true;
}

export interface Different {
  id: string;
  tenantId: string;
  /** The first seq at which history and machine part. */
  seq: number;
  why: string;
}

const definition = makeAccountDefinition();
const PAGE = 200;

/** An account that is written between two of our reads is read again, so often. */
const TRIES = 3;

/** Throws FoundFault when one differs. `place`: where progress is shown, and by which clock. */
export async function runReplay(
  env: Environment,
  out: Output,
  ids: string[],
  options: ReplayOptions,
  place?: Place,
): Promise<void> {
  if (ids.length === 0 && !options.all && options.tenant === undefined)
    throw new UsageError('Choose what to replay: account ids, --tenant T or --all.');
  if (ids.length > 0 && options.all) throw new UsageError('Pass account ids or --all, not both.');
  const found = await withDb(env, async (db) => {
    await assertTenant(db, options.tenant);
    if (ids.length > 0) await assertAccounts(db, ids, options);
    const { count, words } = await totalOf(db, ids, options);
    const progress = makeProgress(out, words, place);
    const tell = (done: number) => progress.reached({ done, share: Math.min(1, done / count) });
    return replayThem(db, accountsOf(db, ids, options), tell).finally(() => progress.end());
  });
  out.result(found, () => describe(found, out.width));
  if (found.different.length > 0) throw new FoundFault();
}

/** How many there are, before the first is read: of a tenant exactly, of all by the collection's own figure. */
async function totalOf(db: Db, ids: string[], { tenant }: InTenant): Promise<{ count: number; words: string }> {
  if (ids.length > 0) return { count: ids.length, words: `of ${ids.length} accounts` };
  if (tenant === undefined) {
    const about = await countAccounts(db);
    return { count: about, words: `of about ${about} accounts` };
  }
  const count = Object.values(await countByState(db, tenant)).reduce((sum, one) => sum + one, 0);
  return { count, words: `of ${count} accounts` };
}

/** As they are stored: one that is damaged is a difference of its own, and must not end the others. */
async function* accountsOf(db: Db, ids: string[], options: InTenant): AsyncGenerator<StoredAccount> {
  for (const id of ids) {
    const stored = await loadStored(db, id);
    // One that was there a moment ago was erased since, history and all.
    if (stored !== null) yield stored;
  }
  if (ids.length > 0) return;
  let cursor: string | undefined;
  do {
    const page = await listStored(db, { tenantId: options.tenant ?? null, limit: PAGE, cursor });
    yield* page.items;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

interface Found {
  replayed: number;
  same: number;
  /** Written last by an older machine version: only that version's upslink can replay them. */
  older: number;
  different: Different[];
}

async function replayThem(
  db: Db,
  accounts: AsyncIterable<StoredAccount>,
  tell: (replayed: number) => void,
): Promise<Found> {
  const found: Found = { replayed: 0, same: 0, older: 0, different: [] };
  for await (const stored of accounts) {
    const result = await replayStored(db, stored);
    found.replayed += 1;
    if (result === 'older') found.older += 1;
    else if (result.same) found.same += 1;
    else found.different.push({ id: stored._id, tenantId: stored.tenantId, seq: result.seq, why: result.why });
    tell(found.replayed);
  }
  return found;
}

async function replayStored(db: Db, stored: StoredAccount): Promise<Replay | 'older'> {
  const read = readStored(stored);
  if ('damage' in read) return { same: false, seq: stored.seq, why: read.damage };
  return read.version < definition.version ? 'older' : replayOne(db, read);
}

/** A difference counts only if nobody wrote meanwhile: rows and checkpoints may have left for history since. */
export async function replayOne(db: Db, first: AccountDocument): Promise<Replay> {
  let document = first;
  for (let tries = 1; ; tries += 1) {
    const result = await replayAsRead(db, document);
    if (result.same || tries === TRIES) return result;
    const again = await loadStored(db, document.id);
    if (again === null || again.rev === document.rev) return result;
    const read = readStored(again);
    if ('damage' in read) return { same: false, seq: again.seq, why: read.damage };
    document = read;
  }
}

async function replayAsRead(db: Db, document: AccountDocument): Promise<Replay> {
  if (document.version > definition.version) {
    const why = `written by machine version ${document.version}, this is ${definition.version}: replay with the newer upslink`;
    return { same: false, seq: document.seq, why };
  }
  const checkpoint = await newestCheckpoint(db, document);
  return replayRows(document, checkpoint, rowsOf(db, document, checkpoint?.seq ?? 0));
}

/**
 * One that waits in the outbox is newer than any that history has; one newer than the document is of no use to it. It was
 * written by the document's own machine version: the first row of a version brings a checkpoint.
 */
async function newestCheckpoint(db: Db, document: AccountDocument): Promise<Checkpoint | null> {
  const waiting = document.outbox.flatMap(({ checkpoint }) => (checkpoint === null ? [] : [checkpoint])).at(-1);
  return waiting ?? latestCheckpoint(db, document);
}

/** Rows after that seq, up to the document's own. */
async function* rowsOf(db: Db, document: AccountDocument, afterSeq: number): AsyncGenerator<Row> {
  let after = afterSeq;
  while (after < document.seq) {
    const page = await readHistory(db, document, after, HISTORY_PAGE);
    yield* page.filter(({ seq }) => seq <= document.seq);
    after = page.at(-1)?.seq ?? document.seq;
  }
}

/** As rows are read: no more than a page of them is held, and none is read behind the first difference. */
async function replayRows(
  document: AccountDocument,
  checkpoint: Checkpoint | null,
  rows: AsyncIterable<Row>,
): Promise<Replay> {
  let begun: Replaying | null = null;
  const replaying = () => (begun ??= beginReplay(definition, checkpoint, document));
  for await (const row of rows) {
    const found = unlessRefused(row.seq, () => replaying().take(row));
    if (found) return found;
  }
  return unlessRefused(document.seq, () => replaying().end());
}

/** The machine refuses some rows by an error of its own, which names no seq: it is that of the row in hand. */
function unlessRefused<T>(seq: number, run: () => T): T | Difference {
  try {
    return run();
  } catch (error) {
    return { same: false, seq, why: error instanceof Error ? error.message : 'the machine refuses this row' };
  }
}

function describe({ replayed, same, older, different }: Found, width: number): string {
  const left = older === 0 ? '' : `, ${older} written by an older version: replay them with that version`;
  const count = `${replayed} replayed, ${same} as stored, ${different.length} different${left}`;
  if (different.length === 0) return count;
  const columns = [{ head: 'ID' }, { head: 'TENANT', shrinksTo: 8 }, { head: 'FIRST SEQ' }];
  const [head = '', ...lines] = table(
    columns,
    different.map(({ id, tenantId, seq }) => [id, tenantId, String(seq)]),
    width,
  ).split('\n');
  const explained = lines.map((line, n) => `${line}\n    ${paragraph(different[n]?.why ?? '', { width, indent: 4 })}`);
  return [head, ...explained, count].join('\n');
}
