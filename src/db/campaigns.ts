/** Campaigns and the accounts they ask: one document each, changed by compare-and-set or by the state they are in. */

import type { mongo } from 'mongoose';
import type { Db } from './connection';
import { answered, insertedOrThere } from './errors';
import { firstOf, pageOf, type Page } from './page';
import type { CampaignItemState, StoredCampaign, StoredCampaignItem, StoredReceipt } from './schemas';

export interface Campaign extends Omit<StoredCampaign, '_id' | 'wakeAt'> {
  id: string;
  wakeAt: number | null;
}

export type CampaignItem = StoredCampaignItem;
export type ItemCounts = Record<CampaignItemState, number>;

const campaignFrom = ({ _id, wakeAt, ...rest }: StoredCampaign): Campaign => ({
  id: _id,
  ...rest,
  wakeAt: wakeAt ?? null,
});
const storedFrom = ({ id, wakeAt, ...rest }: Campaign): StoredCampaign => ({
  _id: id,
  ...rest,
  ...(wakeAt !== null && { wakeAt }),
});

export const itemId = (campaignId: string, accountId: string): string => `${campaignId}:${accountId}`;

/** One trip; items that are there already are done. */
export async function insertItems(db: Db, items: CampaignItem[]): Promise<void> {
  if (items.length > 0) await insertedOrThere(db.campaignItems.insertMany(items, { ordered: false }));
}

/** One trip. */
export async function insertCampaign(db: Db, campaign: Campaign): Promise<void> {
  await answered(db.campaigns.insertOne(storedFrom(campaign)));
}

/** One trip. */
export async function findCampaign(db: Db, id: string, tenantId?: string): Promise<Campaign | null> {
  const stored = await answered(db.campaigns.findOne(tenantId === undefined ? { _id: id } : { _id: id, tenantId }));
  return stored && campaignFrom(stored);
}

/** One trip: null when it was changed meanwhile. */
export async function writeCampaign(db: Db, before: Campaign, changes: Partial<Campaign>): Promise<Campaign | null> {
  const { id, tenantId, rev } = before;
  const next = { ...before, ...changes, rev: rev + 1 };
  const { _id, ...stored } = storedFrom(next);
  const unset = next.wakeAt === null ? { $unset: { wakeAt: '' as const } } : {};
  const { matchedCount } = await answered(
    db.campaigns.updateOne({ _id: id, tenantId, rev }, { $set: stored, ...unset }),
  );
  return matchedCount === 1 ? next : null;
}

/** One trip: has it looked at, whatever others write of it at this moment. */
export async function wakeCampaign(db: Db, { id, tenantId }: Pick<Campaign, 'id' | 'tenantId'>, at: number) {
  await answered(db.campaigns.updateOne({ _id: id, tenantId }, { $set: { wakeAt: at }, $inc: { rev: 1 } }));
}

export interface CampaignList {
  /** null: every tenant's, for admins. */
  tenantId: string | null;
  limit: number;
  /** The last id of the page before. */
  cursor?: string | undefined;
}

/** One trip, in order of id. */
export function listCampaigns(db: Db, { tenantId, limit, cursor }: CampaignList): Promise<Page<Campaign>> {
  const filter = { ...(tenantId !== null && { tenantId }), ...(cursor !== undefined && { _id: { $gt: cursor } }) };
  return pageOf(db.campaigns.find(filter).sort({ _id: 1 }), limit, campaignFrom);
}

/** One trip, from the index when nothing is due. */
export async function dueCampaigns(db: Db, now: number, limit: number): Promise<string[]> {
  const due = db.campaigns.find({ wakeAt: { $lte: now } }, { projection: { wakeAt: 1 } });
  return (await firstOf(due.sort({ wakeAt: 1, _id: 1 }).hint('due'), limit)).map(({ _id }) => _id);
}

export interface ItemList {
  campaignId: string;
  tenantId: string;
  state?: CampaignItemState | undefined;
  /** Only of waves up to this one. */
  wave?: number | undefined;
  /** Only those with a link that works. */
  hasLink?: true | undefined;
  limit: number;
  cursor?: string | undefined;
}

const BY_STATE: mongo.IndexSpecification = { tenantId: 1, campaignId: 1, state: 1, _id: 1 };

/** One trip, in order of account. */
export function listItems(db: Db, list: ItemList): Promise<Page<CampaignItem>> {
  const { campaignId, tenantId, state, wave, hasLink, limit, cursor } = list;
  const begins = `${campaignId}:`;
  const after = cursor === undefined ? { $gte: begins } : { $gt: itemId(campaignId, cursor) };
  const filter = { _id: { ...after, $lt: `${campaignId};` }, campaignId, tenantId };
  const found = db.campaignItems
    .find({
      ...filter,
      ...(state !== undefined && { state }),
      ...(wave !== undefined && { wave: { $lte: wave } }),
      ...(hasLink && { link: { $ne: null } }),
    })
    .sort({ _id: 1 });
  return pageOf(state === undefined ? found : found.hint(BY_STATE), limit, (item) => item).then(
    ({ items, nextCursor }) => ({
      items,
      nextCursor: nextCursor && nextCursor.slice(begins.length),
    }),
  );
}

/** One trip, from the index alone. */
export async function countItems(db: Db, { id, tenantId }: Pick<Campaign, 'id' | 'tenantId'>): Promise<ItemCounts> {
  const counts: ItemCounts = { planned: 0, waiting: 0, migrated: 0, failed: 0, skipped: 0, undone: 0 };
  const counted = db.campaignItems.aggregate<{ _id: CampaignItemState; count: number }>([
    { $match: { tenantId, campaignId: id } },
    { $group: { _id: '$state', count: { $sum: 1 } } },
  ]);
  for (const { _id, count } of await answered(counted.toArray())) counts[_id] = count;
  return counts;
}

/** One trip: the item as it is after the change; null when it is in another state by now. */
export async function changeItem(
  db: Db,
  { _id, tenantId, state }: Pick<CampaignItem, '_id' | 'tenantId' | 'state'>,
  changes: Partial<Omit<CampaignItem, '_id'>>,
): Promise<CampaignItem | null> {
  return answered(
    db.campaignItems.findOneAndUpdate({ _id, tenantId, state }, { $set: changes }, { returnDocument: 'after' }),
  );
}

/**
 * Two trips: the link an account is asked by. Given once: whoever comes second, or again after a crash, gets the first one's.
 */
export async function giveLink(
  db: Db,
  { _id, tenantId }: Pick<CampaignItem, '_id' | 'tenantId'>,
  link: Pick<CampaignItem, 'consentId' | 'link'>,
): Promise<CampaignItem | null> {
  await answered(db.campaignItems.updateOne({ _id, tenantId, state: 'planned', consentId: null }, { $set: link }));
  return answered(db.campaignItems.findOne({ _id, tenantId, state: 'planned' }));
}

/** Why an item was skipped, or has failed: its account is gone for good. */
export const ERASED = 'erased';

/**
 * Two trips, one where no campaign had the account; may be repeated. What campaigns say of an account up to that seq is who
 * it was no more, and those that had not come to an end ask nobody: an account of that id that comes later counts on from
 * that seq, and is another one.
 */
export async function forgetAccount(
  db: Db,
  { tenantId, accountId, seq, erasedAt: at }: Pick<StoredReceipt, 'tenantId' | 'accountId' | 'seq' | 'erasedAt'>,
): Promise<void> {
  const its = db.campaignItems.find({ tenantId, accountId, name: { $ne: null } }).hint({ tenantId: 1, accountId: 1 });
  const ids = (await answered(its.toArray())).flatMap((item) => ((item.seq ?? 0) <= seq ? item._id : []));
  if (ids.length === 0) return;
  const blank = { name: null, accountNumber: null, externalId: null, link: null, linkExpiresAt: null };
  const of = { _id: { $in: ids }, tenantId };
  const ended = (state: CampaignItemState, as: CampaignItemState) => ({
    updateMany: { filter: { ...of, state }, update: { $set: { ...blank, state: as, reason: ERASED, at } } },
  });
  // In this order: what is planned may be waited for meanwhile, and what is waited for is never planned again.
  await answered(
    db.campaignItems.bulkWrite([
      ended('planned', 'skipped'),
      ended('waiting', 'failed'),
      { updateMany: { filter: of, update: { $set: blank } } },
    ]),
  );
}

/** Why an item has failed, or is waited for again: its account was migrated, and went back to its key. */
export const RESTORED = 'access-key-restored';

/**
 * Four trips, one where no campaign migrated the account: it is waited for again, and looked at by then. The campaign is
 * woken before its items are changed, for it may have finished, and after, for a step may have looked between.
 */
export async function awaitAgain(
  db: Db,
  { tenantId, accountId }: Pick<CampaignItem, 'tenantId' | 'accountId'>,
  lookAt: number,
): Promise<CampaignItem[]> {
  // Without those of an erased account of that id.
  const its = { tenantId, accountId, state: 'migrated' as const, name: { $ne: null } };
  const found = db.campaignItems.find(its).hint({ tenantId: 1, accountId: 1 });
  const items = await answered(found.toArray());
  if (items.length === 0) return [];
  const campaignIds = items.map(({ campaignId }) => campaignId);
  const woken = { $min: { wakeAt: lookAt }, $inc: { rev: 1 } };
  await answered(db.campaigns.updateMany({ _id: { $in: campaignIds }, tenantId }, woken));
  const ids = items.map(({ _id }) => _id);
  const waiting = { $set: { state: 'waiting' as const, reason: RESTORED, linkExpiresAt: null } };
  await answered(db.campaignItems.updateMany({ _id: { $in: ids }, tenantId, state: 'migrated' }, waiting));
  await answered(db.campaigns.updateMany({ _id: { $in: campaignIds }, tenantId }, woken));
  return items;
}

/** One trip; none without items. A step of their campaign may have found them migrated once more meanwhile. */
export async function endRestored(db: Db, items: CampaignItem[], at: number): Promise<void> {
  const [first] = items;
  if (first === undefined) return;
  const { tenantId } = first;
  const ids = items.map(({ _id }) => _id);
  const ended = { $set: { state: 'failed' as const, reason: RESTORED, at } };
  const filter = { _id: { $in: ids }, tenantId, state: { $in: ['waiting' as const, 'migrated' as const] } };
  await answered(db.campaignItems.updateMany(filter, ended));
}

/** One trip: the accounts of one tenant's items that are on their way by the links they were given, and nothing new of them. */
export async function stillAwaited(db: Db, tenantId: string, items: CampaignItem[]): Promise<Set<string>> {
  const ids = items.map(({ accountId }) => accountId);
  const consents = items.flatMap(({ consentId }) => consentId ?? []);
  const open = { $elemMatch: { consentId: { $in: consents }, outcome: null } };
  const filter = { _id: { $in: ids }, tenantId, 'view.state': 'migrating', 'data.links': open };
  const found = db.accounts.find(filter, { projection: { _id: 1 } }).hint({ _id: 1 });
  return new Set((await firstOf(found, ids.length)).map(({ _id }) => _id));
}
