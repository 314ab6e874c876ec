/** API keys: who may make which is decided by `mayMake`; a key is shown once. */

import type { ApiKey } from '../../db/apiKeys';
import { namesOfActors } from '../../db/keyNames';
import { KEYS_MAX, TooManyKeys } from '../../db/keyPlaces';
import { getTenant } from '../../db/tenants';
import { instant, instantOrNull } from '../present';
import { Refusal } from '../problems';
import { actorOf, assertMayMake, belongsToTenant, rolesMadeBy, type Caller } from '../roles';
import type { CreateKey } from '../schemas/admin';
import type { ApiKeyJson } from '../schemas/answers';
import type { Services } from '../services';
import { action } from './action';

const PAGE = 50;

export const presentKey = (key: ApiKey, names: ReadonlyMap<string, string> = new Map()): ApiKeyJson => ({
  id: key.id,
  tenantId: key.tenantId,
  role: key.role,
  name: key.name,
  createdAt: instant(key.createdAt),
  createdBy: key.createdBy,
  createdByName: names.get(key.createdBy ?? '') ?? null,
  expiresAt: instantOrNull(key.expiresAt),
  lastUsedAt: instantOrNull(key.lastUsedOn),
});

const wrongTenant = (detail: string): Refusal => new Refusal('invalid-input', detail, { field: 'tenantId' });

/** Whose key it becomes: an admin names the tenant, everybody else makes keys of the own one. */
async function tenantFor({ db }: Services, caller: Caller, { role, tenantId }: CreateKey): Promise<string | null> {
  if (caller.role !== 'admin') {
    if (tenantId !== undefined) throw wrongTenant('tenantId is for admins: the key belongs to your own tenant.');
    return caller.tenantId;
  }
  const named = tenantId ?? caller.tenantId;
  if (!belongsToTenant(role)) {
    if (named !== null) throw wrongTenant(`A key of role ${role} belongs to no tenant: leave tenantId away.`);
    return null;
  }
  if (named === null) throw wrongTenant('tenantId is missing: name the tenant the key is for.');
  if (caller.tenantId !== null && caller.tenantId !== named)
    throw wrongTenant('tenantId is named twice, and not the same.');
  if ((await getTenant(db, named)) === null) throw wrongTenant('There is no tenant of this id.');
  return named;
}

/** Null: it never expires. */
function readExpiry(expiresAt: string | null | undefined, now: number): number | null {
  if (expiresAt === null || expiresAt === undefined) return null;
  const at = Date.parse(expiresAt);
  if (at > now) return at;
  throw new Refusal('invalid-input', 'expiresAt has passed already: choose an instant in the future.', {
    field: 'expiresAt',
  });
}

const tooMany = (tenantId: string | null): Refusal =>
  new Refusal(
    'too-many-keys',
    `There are ${KEYS_MAX} API keys of ${tenantId === null ? 'the installation' : `tenant ${tenantId}`} already.`,
    { wayOut: 'Delete keys that have expired or are not used any more.' },
  );

export const createKey = action(
  'api-keys',
  async (services, caller: Caller, input: CreateKey): Promise<ApiKeyJson & { key: string }> => {
    assertMayMake(caller, input.role);
    const { apiKeys, db, clock } = services;
    const tenantId = await tenantFor(services, caller, input);
    const expiresAt = readExpiry(input.expiresAt, clock.now());
    const createdBy = actorOf(caller);
    // Before the key is made: a read that failed afterwards would lose it unseen.
    const names = await namesOfActors(db, [createdBy], tenantId);
    try {
      const made = await apiKeys.create({ tenantId, role: input.role, name: input.name, createdBy, expiresAt });
      return { ...presentKey(made, names), key: made.key };
    } catch (error) {
      throw error instanceof TooManyKeys ? tooMany(tenantId) : error;
    }
  },
);

export const listKeys = action(
  'api-keys',
  async (
    { apiKeys, db },
    { tenantId }: Caller,
    { limit = PAGE, cursor }: { limit?: number | undefined; cursor?: string | undefined },
  ) => {
    const { items, nextCursor } = await apiKeys.list({ tenantId, limit, cursor });
    const makers = items.flatMap(({ createdBy }) => createdBy ?? []);
    const names = await namesOfActors(db, makers, tenantId);
    return { items: items.map((key) => presentKey(key, names)), nextCursor };
  },
);

/** One's own key too. A key of a role that the caller could not make stays: deleting it would stop what stands above the caller. */
export const deleteKey = action('api-keys', async (services, caller: Caller, { id }: { id: string }): Promise<void> => {
  const { apiKeys } = services;
  const { tenantId, role } = caller;
  if (await apiKeys.remove({ tenantId, id, roles: rolesMadeBy(role), by: actorOf(caller) })) return;
  const found = await apiKeys.peek({ tenantId, id });
  if (found) assertMayMake(caller, found.role);
  throw new Refusal('not-found', 'There is no such API key.');
});
