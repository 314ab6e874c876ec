import type { Page } from '../../src/db/page';
import type { ApiKeyJson, RowJson } from '../../src/api/schemas/answers';
import { inLanes } from '../../src/lanes';
import { KEYS_MAX } from '../../src/db/keyPlaces';
import { roles } from '../../src/api/roles';
import { createTenant } from '../../src/db/tenants';
import { newAccount, openTestApi, type TestApi } from './testApi';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi('api-keys');
});
afterAll(() => api.release());

type Made = ApiKeyJson & { key: string; code: string; field: string; detail: string };

const make = (key: string, body: object, query = '') => api.call<Made>('POST', `/api-keys${query}`, { key, body });
const remove = (key: string, id: string, query = '') => api.call('DELETE', `/api-keys/${id}${query}`, { key });
const list = async (key: string, query = '') =>
  (await api.call<Page<ApiKeyJson>>('GET', `/api-keys?limit=200${query}`, { key })).body.items;
const eventsOf = async (id: string) => (await api.services.db.apiKeys.findOne({ _id: id }))?.outbox;

const tenant = (id: string) => ({
  ...{ id, name: id, returnOrigins: [], refreshPolicy: 'eager' as const, accessKeyDeadline: null, createdAt: 0 },
});

describe('making a key', () => {
  it('gives an operator no way to a token: platform keys are made by admins, and their tenant is told', async () => {
    const refused = await make(api.keys.operator, { role: 'platform' });
    expect([refused.status, refused.body.code, refused.body.field]).toEqual([403, 'forbidden', 'role']);
    const made = await make(api.keys.admin, { role: 'platform', name: 'Checkout' }, '?tenantId=acme');
    expect(made.status).toBe(201);
    expect(await eventsOf(made.body.id)).toEqual([
      {
        ...{ id: `${made.body.id}:created`, type: 'api-key.created', at: Date.parse(made.body.createdAt) },
        data: {
          ...{ keyId: made.body.id, role: 'platform', name: 'Checkout', expiresAt: null },
          createdBy: made.body.createdBy,
        },
      },
    ]);
    expect(JSON.stringify(await api.services.db.apiKeys.find().toArray())).not.toContain(made.body.key);
  });

  it('is refused by role before the rest of the input is looked at', async () => {
    expect((await make(api.keys.operator, { role: 'admin', nonsense: 1 })).status).toBe(403);
    expect((await make(api.keys.operator, { role: 'nonsense' })).status).toBe(400);
  });

  it('answers name, maker, end and no use; the list shows the day of the last one', async () => {
    const expiresAt = new Date(api.clock.now() + 86_400_000).toISOString();
    const made = await make(api.keys.operator, { role: 'reader', name: '  Dashboard ', expiresAt });
    const { key, ...shown } = made.body;
    expect(shown).toMatchObject({
      ...{ tenantId: 'acme', role: 'reader', name: 'Dashboard', expiresAt, lastUsedAt: null },
      ...{ createdBy: expect.stringMatching(/^key:key_/) as string, createdByName: 'The operator key' },
    });
    expect((await api.call('GET', '/accounts', { key })).status).toBe(200);
    const today = `${new Date(api.clock.now()).toISOString().slice(0, 10)}T00:00:00.000Z`;
    await api.until(async () => {
      const found = (await list(api.keys.operator)).find(({ id }) => id === shown.id);
      return found?.lastUsedAt === today;
    });
  });

  it.each([
    [{ role: 'reader', name: ' ' }, 'name'],
    [{ role: 'reader', name: 'x'.repeat(101) }, 'name'],
    [{ role: 'reader', name: 'a\u202Eb' }, 'name'],
    [{ role: 'reader', expiresAt: 'tomorrow' }, 'expiresAt'],
    [{ role: 'reader', expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    [{ role: 'reader', expiresAt: '2026-13-01T00:00:00Z' }, 'expiresAt'],
    [{ role: 'reader', tenantId: 'other' }, 'tenantId'],
    [{ role: 'reader', owner: 'x' }, 'owner'],
  ])('refuses %j by the field', async (body, field) => {
    const { status, body: problem } = await make(api.keys.operator, body);
    expect([status, problem.code, problem.field]).toEqual([400, 'invalid-input', field]);
  });

  it('asks an admin for the tenant, and takes none for keys of the installation', async () => {
    const { admin } = api.keys;
    expect((await make(admin, { role: 'platform' })).body.field).toBe('tenantId');
    expect((await make(admin, { role: 'platform', tenantId: 'nobody' })).body.field).toBe('tenantId');
    expect((await make(admin, { role: 'platform' }, '?tenantId=other')).body.tenantId).toBe('other');
    for (const role of ['admin', 'metrics']) {
      expect((await make(admin, { role, tenantId: 'acme' })).body.field).toBe('tenantId');
      expect((await make(admin, { role })).body.tenantId).toBeNull();
    }
  });

  it('stops at a hundred a tenant, and goes on when one is deleted', async () => {
    await createTenant(api.services.db, tenant('full'));
    const { admin } = api.keys;
    // One key may have no more requests under way.
    const tries = await inLanes(Array.from({ length: KEYS_MAX + 5 }), 10, () =>
      make(admin, { role: 'reader', tenantId: 'full' }),
    );
    const refused = tries.filter(({ status }) => status === 409);
    expect(refused.map(({ body }) => body.code)).toEqual(Array.from({ length: 5 }, () => 'too-many-keys'));
    const ids = (await list(admin, '&tenantId=full')).map(({ id }) => id);
    expect(ids).toHaveLength(KEYS_MAX);
    expect((await remove(admin, ids[0] ?? '', '?tenantId=full')).status).toBe(204);
    expect((await make(admin, { role: 'reader', tenantId: 'full' })).status).toBe(201);
    expect((await make(admin, { role: 'reader', tenantId: 'full' })).status).toBe(409);
  });
});

it('refuses an expired key and says so, on every way in', async () => {
  const expiresAt = new Date(api.clock.now() + 60_000).toISOString();
  const { body } = await make(api.keys.admin, { role: 'admin', expiresAt });
  const bearer = { authorization: `Bearer ${body.key}` };
  expect((await api.call('GET', '/accounts', { key: body.key })).status).toBe(200);
  api.pass(60_000);
  for (const path of ['/v1/accounts', '/v1/nowhere', '/v1/tenants', '/metrics', '/admin/queues']) {
    const answer = await api.send<Made>('GET', path, { headers: bearer });
    expect([path, answer.status, answer.body.code]).toEqual([path, 401, 'unauthorized']);
    expect(answer.body.detail).toContain('has expired');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  }
});

describe('deleting a key', () => {
  it('is for whoever may make one like it', async () => {
    const ids = Object.fromEntries(
      await Promise.all(
        roles.map(async (role) => {
          const about = role === 'admin' || role === 'metrics' ? { role } : { role, tenantId: 'acme' };
          return [role, (await make(api.keys.admin, about)).body.id] as const;
        }),
      ),
    );
    const by = async (key: string, role: string) => (await remove(key, ids[role] ?? '')).status;
    const { operator, platform, reader, metrics, admin } = api.keys;
    for (const key of [platform, reader, metrics])
      for (const role of roles) expect([role, await by(key, role)]).toEqual([role, 403]);
    expect(await by(operator, 'platform')).toBe(403);
    // They belong to the installation, so that a tenant finds none.
    expect([await by(operator, 'admin'), await by(operator, 'metrics')]).toEqual([404, 404]);
    expect([await by(operator, 'operator'), await by(operator, 'reader')]).toEqual([204, 204]);
    for (const role of ['platform', 'admin', 'metrics']) expect(await by(admin, role)).toBe(204);
  });

  it('is refused across tenants, and works on one\u2019s own key, which is refused at once', async () => {
    const theirs = (await make(api.keys.admin, { role: 'reader', tenantId: 'other' })).body;
    expect((await remove(api.keys.operator, theirs.id)).status).toBe(404);
    expect((await remove(api.keys.admin, theirs.id, '?tenantId=acme')).status).toBe(404);
    expect((await remove(api.keys.admin, theirs.id)).status).toBe(204);
    const own = (await make(api.keys.operator, { role: 'operator' })).body;
    expect((await list(own.key)).map(({ id }) => id)).toContain(own.id);
    expect((await remove(own.key, own.id)).status).toBe(204);
    expect((await api.call('GET', '/accounts', { key: own.key })).status).toBe(401);
    expect((await remove(api.keys.operator, own.id)).status).toBe(404);
    expect((await list(api.keys.operator)).map(({ id }) => id)).not.toContain(own.id);
  });
});

it('names in history who acted, also after the key is deleted, and no key of another tenant', async () => {
  const made = (await make(api.keys.admin, { role: 'platform', name: 'Shop 7', tenantId: 'acme' })).body;
  const { id } = await api.create({}, made.key);
  await api.call('PUT', `/accounts/${id}/used-by/store/s1`, { key: api.keys.operator });
  await api.call('PUT', `/accounts/${id}/used-by/store/s2?tenantId=acme`, { key: api.keys.admin });
  expect((await remove(api.keys.admin, made.id)).status).toBe(204);
  const { body } = await api.call<Page<RowJson>>('GET', `/accounts/${id}/history`, { key: api.keys.reader });
  expect(body.items.map(({ actor, actorName }) => [actor.startsWith('key:key_'), actorName])).toEqual([
    [true, 'Shop 7'],
    [true, 'The operator key'],
    [true, 'The admin key'],
  ]);
  expect(body.items[0]?.actor).toBe(`key:${made.id}`);
  // A name is looked up within the tenant: an actor that another tenant's key stands for would stay without one.
  await api.services.db.apiKeys.updateOne({ _id: made.id }, { $set: { tenantId: 'other' } });
  const after = await api.call<Page<RowJson>>('GET', `/accounts/${id}/history`);
  expect(after.body.items[0]?.actorName).toBeNull();
});

it('lists a tenant\u2019s own keys only, without hashes, and for an admin those of all', async () => {
  await api.call('POST', '/accounts', { body: newAccount() });
  const own = await list(api.keys.operator);
  expect(new Set(own.map(({ tenantId }) => tenantId))).toEqual(new Set(['acme']));
  expect(Object.keys(own[0] ?? {}).sort()).toEqual(
    ['createdAt', 'createdBy', 'createdByName', 'expiresAt', 'id', 'lastUsedAt', 'name', 'role', 'tenantId'].sort(),
  );
  const others = await list(api.keys.admin, '&tenantId=other');
  expect(new Set(others.map(({ tenantId }) => tenantId))).toEqual(new Set(['other']));
});
