import type { Role } from '../../src/db/apiKeys';
import { newAccount, openHouse, type House } from './house';

let house: House;
let id: string;
beforeAll(async () => {
  house = await openHouse('api-roles');
  id = (await house.create()).id;
});
afterAll(() => house.release());

const roles: Role[] = ['platform', 'operator', 'reader', 'admin'];
const P = 'platform';
const O = 'operator';
const R = 'reader';
const A = 'admin';

/** Method, path, who may, body. Whoever may gets anything but 401 and 403. */
const table: [string, string, Role[], object?][] = [
  ['POST', '/accounts', [P, O, A], {}],
  ['GET', '/accounts', [P, O, R, A]],
  ['GET', '/accounts/:id', [P, O, R, A]],
  ['PATCH', '/accounts/:id', [P, O, A], { owner: 'store' }],
  ['PUT', '/accounts/:id/used-by/store/s', [P, O, A]],
  ['DELETE', '/accounts/:id/used-by/store/s', [P, O, A]],
  ['POST', '/accounts/:id/events', [P, O, A], { type: 'REFRESH' }],
  ['POST', '/accounts/:id/events?dryRun=1', [P, O, A], { type: 'DEACTIVATE' }],
  ['POST', '/accounts/:id/events', [O, A], { type: 'DISCONNECT', note: 'x' }],
  ['POST', '/accounts/:id/authorization', [P, O, A], {}],
  ['GET', '/accounts/:id/token', [P]],
  ['GET', '/accounts/:id/access-key', [P]],
  ['GET', '/accounts/:id/history', [P, O, R, A]],
  ['GET', '/accounts/:id/explain', [P, O, R, A]],
  ['GET', '/lifecycle', [P, O, R, A]],
  ['POST', '/tenants', [A], {}],
  ['GET', '/tenants', [A]],
  ['PATCH', '/tenants/acme', [A], {}],
  ['POST', '/api-keys', [O, A], {}],
  ['GET', '/api-keys', [O, A]],
  ['DELETE', '/api-keys/key_none', [O, A]],
];

const at = (path: string, role: Role) => {
  const to = path.replace(':id', id);
  const needsTenant = role === 'admin' && !to.startsWith('/tenants');
  return needsTenant ? `${to}${to.includes('?') ? '&' : '?'}tenantId=acme` : to;
};

describe('the table of roles', () => {
  it.each(table.map(([method, path, allowed, body]) => ({ method, path, allowed, body })))(
    '$method $path is for $allowed',
    async ({ method, path, allowed, body }) => {
      for (const role of roles) {
        const { status } = await house.call(method, at(path, role), { key: house.keys[role], body });
        if (allowed.includes(role)) expect([role, [401, 403].includes(status)]).toEqual([role, false]);
        else expect([role, status]).toEqual([role, 403]);
      }
      for (const key of [null, 'upl_p_no-such-key']) {
        const answer = await house.call(method, at(path, P), { key, body });
        expect([answer.status, answer.body.code]).toEqual([401, 'unauthorized']);
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      }
    },
  );

  it('lets an admin look over all tenants, but asks whose account one is', async () => {
    const key = house.keys.admin;
    await house.call('POST', '/accounts', { key: house.keys.other, body: newAccount() });
    const all = await house.call<{ items: { tenantId: string }[] }>('GET', '/accounts', { key });
    expect(new Set(all.body.items.map(({ tenantId }) => tenantId))).toEqual(new Set(['acme', 'other']));
    const one = await house.call<{ items: { tenantId: string }[] }>('GET', '/accounts?tenantId=other', { key });
    expect(new Set(one.body.items.map(({ tenantId }) => tenantId))).toEqual(new Set(['other']));
    const unnamed = await house.call('GET', `/accounts/${id}`, { key });
    expect([unnamed.status, unnamed.body.code, unnamed.body.field]).toEqual([400, 'invalid-input', 'tenantId']);
    expect((await house.call('GET', `/accounts/${id}?tenantId=other`, { key })).status).toBe(404);
    expect((await house.call('GET', `/accounts/${id}?tenantId=nobody`, { key })).status).toBe(404);
    const own = await house.call('GET', `/accounts/${id}?tenantId=acme`);
    expect([own.status, own.body.field]).toEqual([400, 'tenantId']);
  });

  it('looks at the key first, then role, tenant, input, state', async () => {
    const bad = { type: 'NONSENSE' };
    const call = (key: string | null, path: string, body: unknown = bad) => house.call('POST', path, { key, body });
    const foreign = (
      await house.call<{ id: string }>('POST', '/accounts', { key: house.keys.other, body: newAccount() })
    ).body.id;
    expect((await call(null, `/accounts/${foreign}/events`)).status).toBe(401);
    expect((await call(house.keys.reader, `/accounts/${foreign}/events`)).status).toBe(403);
    expect((await call(house.keys.platform, `/accounts/${foreign}/events`)).status).toBe(404);
    expect((await call(house.keys.platform, `/accounts/${foreign}/events`, '{')).status).toBe(404);
    expect((await call(house.keys.platform, `/accounts/${foreign}/events`, { type: 'DISCONNECT' })).status).toBe(403);
    expect((await call(house.keys.platform, `/accounts/${id}/events`)).status).toBe(422);
    expect((await call(house.keys.platform, `/accounts/${id}/events`, { type: 'REFRESH' })).status).toBe(409);
    expect((await house.call('PATCH', `/accounts/${foreign}`, { body: { name: 'x' } })).status).toBe(404);
    expect((await house.call('PATCH', `/accounts/${foreign}`, { body: { owner: 'store' } })).status).toBe(404);
    expect((await house.call('PUT', `/accounts/${foreign}/used-by/shop/x`)).status).toBe(404);
    expect((await house.call('GET', `/accounts/${foreign}/history?after=x`)).status).toBe(404);
    const abroad = { returnTo: 'https://evil.example' };
    expect((await house.call('POST', `/accounts/${foreign}/authorization`, { body: abroad })).status).toBe(404);
  });
});

describe("another tenant's account", () => {
  it('is told of word for word like one that never was, on every route', async () => {
    const foreign = (
      await house.call<{ id: string }>('POST', '/accounts', { key: house.keys.other, body: newAccount() })
    ).body.id;
    const never = `acc_${'a'.repeat(26)}`;
    const aboutOne = table.filter(([, path, allowed]) => path.includes('/accounts/:id') && allowed.length > 0);
    for (const [method, path, allowed, body] of aboutOne) {
      const key = house.keys[allowed.includes(P) ? P : O];
      const told = await Promise.all(
        [foreign, never, 'nonsense'].map(async (one) => {
          const headers = { 'if-match': '"1"' };
          const answer = await house.call(method, path.replace(':id', one), { key, body, headers });
          const { requestId, ...rest } = answer.body;
          expect(requestId).toBe(answer.headers.get('x-request-id'));
          return { status: answer.status, rest };
        }),
      );
      expect([method, path, told[0]?.status]).toEqual([method, path, 404]);
      expect(told[1]).toEqual(told[0]);
      expect(told[2]).toEqual(told[0]);
    }
  });
});

describe('api keys', () => {
  const make = (key: string, body: object, query = '') =>
    house.call<{ id: string; key: string; code: string; field: string }>('POST', `/api-keys${query}`, { key, body });

  it("are made up to one's own role, shown once, and die when deleted", async () => {
    const made = await make(house.keys.operator, { role: 'operator' });
    expect([made.status, made.body]).toMatchObject([
      201,
      { tenantId: 'acme', role: 'operator', key: expect.any(String) as string },
    ]);
    expect((await make(house.keys.operator, { role: 'admin' })).status).toBe(403);
    expect((await make(house.keys.operator, { role: 'reader', tenantId: 'other' })).body.field).toBe('tenantId');
    const { key } = made.body;
    const listed = await house.call<{ items: object[] }>('GET', '/api-keys', { key });
    expect(JSON.stringify(listed.body)).not.toContain(key);
    expect(JSON.stringify(listed.body)).not.toContain('"other"');
    expect((await house.call('DELETE', `/api-keys/${made.body.id}`, { key })).status).toBe(204);
    expect((await house.call('GET', '/accounts', { key })).status).toBe(401);
    expect((await house.call('DELETE', `/api-keys/${made.body.id}`, { key: house.keys.operator })).status).toBe(404);
  });

  it('of another tenant cannot be deleted or seen; an admin names whose they are', async () => {
    const theirs = await make(house.keys.admin, { role: 'platform', tenantId: 'other' });
    expect(theirs.status).toBe(201);
    expect((await house.call('DELETE', `/api-keys/${theirs.body.id}`, { key: house.keys.operator })).status).toBe(404);
    expect((await make(house.keys.admin, { role: 'platform' })).body.field).toBe('tenantId');
    expect((await make(house.keys.admin, { role: 'platform', tenantId: 'nobody' })).body.field).toBe('tenantId');
    expect((await make(house.keys.admin, { role: 'platform' }, '?tenantId=other')).status).toBe(201);
    expect((await make(house.keys.admin, { role: 'admin', tenantId: 'acme' })).body.field).toBe('tenantId');
    expect((await make(house.keys.admin, { role: 'admin' })).status).toBe(201);
    expect((await house.call('DELETE', `/api-keys/${theirs.body.id}`, { key: house.keys.admin })).status).toBe(204);
  });
});

describe('tenants', () => {
  it('are made, listed and changed by admins', async () => {
    const key = house.keys.admin;
    const body = { id: 'third', name: 'Third', returnOrigins: ['https://third.example'] };
    const made = await house.call('POST', '/tenants', { key, body });
    expect([made.status, made.body]).toMatchObject([
      201,
      {
        id: 'third',
        name: 'Third',
        returnOrigins: ['https://third.example'],
        refreshPolicy: 'eager',
        accessKeyDeadline: null,
      },
    ]);
    expect((await house.call('POST', '/tenants', { key, body })).body).toMatchObject({
      status: 409,
      code: 'tenant-taken',
    });
    const changes = { refreshPolicy: 'lazy', accessKeyDeadline: '2027-01-01T01:00:00+01:00' };
    const changed = await house.call('PATCH', '/tenants/third', { key, body: changes });
    expect(changed.body).toMatchObject({ refreshPolicy: 'lazy', accessKeyDeadline: '2027-01-01T00:00:00.000Z' });
    expect((await house.call('PATCH', '/tenants/none', { key, body: changes })).status).toBe(404);
    const first = await house.call<{ items: object[]; nextCursor: string }>('GET', '/tenants?limit=2', { key });
    expect(first.body.items).toHaveLength(2);
    const rest = await house.call<{ items: { id: string }[] }>('GET', `/tenants?cursor=${first.body.nextCursor}`, {
      key,
    });
    expect(rest.body.items.map(({ id }) => id)).toEqual(['third']);
  });
});
