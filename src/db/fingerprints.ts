/**
 * Fingerprint keys of encryption keys that are being retired. An import is recognised by a fingerprint that only the ring
 * key of its time can make, and the access key itself may be destroyed since, so that it cannot be made anew. What is kept
 * is derived from the ring key and opens nothing.
 */

import type { Db } from './connection';
import { answered, insertedOrThere } from './errors';
import type { StoredFingerprintKey } from './schemas';
import type { FingerprintKey, Sealed, Vault } from './vault';

const belongingOf = (id: string) => ({
  ...{ tenantId: '(all)', accountId: '(none)', field: 'fingerprint-key' },
  grantId: id,
  generation: 0,
});

export const sealedIn = ({ _id, sealed }: StoredFingerprintKey): Sealed => ({ sealed, belonging: belongingOf(_id) });

/** One trip. As many as encryption keys were ever retired. */
export const listFingerprintKeys = (db: Db): Promise<StoredFingerprintKey[]> =>
  answered(db.fingerprintKeys.find({}).sort({ _id: 1 }).toArray());

/** One trip. Throws VaultKeyMissing or SealBroken. */
export async function keptFingerprintKeys(db: Db, vault: Pick<Vault, 'open'>): Promise<FingerprintKey[]> {
  return (await listFingerprintKeys(db)).map(({ _id, sealed }) => ({
    id: _id,
    key: Buffer.from(vault.open(sealed, belongingOf(_id)), 'base64'),
  }));
}

/** Two trips at most; safe to repeat, and in several processes at once. Keeps those of all keys but the one that seals. */
export async function keepFingerprintKeys(db: Db, vault: Vault): Promise<void> {
  const there = new Set((await listFingerprintKeys(db)).map(({ _id }) => _id));
  const missing = vault.fingerprintKeys.slice(1).filter(({ id }) => !there.has(id));
  if (missing.length === 0) return;
  const stored = missing.map(({ id, key }) => ({
    _id: id,
    sealed: vault.seal(key.toString('base64'), belongingOf(id)),
  }));
  await insertedOrThere(db.fingerprintKeys.insertMany(stored, { ordered: false }));
}

/** One trip: false when somebody else replaced it first. */
export async function replaceFingerprintKey(db: Db, { _id, sealed }: StoredFingerprintKey, next: string) {
  const { matchedCount } = await answered(db.fingerprintKeys.updateOne({ _id, sealed }, { $set: { sealed: next } }));
  return matchedCount === 1;
}

/** For an import: recognises what was imported under retired keys too. One trip; throws as `keptFingerprintKeys`. */
export async function fingerprintsOf(db: Db, vault: Vault): Promise<Pick<Vault, 'fingerprints'>> {
  const kept = await keptFingerprintKeys(db, vault);
  return { fingerprints: (secret, tenantId) => vault.fingerprints(secret, tenantId, kept) };
}
