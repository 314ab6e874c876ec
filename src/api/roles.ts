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
  | 'api-keys'
  /** Tenants, queues and metrics. */
  | 'administer';

const granted: Record<Role, readonly Permission[]> = {
  reader: ['read'],
  platform: ['read', 'write', 'token', 'access-key'],
  operator: ['read', 'write', 'disconnect', 'import', 'api-keys'],
  admin: ['read', 'write', 'disconnect', 'import', 'api-keys', 'administer'],
};

/** From the least to the most: a key is made for a role up to one's own. */
const ranks: readonly Role[] = ['reader', 'platform', 'operator', 'admin'];

export const may = (role: Role, permission: Permission): boolean => granted[role].includes(permission);

export const rolesWith = (permission: Permission): Role[] => ranks.filter((role) => may(role, permission));

export const isUpTo = (role: Role, own: Role): boolean => ranks.indexOf(role) <= ranks.indexOf(own);

export function assertMay(caller: Pick<Caller, 'role'>, permission: Permission): void {
  if (may(caller.role, permission)) return;
  const roles = rolesWith(permission).join(' or ');
  throw new Refusal('forbidden', `A key of role ${caller.role} may not do this: use one of role ${roles}.`);
}

/** An admin's key belongs to no tenant: each request names the one it is about. */
export const callerOf = ({ id, role, tenantId }: ApiKey): Caller => ({
  keyId: id,
  role,
  tenantId: role === 'admin' ? null : tenantId,
});

export const actorOf = ({ keyId }: Caller): string => `key:${keyId}`;

export const hasTenant = (caller: Caller): caller is TenantCaller => caller.tenantId !== null;
