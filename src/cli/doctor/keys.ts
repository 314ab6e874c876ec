/** Whether the key ring opens what is stored: the fault that a forgotten key makes, found before a worker meets it. */

import type { EncryptionKey } from '../../config';
import type { Db } from '../../db/connection';
import { assertOpens, sampleSealed } from '../../db/sealed';
import { makeVault, SealBroken, VaultKeyMissing } from '../../db/vault';
import { fail, ok, type Check } from './check';

const SAMPLE = 50;

/** Four trips, on the indexes over states and schemes. */
export async function checkKeys(db: Db, ring: readonly EncryptionKey[]): Promise<Check> {
  const name = 'encryption keys';
  const samples = await sampleSealed(db, SAMPLE);
  try {
    assertOpens(makeVault(ring), samples);
  } catch (error) {
    if (error instanceof VaultKeyMissing)
      return fail(name, 'a stored secret needs a key that the ring lacks', `${error.message.split('. ')[0]}. ${ADD}`);
    if (error instanceof SealBroken)
      return fail(name, 'a stored secret does not open although its key id is known', CHANGED);
    throw error;
  }
  const [first] = ring;
  if (samples.length === 0) return ok(name, `${ring.length} in the ring; nothing is sealed yet that they could open`);
  return ok(name, `open ${samples.length} stored samples; '${first?.id ?? ''}' seals`);
}

const ADD = 'Put it back into ENCRYPTION_KEYS, after the one that seals.';
const CHANGED =
  'The bytes of a key in ENCRYPTION_KEYS have changed: put the old ones back. A new key needs a new id, in front.';
