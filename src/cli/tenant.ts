/** `upslink tenant create`: what a new platform needs first. */

import { createTenantSchema } from '../api/schemas/admin';
import { createTenant, type Tenant } from '../db/tenants';
import type { RefreshPolicy } from '../machines/data';
import type { Environment } from './environment';
import { CliError } from './failure';
import { parseOptions } from './input';
import type { Output } from './output';
import { withDb } from './store';
import { fields } from './table';

export interface TenantOptions {
  id: string;
  name: string;
  returnOrigin?: string[];
  refreshPolicy: RefreshPolicy;
}

export async function runTenantCreate(env: Environment, out: Output, options: TenantOptions): Promise<void> {
  const tenant = tenantFrom(options, Date.now());
  const done = await withDb(env, (db) => createTenant(db, tenant));
  if (done === 'taken') throw new CliError('tenant-taken', `Tenant ${tenant.id} exists already: choose another id.`);
  const shown = { ...tenant, createdAt: new Date(tenant.createdAt).toISOString() };
  out.result(shown, () => describe(tenant, out.width));
  out.remark(`Next: upslink api-key create --tenant ${tenant.id} --role platform`);
}

function tenantFrom({ id, name, returnOrigin = [], refreshPolicy }: TenantOptions, createdAt: number): Tenant {
  const input = parseOptions(createTenantSchema, { id, name, returnOrigins: returnOrigin, refreshPolicy });
  return { ...input, accessKeyDeadline: null, createdAt };
}

function describe({ id, name, returnOrigins, refreshPolicy }: Tenant, width: number): string {
  return fields(
    [
      ['id', id],
      ['name', name],
      ['return origins', returnOrigins.join(' ') || 'none: merchants end on a page of this service'],
      ['refresh policy', refreshPolicy],
    ],
    width,
  );
}
