/** What lists and counts are read by. A single account is `Store.load(id, tenantId)`. */

import type { mongo } from 'mongoose';
import { lifeStates, type AccountView, type LifeState } from '../machines/definition';
import { documentFrom, foldCase, isErased, TERM_LENGTH, type AccountDocument } from './accounts';
import type { Db } from './connection';
import { answered } from './errors';
import { firstOf, pageOf, type Page } from './page';
import type { StoredAccount } from './schemas';

export interface AccountList {
  /** null: every tenant's, for admins. */
  tenantId: string | null;
  state?: AccountView['state'] | undefined;
  scheme?: AccountView['scheme'] | undefined;
  reason?: AccountView['reason'] | undefined;
  externalId?: string | undefined;
  /** The beginning of a name or an account number, whatever its case. */
  text?: string | undefined;
  limit: number;
  /** The last id of the page before. */
  cursor?: string | undefined;
}

const BY_VIEW = ['state', 'scheme', 'reason', 'externalId'] as const;

function filterOf(list: AccountList): mongo.Filter<StoredAccount> {
  const filter: Record<string, unknown> = {};
  if (list.tenantId !== null) filter['tenantId'] = list.tenantId;
  for (const field of BY_VIEW) if (list[field] !== undefined) filter[`view.${field}`] = list[field];
  if (list.text !== undefined && list.text !== '') {
    const chars = [...foldCase(list.text)];
    filter['terms'] = chars.slice(0, TERM_LENGTH).join('');
    if (chars.length > TERM_LENGTH) filter['view.name'] = beginsWith(list.text);
  }
  if (list.cursor !== undefined) filter['_id'] = { $gt: list.cursor };
  return filter;
}

export interface AccessKeyFilters extends Pick<AccountList, 'tenantId' | 'state' | 'reason' | 'text'> {
  /** Whether a reminder is set. */
  postponed?: boolean | undefined;
  /** Whether the last try to migrate came to nothing: one that worked has an outcome too, and no reason. */
  failed?: boolean | undefined;
  /** Whose key ends before this instant. */
  deadlineBefore?: number | undefined;
  /** These, and no others are looked at. */
  ids?: string[] | undefined;
}

/** Over the accounts of one scheme, which the index finds: what is asked of them besides is looked at in each. */
function keyFilterOf({
  postponed,
  failed,
  deadlineBefore,
  ids,
  ...rest
}: AccessKeyFilters & Partial<Pick<AccountList, 'cursor'>>) {
  const filter = filterOf({ ...rest, scheme: 'access-key', limit: 0 });
  const isThere = (is: boolean) => (is ? { $ne: null } : null);
  return {
    ...filter,
    ...(postponed !== undefined && { 'snapshot.context.accessKey.remindAt': isThere(postponed) }),
    ...(failed !== undefined && { 'snapshot.context.lastAuthorization.reason': isThere(failed) }),
    ...(deadlineBefore !== undefined && { 'data.accessKey.deadlineAt': { $lt: deadlineBefore } }),
    ...(ids && { _id: { $in: ids, ...(rest.cursor !== undefined && { $gt: rest.cursor }) } }),
  };
}

const byIdOrScheme = ({ tenantId, ids }: AccessKeyFilters): mongo.IndexSpecification =>
  ids ? { _id: 1 } : tenantId === null ? { 'view.scheme': 1, _id: 1 } : { tenantId: 1, 'view.scheme': 1, _id: 1 };

/** Accounts still on a key of the XML era: one trip, in order of id. */
export const listAccessKeys = (
  db: Db,
  { limit, ...filters }: AccessKeyFilters & Pick<AccountList, 'limit' | 'cursor'>,
): Promise<Page<AccountDocument>> =>
  pageOf(db.accounts.find(keyFilterOf(filters)).sort({ _id: 1 }).hint(byIdOrScheme(filters)), limit, (stored) =>
    documentFrom(stored),
  );

/** One trip, over every account on a key that the filters leave: for a page people look at. */
export async function countAccessKeys(db: Db, filters: AccessKeyFilters): Promise<Record<string, number>> {
  const counted = db.accounts.aggregate<{ _id: string; count: number }>([
    { $match: keyFilterOf(filters) },
    { $group: { _id: '$view.state', count: { $sum: 1 } } },
  ]);
  return Object.fromEntries((await answered(counted.toArray())).map(({ _id, count }) => [_id, count]));
}

/** A longer text can only be a name's: numbers have six characters. */
const beginsWith = (text: string) => ({ $regex: `^${text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}`, $options: 'i' });

/** One trip, in order of id, each as it is stored. An erased account leaves its page one shorter. */
export async function listStored(db: Db, list: AccountList): Promise<Page<StoredAccount>> {
  const { items, nextCursor } = await pageOf(
    db.accounts.find(filterOf(list)).sort({ _id: 1 }),
    list.limit,
    (stored) => stored,
  );
  return { items: items.filter((stored) => !isErased(stored)), nextCursor };
}

/** One trip, as `listStored`. */
export async function listAccounts(db: Db, list: AccountList): Promise<Page<AccountDocument>> {
  const { items, nextCursor } = await listStored(db, list);
  return { items: items.map((stored) => documentFrom(stored)), nextCursor };
}

/** One trip, in no order: those of the ids that are there, of any tenant. */
export async function findAccounts(db: Db, ids: string[]): Promise<AccountDocument[]> {
  const found = await firstOf(db.accounts.find({ _id: { $in: ids } }), ids.length);
  return found.filter((stored) => !isErased(stored)).map((stored) => documentFrom(stored));
}

/** One trip: which of the ids are there, in that tenant or in any. Nothing of the accounts is read that could be damaged. */
export async function findIds(db: Db, ids: string[], tenantId: string | null): Promise<Set<string>> {
  const those = { _id: { $in: ids }, ...(tenantId !== null && { tenantId }) };
  const found = await firstOf(db.accounts.find(those, { projection: { erasedAt: 1 } }), ids.length);
  return new Set(found.filter((stored) => !isErased(stored)).map(({ _id }) => _id));
}

/** One trip, from the index alone. It costs one key per account: for a page people look at, not for every request. */
export async function countByState(db: Db, tenantId: string | null): Promise<Record<LifeState, number>> {
  const known = { 'view.state': { $in: [...lifeStates] } };
  const counted = db.accounts.aggregate<{ _id: LifeState; count: number }>([
    { $match: tenantId === null ? known : { tenantId, ...known } },
    { $group: { _id: '$view.state', count: { $sum: 1 } } },
  ]);
  const counts = Object.fromEntries(lifeStates.map((state) => [state, 0])) as Record<LifeState, number>;
  for (const { _id, count } of await answered(counted.toArray())) counts[_id] = count;
  return counts;
}
