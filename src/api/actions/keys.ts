/** API keys: made for a role up to one's own, shown once. */

import type { ApiKey } from '../../db/apiKeys';
import { getTenant } from '../../db/tenants';
import { instant } from '../present';
import { Refusal } from '../problems';
import { isUpTo, type Caller } from '../roles';
import type { CreateKey } from '../schemas/admin';
import type { ApiKeyJson } from '../schemas/answers';
import type { Services } from '../services';
import { action } from './action';

const PAGE = 50;

const presentKey = ({ id, tenantId, role, createdAt }: ApiKey): ApiKeyJson => ({
  id,
  tenantId,
  role,
  createdAt: instant(createdAt),
});

const wrongTenant = (detail: string): Refusal => new Refusal('invalid-input', detail, { field: 'tenantId' });

/** Whose key it becomes: of an admin's making the tenant it names, else one's own. */
async function tenantFor({ db }: Services, caller: Caller, { role, tenantId }: CreateKey): Promise<string | null> {
  if (caller.role !== 'admin') {
    if (tenantId !== undefined) throw wrongTenant('tenantId is for admins: the key belongs to your own tenant.');
    return caller.tenantId;
  }
  const named = tenantId ?? caller.tenantId;
  if (role === 'admin') {
    if (named !== null) throw wrongTenant('A key of role admin belongs to no tenant: leave tenantId away.');
    return null;
  }
  if (named === null) throw wrongTenant('tenantId is missing: whose key is it?');
  if (caller.tenantId !== null && caller.tenantId !== named)
    throw wrongTenant('tenantId is named twice, and not the same.');
  if ((await getTenant(db, named)) === null) throw wrongTenant('There is no tenant of this id.');
  return named;
}

export const createKey = action(
  'api-keys',
  async (services, caller: Caller, input: CreateKey): Promise<ApiKeyJson & { key: string }> => {
    if (!isUpTo(input.role, caller.role))
      throw new Refusal('forbidden', `A key of role ${caller.role} makes keys up to its own role.`, { field: 'role' });
    const tenantId = await tenantFor(services, caller, input);
    const made = await services.apiKeys.create({ tenantId, role: input.role });
    return { ...presentKey(made), key: made.key };
  },
);

export const listKeys = action(
  'api-keys',
  async (
    { apiKeys },
    { tenantId }: Caller,
    { limit = PAGE, cursor }: { limit?: number | undefined; cursor?: string | undefined },
  ) => {
    const { items, nextCursor } = await apiKeys.list({ tenantId, limit, cursor });
    return { items: items.map(presentKey), nextCursor };
  },
);

export const deleteKey = action(
  'api-keys',
  async ({ apiKeys }, { tenantId }: Caller, { id }: { id: string }): Promise<void> => {
    if (!(await apiKeys.remove({ tenantId, id }))) throw new Refusal('not-found', 'There is no such API key.');
  },
);
