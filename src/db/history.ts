/** The append-only history: what happened to an account, what the world was told, and where a replay may start. */

import type { Checkpoint, Document, HistoryEntry, Row } from '../durable/types';
import { DAY_MS } from '../durations';
import type { Db } from './connection';
import { answered, insertedOrThere } from './errors';
import { firstOf } from './page';
import type { StoredCheckpoint, StoredEvent, StoredRow } from './schemas';

/** Routine rows, and checkpoints that have a newer one, live this long after a checkpoint made them dispensable. */
const KEPT_MS = 35 * DAY_MS;

export const HISTORY_PAGE = 100;

/** Padded, so that the order of strings is the order of seq. */
const keyOf = (accountId: string, seq: number): string => `${accountId}:${String(seq).padStart(10, '0')}`;

/** `;` follows `:` : the end of an account's keys. */
const endOf = (accountId: string): string => `${accountId};`;

/** An account's keys up to that seq, those of its outgoing events among them. */
export const keysUpTo = (accountId: string, seq: number) => ({
  $gte: keyOf(accountId, 0),
  $lt: keyOf(accountId, seq + 1),
});

const ownerOf = ({ id, tenantId }: HistoryEntry) => ({ tenantId, accountId: id });

const storedRow = (entry: HistoryEntry): StoredRow => ({
  _id: keyOf(entry.id, entry.row.seq),
  ...ownerOf(entry),
  ...entry.row,
});

const storedEvents = (entry: HistoryEntry): StoredEvent[] =>
  entry.row.outgoing.map((outgoing, n) => ({
    _id: `${keyOf(entry.id, entry.row.seq)}:${n}`,
    ...ownerOf(entry),
    seq: entry.row.seq,
    at: entry.row.at,
    ...outgoing,
  }));

const storedCheckpoints = (entries: HistoryEntry[]): StoredCheckpoint[] =>
  entries.flatMap(({ checkpoint, ...entry }) =>
    checkpoint === null
      ? []
      : [{ _id: keyOf(entry.id, checkpoint.seq), tenantId: entry.tenantId, accountId: entry.id, ...checkpoint }],
  );

function rowFrom({ _id, tenantId: _t, accountId: _a, expireAt: _e, ...row }: StoredRow): Row {
  return row;
}

/**
 * Rows of many accounts: one trip, a second one if anything is to be told outside, and two or three more for checkpoints.
 * Every step may be repeated, so a caller that got no answer simply comes again. A checkpoint is stored after its rows
 * and before anything may expire: at every moment the history since the last checkpoint has no gap.
 */
export async function appendHistory(db: Db, entries: HistoryEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const events = entries.flatMap(storedEvents);
  const checkpoints = storedCheckpoints(entries);
  if (events.length > 0) await insertedOrThere(db.events.insertMany(events, { ordered: false }));
  await insertedOrThere(db.history.insertMany(entries.map(storedRow), { ordered: false }));
  if (checkpoints.length === 0) return;
  await insertedOrThere(db.checkpoints.insertMany(checkpoints, { ordered: false }));
  await letExpire(db, checkpoints);
}

/** Two trips for any number of accounts, each update a range of one account's keys. */
async function letExpire(db: Db, checkpoints: StoredCheckpoint[]): Promise<void> {
  const about = checkpoints.map(({ _id, accountId, seq, at }) => ({
    from: keyOf(accountId, 0),
    to: keyOf(accountId, seq),
    itself: _id,
    expireAt: new Date(at + KEPT_MS),
  }));
  const rows = about.map(({ from, to, expireAt }) => ({
    updateMany: {
      filter: { _id: { $gte: from, $lte: to }, routine: true, expireAt: { $exists: false } },
      update: { $set: { expireAt } },
    },
  }));
  const older = about.map(({ from, itself, expireAt }) => ({
    updateMany: {
      filter: { _id: { $gte: from, $lt: itself }, expireAt: { $exists: false } },
      update: { $set: { expireAt } },
    },
  }));
  await answered(db.history.bulkWrite(rows, { ordered: false }));
  await answered(db.checkpoints.bulkWrite(older, { ordered: false }));
}

/** One trip. */
export async function findApplied(db: Db, accountId: string, eventId: string): Promise<Row | null> {
  const stored = await answered(db.history.findOne({ accountId, eventId }));
  return stored && rowFrom(stored);
}

/**
 * Rows after that seq and of this account's own (an erased one of that id may have left some in somebody's hand), oldest first, with those that still wait in the outbox: one trip beside the load of the document.
 * The document must have been loaded before: what has left its outbox by then is in history already.
 */
export async function readHistory(
  db: Db,
  document: Pick<Document, 'id' | 'tenantId' | 'outbox' | 'firstSeq'>,
  afterSeq: number,
  limit = HISTORY_PAGE,
): Promise<Row[]> {
  const { id, tenantId, outbox, firstSeq } = document;
  const from = Math.max(afterSeq + 1, firstSeq);
  const page = db.history.find({ _id: { $gte: keyOf(id, from), $lt: endOf(id) }, tenantId }).sort({ _id: 1 });
  const rows = (await firstOf(page, limit)).map(rowFrom);
  const known = new Set(rows.map(({ seq }) => seq));
  const waiting = outbox.map(({ row }) => row).filter(({ seq }) => seq >= from && !known.has(seq));
  return [...rows, ...waiting].sort((a, b) => a.seq - b.seq).slice(0, limit);
}

/** One trip, as its machine wrote it. Checkpoints waiting in the outbox are newer: a replay looks there first. */
export async function latestCheckpoint(
  db: Db,
  { id, tenantId, firstSeq }: Pick<Document, 'id' | 'tenantId' | 'firstSeq'>,
): Promise<Checkpoint | null> {
  const newestFirst = db.checkpoints
    .find({ _id: { $gte: keyOf(id, firstSeq), $lt: endOf(id) }, tenantId })
    .sort({ _id: -1 });
  const [stored] = await firstOf(newestFirst, 1);
  if (!stored) return null;
  const { _id, tenantId: _t, accountId: _a, expireAt: _e, ...checkpoint } = stored;
  return checkpoint;
}

export interface ToldEvent {
  id: string;
  type: string;
  at: number;
  tenantId: string;
  accountId: string;
  seq: number;
  data: object;
}

/** What the world was told about an account after that seq, oldest first: one trip. */
export async function readEvents(
  db: Db,
  { id, tenantId, firstSeq }: Pick<Document, 'id' | 'tenantId' | 'firstSeq'>,
  afterSeq: number,
  limit = HISTORY_PAGE,
): Promise<ToldEvent[]> {
  const from = Math.max(afterSeq + 1, firstSeq);
  const page = db.events.find({ _id: { $gt: keyOf(id, from), $lt: endOf(id) }, tenantId }).sort({ _id: 1 });
  return (await firstOf(page, limit)).map(({ _id, ...event }) => ({ id: _id, ...event }));
}
