import fc from 'fast-check';
import { may, mayMake, roles, rolesWith, type Permission } from '../../src/api/roles';
import { allRoutes } from '../../src/api/routes';
import type { Role } from '../../src/db/apiKeys';
import { newAccount, openTestApi, type TestApi } from './testApi';

let api: TestApi;
let id: string;
beforeAll(async () => {
  api = await openTestApi('api-roles');
  id = (await api.create()).id;
});
afterAll(() => api.release());

const P = 'platform';
const O = 'operator';
const R = 'reader';
const A = 'admin';
const M = 'metrics';

/** The table of the contract, a class of routes each. A role that is not named here is refused. */
const classes = {
  /** Every GET but those below. */
  look: [P, O, R, A],
  change: [P, O, A],
  disconnect: [O, A],
  /** A link leads to UPS for whoever opens it. */
  links: [P, O, A],
  token: [P],
  accessKey: [P],
  import: [O, A],
  keys: [O, A],
  installation: [A],
} satisfies Record<string, Role[]>;

/** Every route below /v1, with a body where another than none is needed to tell roles apart. */
const table: [method: string, path: string, kind: keyof typeof classes, body?: object][] = [
  ['POST', '/accounts', 'change', {}],
  ['GET', '/accounts', 'look'],
  ['GET', '/accounts/:id', 'look'],
  ['PATCH', '/accounts/:id', 'change', { owner: 'store' }],
  ['PUT', '/accounts/:id/used-by/:kind/:ref', 'change'],
  ['DELETE', '/accounts/:id/used-by/:kind/:ref', 'change'],
  ['POST', '/accounts/:id/events', 'change', { type: 'REFRESH' }],
  ['POST', '/accounts/:id/events', 'disconnect', { type: 'DISCONNECT', note: 'x' }],
  ['POST', '/accounts/:id/events?dryRun=1', 'change', { type: 'DEACTIVATE' }],
  ['POST', '/accounts/:id/events?dryRun=1', 'disconnect', { type: 'DISCONNECT', note: 'x' }],
  ['POST', '/accounts/:id/resolve', 'change', { action: 'migrate' }],
  ['POST', '/accounts/:id/authorization', 'change', {}],
  ['GET', '/accounts/:id/token', 'token'],
  ['GET', '/accounts/:id/access-key', 'accessKey'],
  ['GET', '/accounts/:id/history', 'look'],
  ['GET', '/accounts/:id/explain', 'look'],
  ['POST', '/accounts/:id/profile-verifications', 'change', {}],
  ['GET', '/accounts/:id/profile-verifications', 'look'],
  ['POST', '/accounts/:id/profile-verifications/:n/outcome', 'change', {}],
  ['POST', '/access-keys/import', 'import'],
  ['GET', '/access-keys', 'look'],
  ['POST', '/campaigns', 'change', {}],
  ['GET', '/campaigns', 'look'],
  ['GET', '/campaigns/:id', 'look'],
  ['GET', '/campaigns/:id/accounts', 'look'],
  ['GET', '/campaigns/:id/links', 'links'],
  ['POST', '/campaigns/:id/start', 'change'],
  ['POST', '/campaigns/:id/pause', 'change'],
  ['POST', '/campaigns/:id/resume', 'change'],
  ['POST', '/campaigns/:id/stop', 'change'],
  ['POST', '/campaigns/:id/undo', 'change'],
  ['GET', '/lifecycle', 'look'],
  ['GET', '/forecast', 'look'],
  ['GET', '/outages', 'installation'],
  ['POST', '/outages/waves/:code/release', 'installation'],
  ['POST', '/outages/waves/:code/apply', 'installation'],
  ['POST', '/tenants', 'installation', {}],
  ['GET', '/tenants', 'installation'],
  ['PATCH', '/tenants/:id', 'installation', {}],
  ['POST', '/api-keys', 'keys', {}],
  ['GET', '/api-keys', 'keys'],
  ['DELETE', '/api-keys/:id', 'keys'],
];

const example: Record<string, string> = { kind: 'store', ref: 's', n: '1', code: '10400' };

const filled = (path: string, account = id): string =>
  path.replace(/:(\w+)/g, (_, name: string) => {
    if (name !== 'id') return example[name] ?? name;
    if (path.startsWith('/accounts')) return account;
    return path.startsWith('/tenants') ? 'acme' : 'none';
  });

const isOfInstallation = (path: string): boolean => /^\/(tenants|outages)/.test(path);

const at = (path: string, role: Role) => {
  const to = filled(path);
  return role === A && !isOfInstallation(path) ? `${to}${to.includes('?') ? '&' : '?'}tenantId=acme` : to;
};

describe('the table of roles', () => {
  it('has every route there is', () => {
    const known = new Set(table.map(([method, path]) => `${method} ${path.replace(/\?.*/, '')}`));
    const served = new Set(allRoutes.map(({ method, path }) => `${method.toUpperCase()} ${path}`));
    expect([...served].filter((one) => !known.has(one))).toEqual([]);
    expect([...known].filter((one) => !served.has(one))).toEqual([]);
  });

  it.each(table.map(([method, path, kind, body]) => ({ method, path, kind, body })))(
    '$method $path: $kind',
    async ({ method, path, kind, body }) => {
      const allowed: Role[] = classes[kind];
      for (const role of roles) {
        const { status } = await api.call(method, at(path, role), { key: api.keys[role], body });
        if (allowed.includes(role)) expect([role, [401, 403].includes(status)]).toEqual([role, false]);
        else expect([role, status]).toEqual([role, 403]);
      }
      for (const key of [null, 'upl_p_no-such-key']) {
        const answer = await api.call(method, at(path, P), { key, body });
        expect([answer.status, answer.body.code]).toEqual([401, 'unauthorized']);
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      }
    },
  );

  it.each([
    ['/metrics', [A, M]],
    ['/admin/queues', [A]],
  ] satisfies [string, Role[]][])('%s is for %p', async (path, allowed) => {
    for (const role of roles) {
      const headers = { authorization: `Bearer ${api.keys[role]}` };
      const { status } = await api.send('GET', path, { headers });
      // The api has no queues, so that the board is not there for those who may see it.
      expect([role, status === 403]).toEqual([role, !(allowed as Role[]).includes(role)]);
    }
  });

  it('takes no tenant from a parameter but from an admin', async () => {
    for (const role of [P, O, R] as const) {
      const answer = await api.call('GET', '/accounts?tenantId=other', { key: api.keys[role] });
      expect([role, answer.status, answer.body.field]).toEqual([role, 400, 'tenantId']);
    }
  });

  it('lets an admin look over all tenants, but asks whose account one is', async () => {
    const key = api.keys.admin;
    await api.call('POST', '/accounts', { key: api.keys.other, body: newAccount() });
    const all = await api.call<{ items: { tenantId: string }[] }>('GET', '/accounts', { key });
    expect(new Set(all.body.items.map(({ tenantId }) => tenantId))).toEqual(new Set(['acme', 'other']));
    const one = await api.call<{ items: { tenantId: string }[] }>('GET', '/accounts?tenantId=other', { key });
    expect(new Set(one.body.items.map(({ tenantId }) => tenantId))).toEqual(new Set(['other']));
    const unnamed = await api.call('GET', `/accounts/${id}`, { key });
    expect([unnamed.status, unnamed.body.code, unnamed.body.field]).toEqual([400, 'invalid-input', 'tenantId']);
    expect((await api.call('GET', `/accounts/${id}?tenantId=other`, { key })).status).toBe(404);
    expect((await api.call('GET', `/accounts/${id}?tenantId=nobody`, { key })).status).toBe(404);
    const own = await api.call('GET', `/accounts/${id}?tenantId=acme`);
    expect([own.status, own.body.field]).toEqual([400, 'tenantId']);
  });

  it('looks at the key first, then role, tenant, input, state', async () => {
    const bad = { type: 'NONSENSE' };
    const call = (key: string | null, path: string, body: unknown = bad) => api.call('POST', path, { key, body });
    const foreign = (await api.call<{ id: string }>('POST', '/accounts', { key: api.keys.other, body: newAccount() }))
      .body.id;
    expect((await call(null, `/accounts/${foreign}/events`)).status).toBe(401);
    expect((await call(api.keys.reader, `/accounts/${foreign}/events`)).status).toBe(403);
    expect((await call(api.keys.platform, `/accounts/${foreign}/events`)).status).toBe(404);
    expect((await call(api.keys.platform, `/accounts/${foreign}/events`, '{')).status).toBe(404);
    expect((await call(api.keys.platform, `/accounts/${foreign}/events`, { type: 'DISCONNECT' })).status).toBe(403);
    expect((await call(api.keys.platform, `/accounts/${id}/events`)).status).toBe(422);
    expect((await call(api.keys.platform, `/accounts/${id}/events`, { type: 'REFRESH' })).status).toBe(409);
    expect((await api.call('PATCH', `/accounts/${foreign}`, { body: { name: 'x' } })).status).toBe(404);
    expect((await api.call('PATCH', `/accounts/${foreign}`, { body: { owner: 'store' } })).status).toBe(404);
    expect((await api.call('PUT', `/accounts/${foreign}/used-by/shop/x`)).status).toBe(404);
    expect((await api.call('GET', `/accounts/${foreign}/history?after=x`)).status).toBe(404);
    const abroad = { returnTo: 'https://evil.example' };
    expect((await api.call('POST', `/accounts/${foreign}/authorization`, { body: abroad })).status).toBe(404);
  });
});

describe("another tenant's account", () => {
  it('is told of word for word like one that never was, on every route', async () => {
    const foreign = (await api.call<{ id: string }>('POST', '/accounts', { key: api.keys.other, body: newAccount() }))
      .body.id;
    const never = `acc_${'a'.repeat(26)}`;
    const aboutOne = table.filter(([, path]) => path.includes('/accounts/:id'));
    for (const [method, path, kind, body] of aboutOne) {
      const allowed: Role[] = classes[kind];
      const key = api.keys[allowed.includes(P) ? P : O];
      const told = await Promise.all(
        [foreign, never, 'nonsense'].map(async (one) => {
          const headers = { 'if-match': '"1"' };
          const answer = await api.call(method, filled(path, one), { key, body, headers });
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

describe('tenants', () => {
  it('are made, listed and changed by admins', async () => {
    const key = api.keys.admin;
    const body = { id: 'third', name: 'Third', returnOrigins: ['https://third.example'] };
    const made = await api.call('POST', '/tenants', { key, body });
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
    expect((await api.call('POST', '/tenants', { key, body })).body).toMatchObject({
      status: 409,
      code: 'tenant-taken',
    });
    const changes = { refreshPolicy: 'lazy', accessKeyDeadline: '2027-01-01T01:00:00+01:00' };
    const changed = await api.call('PATCH', '/tenants/third', { key, body: changes });
    expect(changed.body).toMatchObject({ refreshPolicy: 'lazy', accessKeyDeadline: '2027-01-01T00:00:00.000Z' });
    expect((await api.call('PATCH', '/tenants/none', { key, body: changes })).status).toBe(404);
    const first = await api.call<{ items: object[]; nextCursor: string }>('GET', '/tenants?limit=2', { key });
    expect(first.body.items).toHaveLength(2);
    const rest = await api.call<{ items: { id: string }[] }>('GET', `/tenants?cursor=${first.body.nextCursor}`, {
      key,
    });
    expect(rest.body.items.map(({ id }) => id)).toEqual(['third']);
  });
});

describe('which role makes keys of which', () => {
  /** As the contract lists them. */
  const made: Record<Role, Role[]> = {
    platform: [],
    operator: [O, R],
    reader: [],
    admin: [P, O, R, A, M],
    metrics: [],
  };
  const permissions: Permission[] = [
    ...(['read', 'write', 'disconnect', 'token', 'access-key', 'import', 'api-keys', 'administer', 'metrics'] as const),
  ];

  it('is what the contract lists', () => {
    for (const maker of roles)
      expect([maker, roles.filter((role) => mayMake(maker, role))]).toEqual([maker, made[maker]]);
  });

  it('follows permissions: a made key may nothing that its maker may not, and admins alone make platform keys', () => {
    const anyRole = fc.constantFrom(...roles);
    fc.assert(
      fc.property(anyRole, anyRole, (maker, role) => {
        const isSubset = permissions.every((one) => !may(role, one) || may(maker, one));
        expect(mayMake(maker, role)).toBe(may(maker, 'api-keys') && (role === P ? maker === A : isSubset));
      }),
      { numRuns: 200 },
    );
  });

  it('reaches no permission by a chain of keys that its first key lacks, but by an admin', () => {
    for (const first of roles.filter((role) => role !== A)) {
      const reached = new Set<Role>([first]);
      for (const maker of reached) for (const role of roles) if (mayMake(maker, role)) reached.add(role);
      for (const permission of permissions)
        expect([first, permission, [...reached].some((role) => may(role, permission))]).toEqual([
          ...[first, permission],
          rolesWith(permission).includes(first),
        ]);
    }
  });
});
