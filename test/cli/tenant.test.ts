import { makeApiKeys } from '../../src/db/apiKeys';
import type { Db } from '../../src/db/connection';
import { getTenant } from '../../src/db/tenants';
import { connectDb } from '../../src/db/connection';
import { silent } from '../db/opened';
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
  const found = await makeApiKeys(db, clock).findByKey(key);
  expect(found).toMatchObject({ tenantId: null, role: 'admin' });
  expect(shown).toEqual({ ...found, createdAt: new Date(found?.createdAt ?? 0).toISOString() });
});

it('makes no key for a tenant that is not there', async () => {
  const made = await upslink(['api-key', 'create', '--tenant', 'initech', '--role', 'reader'], env);
  expect(made).toMatchObject({ code: 1, stdout: '' });
  expect(made.stderr).toContain('There is no tenant initech');
  expect((await makeApiKeys(db, clock).list({ tenantId: 'initech', limit: 10 })).items).toEqual([]);
});
