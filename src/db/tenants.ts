/** Tenants: who the accounts belong to. */

import type { Db } from './connection';
import { answered, isDuplicate } from './errors';
import { pageOf, type Page } from './page';
import type { StoredTenant } from './schemas';

export interface Tenant extends Omit<StoredTenant, '_id' | 'deadlineMovedAt' | 'deadlineDueAt'> {
  id: string;
}

export type TenantChanges = Partial<Omit<Tenant, 'id' | 'createdAt'>>;

/** When UPS stops taking the access keys of a tenant: its own instant wins over the installation's. */
export const deadlineOf = ({ accessKeyDeadline }: Pick<Tenant, 'accessKeyDeadline'>, defaultAt: number): number =>
  accessKeyDeadline ?? defaultAt;

const storedFrom = ({ id, ...rest }: Tenant): StoredTenant => ({ _id: id, ...rest });
const tenantFrom = ({ _id, deadlineMovedAt: _m, deadlineDueAt: _d, ...rest }: StoredTenant): Tenant => ({
  id: _id,
  ...rest,
});

/** One trip. `taken`: there is a tenant of that id. */
export async function createTenant(db: Db, tenant: Tenant): Promise<'done' | 'taken'> {
  try {
    await answered(db.tenants.insertOne(storedFrom(tenant)));
    return 'done';
  } catch (error) {
    if (isDuplicate(error)) return 'taken';
    throw error;
  }
}

/** One trip. A tenant that is there stays as it is, whatever was changed since. */
export async function ensureTenant(db: Db, tenant: Tenant): Promise<void> {
  const { id, ...rest } = tenant;
  await answered(db.tenants.updateOne({ _id: id }, { $setOnInsert: rest }, { upsert: true })).catch(unlessThere);
}

/** Two processes that seed at once: one of them finds the other's. */
export function unlessThere(error: unknown): void {
  if (!isDuplicate(error)) throw error;
}

/** One trip. */
export async function getTenant(db: Db, id: string): Promise<Tenant | null> {
  const stored = await answered(db.tenants.findOne({ _id: id }));
  return stored && tenantFrom(stored);
}

/** One trip: as it is after the change; null when there is none. Of another deadline its accounts are told (deadlines.ts). */
export async function updateTenant(db: Db, id: string, changes: TenantChanges, now: number): Promise<Tenant | null> {
  if (Object.keys(changes).length === 0) return getTenant(db, id);
  const moved = changes.accessKeyDeadline === undefined ? {} : { deadlineMovedAt: now, deadlineDueAt: now };
  const stored = await answered(
    db.tenants.findOneAndUpdate({ _id: id }, { $set: { ...changes, ...moved } }, { returnDocument: 'after' }),
  );
  return stored && tenantFrom(stored);
}

/** One trip, in order of id. */
export async function listTenants(
  db: Db,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<Page<Tenant>> {
  const after = cursor === undefined ? {} : { _id: { $gt: cursor } };
  return pageOf(db.tenants.find(after).sort({ _id: 1 }), limit, tenantFrom);
}
