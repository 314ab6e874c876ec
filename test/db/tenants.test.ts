import type { Db } from '../../src/db/connection';
import { createTenant, ensureTenant, getTenant, listTenants, updateTenant, type Tenant } from '../../src/db/tenants';
import { AT } from '../durable/samples';
import { openDb } from './testDb';

let db: Db;
const acme: Tenant = {
  id: 'acme',
  name: 'Acme',
  returnOrigins: ['https://shop.example'],
  refreshPolicy: 'eager',
  accessKeyDeadline: null,
  createdAt: AT,
};

beforeAll(async () => {
  db = await openDb('tenants');
});
afterAll(() => db.close());

it('creates a tenant once, changes it and lists it', async () => {
  expect(await createTenant(db, acme)).toBe('done');
  expect(await createTenant(db, { ...acme, name: 'Another' })).toBe('taken');
  expect(await getTenant(db, 'acme')).toEqual(acme);
  expect(await getTenant(db, 'nobody')).toBeNull();

  const changed = await updateTenant(db, 'acme', { refreshPolicy: 'lazy', accessKeyDeadline: AT }, AT);
  expect(changed).toEqual({ ...acme, refreshPolicy: 'lazy', accessKeyDeadline: AT });
  expect(await updateTenant(db, 'acme', {}, AT)).toEqual(changed);
  expect(await updateTenant(db, 'nobody', { name: 'x' }, AT)).toBeNull();
});

it('seeds a tenant without undoing what was changed since', async () => {
  const seeds = Array.from({ length: 4 }, () => ensureTenant(db, { ...acme, id: 'demo' }));
  await Promise.all(seeds);
  await updateTenant(db, 'demo', { name: 'Renamed' }, AT);
  await ensureTenant(db, { ...acme, id: 'demo' });
  expect(await getTenant(db, 'demo')).toMatchObject({ id: 'demo', name: 'Renamed' });
});

it('lists in order of id, a page at a time', async () => {
  const ids = ['t1', 't2', 't3'];
  for (const id of ids) await createTenant(db, { ...acme, id });
  const first = await listTenants(db, { limit: 2, cursor: 't' });
  expect(first).toMatchObject({ items: [{ id: 't1' }, { id: 't2' }], nextCursor: 't2' });
  const rest = await listTenants(db, { limit: 2, cursor: 't2' });
  expect(rest).toMatchObject({ items: [{ id: 't3' }], nextCursor: null });
});
