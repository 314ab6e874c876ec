/** Whether a process may take requests: the store answers, and the key ring opens what accounts hold. Redis is not needed. */

import type { Db } from '../db/connection';
import { assertOpens, sampleSealed } from '../db/sealed';
import { VaultKeyMissing, type Vault } from '../db/vault';
import { StoreUnavailable } from '../durable/errors';

/** A ring without the right key is seen by a few accounts: keys are changed for all of them. */
const SAMPLED = 5;

/** For `Services.isReady`: what is missing as a sentence, or null. Five trips, four of them at once. */
export const makeReadiness = (db: Db, vault: Pick<Vault, 'open'>) => async (): Promise<string | null> => {
  try {
    await db.ping();
    assertOpens(vault, await sampleSealed(db, SAMPLED));
    return null;
  } catch (error) {
    if (error instanceof StoreUnavailable) return 'MongoDB does not answer.';
    if (error instanceof VaultKeyMissing) return 'ENCRYPTION_KEYS lacks a key that accounts were sealed with.';
    throw error;
  }
};
