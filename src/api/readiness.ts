/** Whether a process may take requests: the store answers, and the key ring opens what accounts hold. Redis is not needed. */

import type { Db } from '../db/connection';
import { assertOpens, sampleSealed } from '../db/sealed';
import { VaultKeyMissing, type Vault } from '../db/vault';
import { StoreUnavailable } from '../durable/errors';
import { systemClock } from '../ups';

/** A ring without the right key is seen by a few accounts: keys are changed for all of them. */
const SAMPLED = 5;

/** Probes come without a key: they cost the store no more than this, however many there are. */
const FRESH_MS = 1_000;

/** For `Services.isReady`: what is missing as a sentence, or null. At most five trips a second. */
export function makeReadiness(
  db: Db,
  vault: Pick<Vault, 'open'>,
  clock: { monotonic(): number } = systemClock,
): () => Promise<string | null> {
  let last: { answer: Promise<string | null>; until: number } | null = null;
  return () => {
    if (last === null || last.until <= clock.monotonic()) {
      const asked = { answer: look(db, vault), until: Infinity };
      const forget = (): void => void (asked.until = clock.monotonic() + FRESH_MS);
      asked.answer.then(forget, forget);
      last = asked;
    }
    return last.answer;
  };
}

async function look(db: Db, vault: Pick<Vault, 'open'>): Promise<string | null> {
  try {
    await db.ping();
    assertOpens(vault, await sampleSealed(db, SAMPLED));
    return null;
  } catch (error) {
    if (error instanceof StoreUnavailable) return 'MongoDB does not answer.';
    if (error instanceof VaultKeyMissing) return 'ENCRYPTION_KEYS lacks a key that accounts were sealed with.';
    throw error;
  }
}
