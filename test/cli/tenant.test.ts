import { makeApiKeys } from '../../src/db/apiKeys';
import type { Db } from '../../src/db/connection';
import { getTenant } from '../../src/db/tenants';
import { connectDb } from '../../src/db/connection';
import { silent } from '../db/testDb';
import { testDatabase } from '../support/servers';
import { json, upslink } from './upslink';

const clock = { now: Date.now, monotonic: () => performance.now() };

let db: Db;
let env: Record<string, string>;

beforeAll(async () => {
  const { url } = await testDatabase('cli_tenant');
  env = { MONGODB_URL: url };
  db = await connectDb(url, { log: silent });
});
afterAll(() => db.close());

it('creates a tenant as the API would, and no second one of that id', async () => {
  const args = ['tenant', 'create', '--id', 'acme', '--name', ' Acme Inc ', '--refresh-policy', 'lazy', '--json'];
  const origins = ['--return-origin', 'https://shop.example', 'http://localhost:9999'];
  const made = await upslink([...args, ...origins], env);
  expect(made.code).toBe(0);
  const stored = await getTenant(db, 'acme');
  expect(stored).toMatchObject({
    id: 'acme',
    name: 'Acme Inc',
    returnOrigins: ['https://shop.example', 'http://localhost:9999'],
    refreshPolicy: 'lazy',
    accessKeyDeadline: null,
  });
  expect(json(made)).toEqual({ ...stored, createdAt: new Date(stored?.createdAt ?? 0).toISOString() });

  const again = await upslink(args, env);
  expect(again).toMatchObject({ code: 1, stdout: '' });
  expect(again.stderr).toContain('tenant-taken');
  expect((await getTenant(db, 'acme'))?.returnOrigins).toHaveLength(2);
});

it('takes no name with something invisible in it, and one space for any', async () => {
  const args = ['tenant', 'create', '--id', 'hooli', '--name'];
  const refused = await upslink([...args, 'Hoo\u200bli'], env);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('--name holds an invisible');
  expect((await upslink([...args, 'Hooli\u00a0 Inc'], env)).code).toBe(0);
  expect(await getTenant(db, 'hooli')).toMatchObject({ name: 'Hooli Inc' });
});

it('prints a new key alone on its line, and the key works', async () => {
  await upslink(['tenant', 'create', '--id', 'globex', '--name', 'Globex'], env);
  const made = await upslink(['api-key', 'create', '--tenant', 'globex', '--role', 'operator'], env);
  expect(made.code).toBe(0);
  expect(made.stdout).toMatch(/^upl_o_[\w-]{43}\n$/);
  const key = made.stdout.trim();
  expect(made.stderr).not.toContain(key);
  expect(await makeApiKeys(db, clock).findByKey(key)).toMatchObject({ tenantId: 'globex', role: 'operator' });
});

it('makes a key of role admin without a tenant, with --json whole', async () => {
  const made = await upslink(['api-key', 'create', '--role', 'admin', '--json'], env);
  const { key, ...shown } = json(made) as { key: string };
  expect(await makeApiKeys(db, clock).findByKey(key)).toMatchObject({ tenantId: null, role: 'admin' });
  expect(shown).toEqual({
    ...{ id: expect.stringMatching(/^key_/) as string, tenantId: null, role: 'admin', name: null },
    ...{ createdAt: expect.stringMatching(/Z$/) as string, createdBy: 'cli', createdByName: null },
    ...{ expiresAt: null, lastUsedAt: null },
  });
});

it('gives a key a name and an end, lists it, and deletes it', async () => {
  await upslink(['tenant', 'create', '--id', 'hooli', '--name', 'Hooli'], env);
  const about = [
    '--tenant',
    'hooli',
    '--role',
    'platform',
    '--name',
    ' Checkout ',
    '--expires-at',
    '2999-01-01T00:00:00Z',
  ];
  const key = (await upslink(['api-key', 'create', ...about], env)).stdout.trim();
  const { items } = json(await upslink(['api-key', 'list', '--tenant', 'hooli', '--json'], env)) as {
    items: { id: string }[];
  };
  expect(items).toMatchObject([
    { role: 'platform', name: 'Checkout', createdBy: 'cli', expiresAt: '2999-01-01T00:00:00.000Z', lastUsedAt: null },
  ]);
  const shown = await upslink(['api-key', 'list', '--tenant', 'hooli'], env);
  expect(shown.stdout).toContain('Checkout');
  expect(shown.stdout).not.toContain(key);
  const id = items[0]?.id ?? '';
  expect(await upslink(['api-key', 'delete', id], env)).toMatchObject({ code: 0, stdout: `Deleted ${id}.\n` });
  expect(await makeApiKeys(db, clock).findByKey(key)).toBeNull();
  expect((await upslink(['api-key', 'delete', id], env)).stderr).toContain('There is no API key');
});

it('refuses an end that has passed, or is none, and a tenant for a key of role metrics', async () => {
  const create = (...more: string[]) => upslink(['api-key', 'create', ...more], env);
  const past = await create('--tenant', 'globex', '--role', 'reader', '--expires-at', '2020-01-01T00:00:00Z');
  expect([past.code, past.stderr]).toMatchObject([2, expect.stringContaining('--expires-at is in the past')]);
  const vague = await create('--tenant', 'globex', '--role', 'reader', '--expires-at', 'tomorrow');
  expect([vague.code, vague.stderr]).toMatchObject([2, expect.stringContaining('--expires-at')]);
  expect((await create('--tenant', 'globex', '--role', 'metrics')).code).toBe(2);
  expect((await create('--role', 'metrics')).stdout).toMatch(/^upl_m_/);
});

it('makes no key for a tenant that is not there', async () => {
  const made = await upslink(['api-key', 'create', '--tenant', 'initech', '--role', 'reader'], env);
  expect(made).toMatchObject({ code: 1, stdout: '' });
  expect(made.stderr).toContain('There is no tenant initech');
  expect((await makeApiKeys(db, clock).list({ tenantId: 'initech', limit: 10 })).items).toEqual([]);
});
