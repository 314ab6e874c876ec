import type { Config } from '../../src/config';
import { demoTenant, seedTenant } from '../../src/dev/demo';
import { openDemoStore } from '../../src/dev/demo-store';
import { makeApiKeys } from '../../src/db/apiKeys';
import { connectDb } from '../../src/db/connection';
import { systemClock } from '../../src/ups';
import { silent } from '../db/testDb';
import { testDatabase } from '../support/servers';

it('names the keys of the demo tenant, keeps them over a restart, and replaces one that was deleted', async () => {
  const { url } = await testDatabase('demo-store');
  const config = { mongodbUrl: url, publicUrl: 'http://localhost:4400' } as Config;
  const store = await openDemoStore(config);
  const db = await connectDb(url, { log: silent });
  try {
    const tenant = demoTenant(config, Date.now());
    const first = await seedTenant(store, tenant, {});
    expect(await seedTenant(store, tenant, first)).toEqual(first);
    const apiKeys = makeApiKeys(db, systemClock);
    const stored = await apiKeys.list({ tenantId: null, limit: 10 });
    expect(stored.items).toHaveLength(4);
    expect(stored.items.map(({ name, createdBy }) => [name, createdBy])).toEqual(
      expect.arrayContaining(['platform', 'operator', 'reader', 'admin'].map((role) => [`Demo ${role}`, 'setup'])),
    );
    const found = await apiKeys.findByKey(first.reader);
    const id = found === null || found === 'expired' ? '' : found.id;
    await apiKeys.remove({ tenantId: 'demo', id, by: 'cli' });
    const again = await seedTenant(store, tenant, first);
    expect({ ...again, reader: first.reader }).toEqual(first);
    expect(again.reader).not.toBe(first.reader);
    expect(await apiKeys.findByKey(again.reader)).toMatchObject({ name: 'Demo reader', role: 'reader' });
  } finally {
    await store.close();
    await db.close();
  }
});
