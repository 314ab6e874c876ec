/** `upslink accounts replay`: history run again through the machine must lead to what is stored (design: invariant 10). */

import { makeStore, type AccountDocument } from '../../db/accounts';
import type { Db } from '../../db/connection';
import { HISTORY_PAGE, latestCheckpoint, readHistory } from '../../db/history';
import { listAccounts } from '../../db/queries';
import { replay, type Replay } from '../../durable/replay';
import type { Checkpoint, Row } from '../../durable/types';
import { makeAccountDefinition } from '../../machines/definition';
import type { Environment } from '../environment';
import { FoundFault, UsageError } from '../failure';
import type { Output } from '../output';
import { loadAccount, withDb, type InTenant } from '../store';
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

/** Throws FoundFault when one differs. */
export async function runReplay(env: Environment, out: Output, ids: string[], options: ReplayOptions): Promise<void> {
  if (ids.length === 0 && !options.all && options.tenant === undefined)
    throw new UsageError('Say what to replay: account ids, --tenant T or --all.');
  if (ids.length > 0 && options.all) throw new UsageError('Name account ids or say --all, not both.');
  const found = await withDb(env, (db) => replayThem(db, documentsOf(db, ids, options)));
  out.result(found, () => describe(found, out.width));
  if (found.different.length > 0) throw new FoundFault();
}

async function* documentsOf(db: Db, ids: string[], options: InTenant): AsyncGenerator<AccountDocument> {
  for (const id of ids) yield await loadAccount(db, id, options);
  if (ids.length > 0) return;
  let cursor: string | undefined;
  do {
    const page = await listAccounts(db, { tenantId: options.tenant ?? null, limit: PAGE, cursor });
    yield* page.items;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

interface Found {
  replayed: number;
  same: number;
  different: Different[];
}

async function replayThem(db: Db, documents: AsyncIterable<AccountDocument>): Promise<Found> {
  const found: Found = { replayed: 0, same: 0, different: [] };
  for await (const document of documents) {
    const result = await replayOne(db, document);
    found.replayed += 1;
    if (result.same) found.same += 1;
    else found.different.push({ id: document.id, tenantId: document.tenantId, seq: result.seq, why: result.why });
  }
  return found;
}

/** A difference counts only if nobody wrote meanwhile: rows and checkpoints may have left for history since. */
export async function replayOne(db: Db, first: AccountDocument): Promise<Replay> {
  let document = first;
  for (let tries = 1; ; tries += 1) {
    const result = await replayAsRead(db, document);
    if (result.same || tries === TRIES) return result;
    const again = await makeStore(db).load(document.id, document.tenantId);
    if (again === null || again.rev === document.rev) return result;
    document = again;
  }
}

async function replayAsRead(db: Db, document: AccountDocument): Promise<Replay> {
  if (document.version > definition.version) {
    const why = `written by machine version ${document.version}, this is ${definition.version}: replay with the newer upslink`;
    return { same: false, seq: document.seq, why };
  }
  const checkpoint = await newestCheckpoint(db, document);
  return replayRows(document, checkpoint, await rowsOf(db, document, checkpoint?.seq ?? 0));
}

/** One that waits in the outbox is newer than any that history has; one newer than the document is of no use to it. */
async function newestCheckpoint(db: Db, document: AccountDocument): Promise<Checkpoint | null> {
  const waiting = document.outbox.flatMap(({ checkpoint }) => (checkpoint === null ? [] : [checkpoint])).at(-1);
  return waiting ?? (await latestCheckpoint(db, document));
}

/** Rows after that seq, up to the document's own. */
async function rowsOf(db: Db, document: AccountDocument, afterSeq: number): Promise<Row[]> {
  const rows: Row[] = [];
  let after = afterSeq;
  while (after < document.seq) {
    const page = await readHistory(db, document, after, HISTORY_PAGE);
    rows.push(...page);
    after = page.at(-1)?.seq ?? document.seq;
  }
  return rows.filter(({ seq }) => seq <= document.seq);
}

/** The machine refuses some rows by an error of its own, which names no seq: it is the first row it fails with. */
function replayRows(document: AccountDocument, checkpoint: Checkpoint | null, rows: Row[]): Replay {
  try {
    return replay(definition, checkpoint, rows, document);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'the machine refuses it';
    return { same: false, seq: firstRefused(document, checkpoint, rows), why };
  }
}

function firstRefused(document: AccountDocument, checkpoint: Checkpoint | null, rows: Row[]): number {
  const isRefused = (count: number): boolean => {
    try {
      replay(definition, checkpoint, rows.slice(0, count), document);
      return false;
    } catch {
      return true;
    }
  };
  let [good, bad] = [0, rows.length];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (isRefused(middle)) bad = middle;
    else good = middle;
  }
  return rows[bad - 1]?.seq ?? document.seq;
}

function describe({ replayed, same, different }: Found, width: number): string {
  const count = `${replayed} replayed, ${same} as stored, ${different.length} different`;
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
