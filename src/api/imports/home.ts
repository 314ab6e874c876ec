/** What a tenant says of the accounts that come to it: one trip. */

import type { Db } from '../../db/connection';
import { deadlineOf, getTenant } from '../../db/tenants';
import { NotFound } from '../../durable/errors';
import type { Home } from './birth';

export async function homeOf(db: Db, tenantId: string, defaultDeadlineAt: number): Promise<Home> {
  const tenant = await getTenant(db, tenantId);
  if (!tenant) throw new NotFound(`There is no tenant ${tenantId}.`);
  return { tenantId, refreshPolicy: tenant.refreshPolicy, deadlineAt: deadlineOf(tenant, defaultDeadlineAt) };
}
