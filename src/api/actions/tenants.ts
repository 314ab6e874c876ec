/** Tenants, by admins. */

import * as db from '../../db/tenants';
import { instant, instantOrNull } from '../present';
import { Refusal } from '../problems';
import type { Caller } from '../roles';
import type { CreateTenant, EditTenant } from '../schemas/admin';
import type { TenantJson } from '../schemas/answers';
import { action } from './action';

const PAGE = 50;

const presentTenant = ({ accessKeyDeadline, createdAt, ...rest }: db.Tenant): TenantJson => ({
  ...rest,
  accessKeyDeadline: instantOrNull(accessKeyDeadline),
  createdAt: instant(createdAt),
});

const instantFrom = (text: string | null | undefined): number | null => (text ? Date.parse(text) : null);

export const createTenant = action(
  'administer',
  async (services, _caller: Caller, { accessKeyDeadline, ...input }: CreateTenant): Promise<TenantJson> => {
    const createdAt = services.clock.now();
    const tenant = { ...input, accessKeyDeadline: instantFrom(accessKeyDeadline), createdAt };
    if ((await db.createTenant(services.db, tenant)) === 'taken')
      throw new Refusal('tenant-taken', 'There is a tenant of this id: choose another.', { field: 'id' });
    return presentTenant(tenant);
  },
);

export const editTenant = action(
  'administer',
  async (services, _caller: Caller, { id, changes }: { id: string; changes: EditTenant }): Promise<TenantJson> => {
    const { accessKeyDeadline, ...rest } = changes;
    const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    const deadline = accessKeyDeadline === undefined ? {} : { accessKeyDeadline: instantFrom(accessKeyDeadline) };
    const tenant = await db.updateTenant(services.db, id, { ...given, ...deadline }, services.clock.now());
    if (!tenant) throw new Refusal('not-found', 'There is no such tenant.');
    return presentTenant(tenant);
  },
);

export const listTenants = action(
  'administer',
  async (
    services,
    _caller: Caller,
    { limit = PAGE, cursor }: { limit?: number | undefined; cursor?: string | undefined },
  ) => {
    const { items, nextCursor } = await db.listTenants(services.db, { limit, cursor });
    return { items: items.map(presentTenant), nextCursor };
  },
);
