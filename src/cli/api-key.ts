/**
 * `upslink api-key`: create, list and delete keys. A new key is on stdout, alone on its line, once and never again.
 * A person who can run a command owns the installation: it makes keys of every role, and `createdBy` is `cli`.
 */

import { presentKey } from '../api/actions/keys';
import { belongsToTenant } from '../api/roles';
import { createKeySchema } from '../api/schemas/admin';
import type { ApiKeyJson } from '../api/schemas/answers';
import { keyListSchema } from '../api/schemas/inputs';
import { makeApiKeys, type NewKey, type Role } from '../db/apiKeys';
import { namesOfActors } from '../db/keyNames';
import { KEYS_MAX, TooManyKeys } from '../db/keyPlaces';
import type { Environment } from './environment';
import { CliError, UsageError } from './failure';
import { parseOptions } from './input';
import type { Output } from './output';
import { assertTenant, withDb } from './store';
import { table } from './table';

export interface ApiKeyOptions {
  tenant?: string;
  role: Role;
  name?: string;
  expiresAt?: string;
}

export interface ApiKeyListOptions {
  tenant?: string;
  limit: string;
  cursor?: string;
}

const clock = { now: Date.now, monotonic: () => performance.now() };

function newKey({ tenant, role, name, expiresAt }: ApiKeyOptions): NewKey {
  if (!belongsToTenant(role) && tenant !== undefined)
    throw new UsageError(`A key of role ${role} does not belong to a tenant: omit --tenant.`);
  if (belongsToTenant(role) && tenant === undefined)
    throw new UsageError(`A key of role ${role} belongs to a tenant: pass --tenant T.`);
  const input = parseOptions(createKeySchema, { role, name, expiresAt });
  const expires = input.expiresAt ? Date.parse(input.expiresAt) : null;
  if (expires !== null && expires <= clock.now())
    throw new UsageError('--expires-at is in the past: choose an instant in the future.');
  return { tenantId: tenant ?? null, role, name: input.name, createdBy: 'cli', expiresAt: expires };
}

const notTooMany = (error: unknown): never => {
  if (!(error instanceof TooManyKeys)) throw error;
  throw new CliError('too-many-keys', `There are ${KEYS_MAX} keys already: delete keys that are no longer used.`);
};

export async function runApiKeyCreate(env: Environment, out: Output, options: ApiKeyOptions): Promise<void> {
  const about = newKey(options);
  const { key, ...made } = await withDb(env, async (db) => {
    await assertTenant(db, options.tenant);
    // The bound of keys stands on an index, and the service may not have started yet.
    await db.ensureIndexes('apiKeys');
    return makeApiKeys(db, clock).create(about).catch(notTooMany);
  });
  const { id, tenantId, role } = made;
  out.result({ ...presentKey(made), key }, () => key);
  out.remark(
    `${id}, role ${role}${tenantId === null ? '' : `, tenant ${tenantId}`}. Store it now: it cannot be shown again.`,
  );
}

export async function runApiKeyList(env: Environment, out: Output, options: ApiKeyListOptions): Promise<void> {
  const { limit, cursor } = parseOptions(keyListSchema, { limit: options.limit, cursor: options.cursor });
  const tenantId = options.tenant ?? null;
  const page = await withDb(env, async (db) => {
    await assertTenant(db, options.tenant);
    const { items, nextCursor } = await makeApiKeys(db, clock).list({ tenantId, limit: limit ?? 50, cursor });
    const makers = items.flatMap(({ createdBy }) => createdBy ?? []);
    const names = await namesOfActors(db, makers, tenantId);
    return { items: items.map((key) => presentKey(key, names)), nextCursor };
  });
  out.result(page, () => describe(page.items, out.width));
  if (page.nextCursor !== null) out.remark(`More keys: upslink api-key list --cursor ${page.nextCursor}`);
}

export async function runApiKeyDelete(env: Environment, out: Output, id: string): Promise<void> {
  const isGone = await withDb(env, (db) => makeApiKeys(db, clock).remove({ tenantId: null, id, by: 'cli' }));
  if (!isGone)
    throw new CliError('not-found', `There is no API key ${id}: \run \`upslink api-key list\` to see the keys.`);
  out.result({ id }, () => `Deleted ${id}.`);
}

function describe(items: ApiKeyJson[], width: number): string {
  if (items.length === 0) return 'There are no keys.';
  const columns = [
    { head: 'ID' },
    { head: 'TENANT', shrinksTo: 6 },
    { head: 'ROLE' },
    { head: 'NAME', shrinksTo: 12 },
    { head: 'BY', shrinksTo: 5 },
    { head: 'LAST USED' },
    { head: 'EXPIRES' },
  ];
  const cells = items.map((key) => [
    ...[key.id, key.tenantId ?? '-', key.role, key.name ?? '-', key.createdByName ?? key.createdBy ?? '-'],
    key.lastUsedAt?.slice(0, 10) ?? 'never',
    key.expiresAt?.slice(0, 10) ?? 'never',
  ]);
  return table(columns, cells, width);
}
