/** Whether the key ring opens what is stored: the fault that a forgotten key makes, found before a worker meets it. */

import type { EncryptionKey } from '../../config';
import type { AccountDocument } from '../../db/accounts';
import type { Db } from '../../db/connection';
import { listAccounts } from '../../db/queries';
import { makeVault, SealBroken, VaultKeyMissing, type Belonging } from '../../db/vault';
import { fail, ok, type Check } from './check';

const SAMPLE = 50;

interface SealedSample {
  sealed: string;
  belonging: Belonging;
}

function samplesOf({ id, tenantId, data }: AccountDocument): SealedSample[] {
  return [data.current, data.candidate].flatMap((slot) => {
    if (slot === null) return [];
    const { grantId, generation } = slot;
    const of = (field: 'access' | 'refresh') => ({
      sealed: slot[field],
      belonging: { tenantId, accountId: id, field, grantId, generation },
    });
    return [of('access'), of('refresh')];
  });
}

/** One trip, on the index over states. */
export async function checkKeys(db: Db, ring: readonly EncryptionKey[]): Promise<Check> {
  const name = 'encryption keys';
  const vault = makeVault(ring);
  const { items } = await listAccounts(db, { tenantId: null, state: 'connected', limit: SAMPLE });
  const samples = items.flatMap(samplesOf);
  try {
    // What is opened is dropped at once: only that it opens is of interest.
    for (const { sealed, belonging } of samples) vault.open(sealed, belonging);
  } catch (error) {
    if (error instanceof VaultKeyMissing)
      return fail(name, 'a stored token needs a key the ring lacks', `${error.message.split('. ')[0]}. ${ADD}`);
    if (error instanceof SealBroken)
      return fail(name, 'a stored token does not open although its key id is known', CHANGED);
    throw error;
  }
  const [first] = ring;
  if (samples.length === 0) return ok(name, `${ring.length} in the ring; nothing is sealed yet that they could open`);
  return ok(name, `open ${samples.length} stored samples; '${first?.id ?? ''}' seals`);
}

const ADD = 'Put it back into ENCRYPTION_KEYS, after the one that seals.';
const CHANGED =
  'The bytes of a key in ENCRYPTION_KEYS have changed: put the old ones back. A new key needs a new id, in front.';
