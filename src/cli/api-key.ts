/** `upslink api-key create`: the key is on stdout, alone on its line, once and never again. */

import { makeApiKeys, type Role } from '../db/apiKeys';
import type { Environment } from './environment';
import { UsageError } from './failure';
import type { Output } from './output';
import { assertTenant, withDb } from './store';

export interface ApiKeyOptions {
  tenant?: string;
  role: Role;
}

const clock = { now: Date.now, monotonic: () => performance.now() };

export async function runApiKeyCreate(env: Environment, out: Output, { tenant, role }: ApiKeyOptions): Promise<void> {
  if (role === 'admin' && tenant !== undefined)
    throw new UsageError('A key of role admin belongs to no tenant: leave out --tenant.');
  if (role !== 'admin' && tenant === undefined)
    throw new UsageError(`A key of role ${role} belongs to a tenant: say --tenant T.`);
  const made = await withDb(env, async (db) => {
    await assertTenant(db, tenant);
    return makeApiKeys(db, clock).create({ tenantId: tenant ?? null, role });
  });
  const { id, tenantId, key, createdAt } = made;
  out.result({ id, tenantId, role, key, createdAt: new Date(createdAt).toISOString() }, () => key);
  out.remark(
    `${id}, role ${role}${tenantId === null ? '' : `, tenant ${tenantId}`}. It cannot be shown again: keep it.`,
  );
}
