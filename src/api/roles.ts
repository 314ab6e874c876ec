/** Who may do what: the table of roles, and nothing else decides it. */

import type { ApiKey, Role } from '../db/apiKeys';
import { Refusal } from './problems';

/** A key's owner. For an admin `tenantId` is the tenant the request names, or null. */
export interface Caller {
  keyId: string;
  role: Role;
  tenantId: string | null;
}

/** A caller whose tenant is known. */
export interface TenantCaller extends Caller {
  tenantId: string;
}

export type Permission =
  /** Every look at accounts, but for secrets. */
  | 'read'
  | 'write'
  | 'disconnect'
  | 'token'
  | 'access-key'
  | 'import'
  /** Makes, lists and deletes keys of roles that `mayMake` allows. */
  | 'api-keys'
  /** Tenants, queues and outages. */
  | 'administer'
  | 'metrics';

const granted: Record<Role, readonly Permission[]> = {
  reader: ['read'],
  metrics: ['metrics'],
  platform: ['read', 'write', 'token', 'access-key'],
  operator: ['read', 'write', 'disconnect', 'import', 'api-keys'],
  admin: ['read', 'write', 'disconnect', 'import', 'api-keys', 'administer', 'metrics'],
};

export const roles = ['platform', 'operator', 'reader', 'admin', 'metrics'] as const satisfies readonly Role[];

export const may = (role: Role, permission: Permission): boolean => granted[role].includes(permission);

export const rolesWith = (permission: Permission): Role[] => roles.filter((role) => may(role, permission));

/** Keys of the other roles belong to the installation. */
export const belongsToTenant = (role: Role): boolean => role !== 'admin' && role !== 'metrics';

/**
 * Whether a key of role `maker` may make and delete keys of role `made`: what the made key may do, its maker may do too.
 * The exception is `platform`, whose tokens no role that makes keys may read: admins make those, and the tenant is told.
 */
export const mayMake = (maker: Role, made: Role): boolean =>
  may(maker, 'api-keys') &&
  (made === 'platform' ? may(maker, 'administer') : granted[made].every((permission) => may(maker, permission)));

export const rolesMadeBy = (maker: Role): Role[] => roles.filter((made) => mayMake(maker, made));

export function assertMayMake({ role }: Pick<Caller, 'role'>, made: Role): void {
  if (mayMake(role, made)) return;
  const makers = roles.filter((maker) => mayMake(maker, made)).join(' or ');
  throw new Refusal('forbidden', `A key of role ${role} may not make or delete a key of role ${made}.`, {
    field: 'role',
    wayOut: `Use a key of role ${makers}.`,
  });
}

export function assertMay(caller: Pick<Caller, 'role'>, permission: Permission): void {
  if (may(caller.role, permission)) return;
  const roles = rolesWith(permission).join(' or ');
  throw new Refusal('forbidden', `A key of role ${caller.role} may not do this: use one of role ${roles}.`);
}

/** An admin's key belongs to no tenant: each request names the one it is about. */
export const callerOf = ({ id, role, tenantId }: ApiKey): Caller => ({
  keyId: id,
  role,
  tenantId: belongsToTenant(role) ? tenantId : null,
});

export const actorOf = ({ keyId }: Caller): string => `key:${keyId}`;

export const hasTenant = (caller: Caller): caller is TenantCaller => caller.tenantId !== null;
