/** Whether a process may take requests: the store answers, and the key ring opens what accounts hold. Redis is not needed. */

import type { Db } from '../db/connection';
import { listAccounts } from '../db/queries';
import { VaultKeyMissing, type Vault } from '../db/vault';
import { StoreUnavailable } from '../durable/errors';

/** A ring without the right key is seen by a few accounts: keys are changed for all of them. */
const SAMPLED = 5;

async function openSome(db: Db, vault: Pick<Vault, 'open'>): Promise<void> {
  const { items } = await listAccounts(db, { tenantId: null, state: 'connected', limit: SAMPLED });
  for (const { id, tenantId, data } of items) {
    if (data.current === null) continue;
    const { grantId, generation, access } = data.current;
    vault.open(access, { tenantId, accountId: id, field: 'access', grantId, generation });
  }
}

/** For `Services.isReady`: what is missing as a sentence, or null. Two trips. */
export const makeReadiness = (db: Db, vault: Pick<Vault, 'open'>) => async (): Promise<string | null> => {
  try {
    await db.ping();
    await openSome(db, vault);
    return null;
  } catch (error) {
    if (error instanceof StoreUnavailable) return 'MongoDB does not answer.';
    if (error instanceof VaultKeyMissing) return 'ENCRYPTION_KEYS lacks a key that accounts were sealed with.';
    throw error;
  }
};
