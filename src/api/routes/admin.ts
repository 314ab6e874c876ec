import { createKey, deleteKey, listKeys } from '../actions/keys';
import { createTenant, editTenant, listTenants } from '../actions/tenants';
import { assertMayMake, roles, type Caller } from '../roles';
import { route, type Route } from '../route';
import { createKeySchema, createTenantSchema, editTenantSchema } from '../schemas/admin';
import { apiKeySchema, newApiKeySchema, pageOf, tenantSchema } from '../schemas/answers';
import { keyListSchema, noneSchema, tenantListSchema } from '../schemas/inputs';

/** Checks the role of the new key before the rest of the input. */
function assertMakesRole(body: unknown, caller: Caller): void {
  if (body === null || typeof body !== 'object' || !('role' in body)) return;
  const made = roles.find((role) => role === body.role);
  if (made) assertMayMake(caller, made);
}

export const adminRoutes: Route[] = [
  route({
    method: 'post',
    path: '/tenants',
    summary: 'Create a tenant',
    needs: createTenant.needs,
    scope: 'installation',
    query: noneSchema,
    body: createTenantSchema,
    answers: { 201: { description: 'Created.', schema: tenantSchema } },
    problems: ['tenant-taken'],
    handle: async ({ services, caller, body }) => ({ status: 201, body: await createTenant(services, caller, body) }),
  }),
  route({
    method: 'get',
    path: '/tenants',
    summary: 'List tenants, in order of id',
    needs: listTenants.needs,
    scope: 'installation',
    query: tenantListSchema,
    body: null,
    answers: { 200: { description: 'A page.', schema: pageOf(tenantSchema) } },
    handle: async ({ services, caller, query }) => ({ status: 200, body: await listTenants(services, caller, query) }),
  }),
  route({
    method: 'patch',
    path: '/tenants/:id',
    summary: 'Change a tenant',
    needs: editTenant.needs,
    scope: 'installation',
    query: noneSchema,
    body: editTenantSchema,
    answers: { 200: { description: 'The tenant after the change.', schema: tenantSchema } },
    handle: async ({ services, caller, params, body }) => ({
      status: 200,
      body: await editTenant(services, caller, { id: params['id'] ?? '', changes: body }),
    }),
  }),
  route({
    method: 'post',
    path: '/api-keys',
    summary: 'Make an API key: admins of any role, operators of the roles operator and reader',
    needs: createKey.needs,
    scope: 'any',
    query: noneSchema,
    body: createKeySchema,
    answers: { 201: { description: 'The key is shown this once.', schema: newApiKeySchema } },
    problems: ['too-many-keys'],
    before: assertMakesRole,
    handle: async ({ services, caller, body }) => ({ status: 201, body: await createKey(services, caller, body) }),
  }),
  route({
    method: 'get',
    path: '/api-keys',
    summary: 'List API keys, in order of id',
    needs: listKeys.needs,
    scope: 'any',
    query: keyListSchema,
    body: null,
    answers: { 200: { description: 'A page; no key itself.', schema: pageOf(apiKeySchema) } },
    handle: async ({ services, caller, query }) => ({ status: 200, body: await listKeys(services, caller, query) }),
  }),
  route({
    method: 'delete',
    path: '/api-keys/:id',
    summary: 'Delete an API key, of a role that the caller may make',
    needs: deleteKey.needs,
    scope: 'any',
    query: noneSchema,
    body: null,
    answers: { 204: { description: 'Refused from now on; other processes may take it for 2 s more.', schema: null } },
    handle: async ({ services, caller, params }) => {
      await deleteKey(services, caller, { id: params['id'] ?? '' });
      return { status: 204 };
    },
  }),
];
