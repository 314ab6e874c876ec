import { makeApiKeys } from '../db/apiKeys';
import { connectDb } from '../db/connection';
import { ensureTenant, getTenant, updateTenant } from '../db/tenants';
import { systemClock } from '../ups';
import type { OpenDemoStore } from './demo';

const silent = { info: () => undefined, warn: () => undefined };

/** The service's own store, as seeding needs it. */
export const openDemoStore: OpenDemoStore = async (config) => {
  const db = await connectDb(config.mongodbUrl, { log: silent, database: config.mongodbDatabase });
  await db.ensureIndexes();
  const keys = makeApiKeys(db, systemClock);
  return {
    async ensureTenant({ accessKeyDeadlineAt, ...tenant }) {
      const deadline = { accessKeyDeadline: accessKeyDeadlineAt };
      await ensureTenant(db, {
        ...tenant,
        ...deadline,
        returnOrigins: [...tenant.returnOrigins],
        createdAt: Date.now(),
      });
      await keepOrigins(tenant.id, tenant.returnOrigins);
    },
    async ensureApiKey(tenantId, role, kept) {
      const about = { tenantId: role === 'admin' ? null : tenantId, role, name: `Demo ${role}`, createdBy: 'setup' };
      if (kept !== undefined && (await keys.ensure({ ...about, key: kept }))) return kept;
      return (await keys.create(about)).key;
    },
    close: () => db.close(),
  };

  /** Started on another port, the tenant must still be allowed to come back to it. */
  async function keepOrigins(id: string, wanted: readonly string[]): Promise<void> {
    const known = (await getTenant(db, id))?.returnOrigins ?? [];
    const returnOrigins = [...new Set([...known, ...wanted])];
    if (returnOrigins.length > known.length) await updateTenant(db, id, { returnOrigins }, Date.now());
  }
};
