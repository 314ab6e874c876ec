/** The Store on MongoDB: one account, one document; a commit is one compare-and-set. */

import type { AccountData } from '../machines/data';
import type { AccountView } from '../machines/definition';
import type { Document, DueItem, DuePage, Grave, Store, Written } from '../durable/types';
import { upgraded, type Upgrade } from '../machines/versions';
import { changesOf } from './changes';
import type { Db } from './connection';
import { answered, isDuplicate, isUnanswered, duplicatesIn } from './errors';
import { finishErasure } from './erasure';
import { appendHistory, findApplied } from './history';
import { firstOf } from './page';
import type { StoredAccount } from './schemas';

export type AccountDocument = Document<AccountData, AccountView>;

/** Longer search words are compared by this beginning first, then by the whole. */
export const TERM_LENGTH = 16;

/** Names tell apart upper and lower case; people who search should not have to. */
export const foldCase = (text: string): string => text.toLowerCase();

function termsOf({ name, accountNumber }: AccountView): string[] {
  const beginnings = [name, accountNumber].flatMap((word) => {
    const chars = [...foldCase(word)].slice(0, TERM_LENGTH);
    return chars.map((_, end) => chars.slice(0, end + 1).join(''));
  });
  return [...new Set(beginnings)];
}

function storedFrom({ id, wakeAt, upsAt, upsQueue, ...rest }: AccountDocument): StoredAccount {
  return {
    _id: id,
    ...rest,
    ...(wakeAt !== null && { wakeAt }),
    ...(upsAt !== null && { upsAt }),
    ...(upsQueue !== null && { upsQueue }),
    terms: termsOf(rest.view),
  };
}

/** `upgrade`: the written steps to the machine of whoever reads. */
export function documentFrom(stored: StoredAccount, upgrade: Upgrade = upgraded): AccountDocument {
  const { _id, terms: _terms, ...known } = upgrade(stored);
  const { wakeAt = null, upsAt = null, upsQueue = null, firstSeq = 1, shape = null, ...rest } = known;
  return { id: _id, ...rest, shape, firstSeq, wakeAt, upsAt, upsQueue };
}

/** Only its numbers are left. Looked at in what was read: as a part of the filter it would cost the index. */
export const isErased = (stored: StoredAccount): boolean => stored.erasedAt !== undefined;

/** Awaits a write: what is not acknowledged is `unknown`, never a rejection. */
async function written(operation: Promise<Written>): Promise<Written> {
  try {
    return await operation;
  } catch (error) {
    if (isDuplicate(error)) return 'lost';
    if (isUnanswered(error)) return 'unknown';
    throw error;
  }
}

/** One trip, by `_id`. */
async function load(db: Db, upgrade: Upgrade, id: string, tenantId?: string): Promise<AccountDocument | null> {
  const stored = await answered(db.accounts.findOne(tenantId === undefined ? { _id: id } : { _id: id, tenantId }));
  return stored && !isErased(stored) ? documentFrom(stored, upgrade) : null;
}

/** One trip, and over a grave some more. `_id` is the only unique key: `lost` says that the account exists, or that its grave is another one by now. */
async function insert(db: Db, document: AccountDocument, over: Grave | null): Promise<Written> {
  const stored = storedFrom(document);
  if (over === null) {
    await db.accounts.insertOne(stored);
    return 'done';
  }
  // Whoever erased it may have been interrupted: nothing of the old account may be taken for the new one's.
  await finishErasure(db, document.id);
  const { matchedCount } = await db.accounts.replaceOne(
    { _id: document.id, rev: over.rev, erasedAt: { $exists: true } },
    stored,
  );
  return matchedCount === 1 ? 'done' : 'lost';
}

/** One trip. Those the server names were there before; without its answer nothing is known of any. */
async function insertMany(db: Db, documents: AccountDocument[]): Promise<Written[]> {
  if (documents.length === 0) return [];
  try {
    await db.accounts.insertMany(documents.map(storedFrom), { ordered: false });
    return documents.map(() => 'done');
  } catch (error) {
    const refused = duplicatesIn(error);
    if (refused) return documents.map((_, n) => (refused.has(n) ? 'lost' : 'done'));
    if (isUnanswered(error)) return documents.map(() => 'unknown');
    throw error;
  }
}

/** One trip. */
async function findGrave(db: Db, id: string): Promise<Grave | null> {
  const stored = await answered(db.accounts.findOne({ _id: id }));
  return stored && isErased(stored) ? { rev: stored.rev, seq: stored.seq } : null;
}

/** The whole commit. */
function updateOf({ before, next }: { before: AccountDocument; next: AccountDocument }) {
  const update = changesOf(before, next);
  if ('view.name' in update.$set || 'view.accountNumber' in update.$set) update.$set['terms'] = termsOf(next.view);
  return { filter: { _id: before.id, rev: before.rev }, update };
}

/** One trip. */
async function write(db: Db, before: AccountDocument, next: AccountDocument): Promise<Written> {
  const { filter, update } = updateOf({ before, next });
  const { matchedCount } = await db.accounts.updateOne(filter, update);
  return matchedCount === 1 ? 'done' : 'lost';
}

/** One trip. */
async function writeMany(db: Db, changes: { before: AccountDocument; next: AccountDocument }[]): Promise<void> {
  const operations = changes.map((change) => ({ updateOne: updateOf(change) }));
  await answered(db.accounts.bulkWrite(operations, { ordered: false }));
}

/**
 * From the index alone, no document is read. A first page is one trip. A later one is two ranges, first the rest of the
 * instant the page before ended in, so two trips at most: one `$or` over both would leave it to the planner to merge them in order.
 */
async function due(db: Db, { kind, now, after, limit }: DuePage): Promise<DueItem[]> {
  const field = kind === 'wake' ? 'wakeAt' : 'upsAt';
  const ranges = after
    ? [{ [field]: after.at, _id: { $gt: after.id } }, { [field]: { $gt: after.at, $lte: now } }]
    : [{ [field]: { $lte: now } }];
  const items: DueItem[] = [];
  for (const range of ranges) {
    if (items.length === limit) break;
    const page = db.accounts
      .find(range, { projection: kind === 'wake' ? { wakeAt: 1 } : { upsAt: 1, upsQueue: 1 } })
      .sort({ [field]: 1, _id: 1 })
      .hint(kind);
    const found = await firstOf(page, limit - items.length);
    items.push(...found.map((item) => ({ id: item._id, at: item[field] ?? 0, queue: item.upsQueue ?? null })));
  }
  return items;
}

/** `upgrade`: as of `documentFrom`; another one only where another machine than ours is tried. */
export const makeStore = (db: Db, upgrade: Upgrade = upgraded): Store<AccountData, AccountView> => ({
  load: (id, tenantId) => load(db, upgrade, id, tenantId),
  insert: (document, over = null) => written(insert(db, document, over)),
  insertMany: (documents) => insertMany(db, documents),
  findGrave: (id) => findGrave(db, id),
  writeMany: (changes) => writeMany(db, changes),
  write: (before, next) => written(write(db, before, next)),
  appendHistory: (entries) => appendHistory(db, entries),
  findApplied: (id, eventId) => findApplied(db, id, eventId),
  due: (page) => due(db, page),
});
