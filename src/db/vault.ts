/**
 * The vault: secrets sealed with AES-256-GCM under a key of the account's own, derived by HKDF from a ring of keys.
 * A sealed string says which key of the ring it needs; everything it belongs to is authenticated with it, so it opens
 * nowhere else. Sealed: `v1.<key id>.<iv>.<tag>.<ciphertext>`, the last three in base64url.
 */

import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';

export interface RingKey {
  id: string;
  /** 32 bytes. */
  key: Buffer;
}

/** What a secret belongs to. */
export interface Belonging {
  tenantId: string;
  accountId: string;
  field: string;
  grantId: string;
  generation: number;
}

export interface Sealed {
  sealed: string;
  belonging: Belonging;
}

/** Made from a key of the ring, which it does not reveal: it recognises secrets, and opens none. */
export interface FingerprintKey {
  /** Names the ring key and these bytes, so that a key id that is used twice makes two of them. */
  id: string;
  key: Buffer;
}

export interface Vault {
  /** The id of the key that seals. */
  readonly sealsWith: string;
  seal(plaintext: string, belonging: Belonging): string;
  /** Throws VaultKeyMissing or SealBroken. */
  open(sealed: string, belonging: Belonging): string;
  /**
   * Tells one secret from another without telling what it is: 32 hex digits, by a key of the ring, so that nobody without
   * it can try guesses. One per key of the ring, the first key's first, then one per key in `kept`: a secret seen before a
   * rotation is recognised, also after its key left the ring.
   */
  fingerprints(secret: string, tenantId: string, kept?: readonly FingerprintKey[]): [string, ...string[]];
  /** Of every key of the ring, in its order. */
  readonly fingerprintKeys: readonly FingerprintKey[];
}

/** The ring lacks that key: this service is not ready. It says nothing about the account. */
export class VaultKeyMissing extends Error {
  readonly code = 'vault-key-missing';
}

/** Not sealed by us, changed since, or sealed for something else. */
export class SealBroken extends Error {
  readonly code = 'seal-broken';
}

const VERSION = 'v1';
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** About 2 MB; deriving one again takes some 10 µs. */
const DERIVED_KEPT = 10_000;

/** The first key seals, all of them open. Throws for a ring that cannot work. */
export function makeVault(ring: readonly RingKey[]): Vault {
  const [first] = ring;
  if (!first) throw new Error('The key ring is empty: name at least one encryption key.');
  for (const { id, key } of ring) {
    if (!/^[\w-]+$/.test(id)) throw new Error(`Encryption key id '${id}': use letters, digits, '-' and '_'.`);
    if (key.length !== KEY_BYTES) throw new Error(`Encryption key '${id}' has ${key.length} bytes instead of 32.`);
  }
  const keys = new Map(ring.map(({ id, key }) => [id, key]));
  if (keys.size !== ring.length) throw new Error('Two encryption keys have the same id.');
  const derived = new LRUCache<string, Buffer>({ max: DERIVED_KEPT });
  const fingerprintKeys = [fingerprintKeyOf(first), ...ring.slice(1).map(fingerprintKeyOf)] as const;

  function keyFor(keyId: string, { tenantId, accountId, field }: Belonging): Buffer {
    const name = JSON.stringify([keyId, tenantId, accountId]);
    const ringKey = keys.get(keyId);
    if (!ringKey) {
      throw new VaultKeyMissing(
        `'${field}' of account ${accountId} is sealed with encryption key '${keyId}', which is not in the ring. Add it.`,
      );
    }
    const key = derived.get(name) ?? Buffer.from(hkdfSync('sha256', ringKey, 'upslink vault v1', name, KEY_BYTES));
    derived.set(name, key);
    return key;
  }

  return {
    sealsWith: first.id,
    fingerprintKeys,

    fingerprints: (secret, tenantId, kept = []) => {
      const [current, ...older] = fingerprintKeys;
      const retired = kept.filter(({ id }) => !fingerprintKeys.some((one) => one.id === id));
      const of = ({ key }: FingerprintKey) => fingerprintOf(key, secret, tenantId);
      return [of(current), ...[...older, ...retired].map(of)];
    },

    seal(plaintext, belonging) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(CIPHER, keyFor(first.id, belonging), iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(boundTo(first.id, belonging));
      const sealed = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
      return [VERSION, first.id, ...[iv, cipher.getAuthTag(), sealed].map((part) => part.toString('base64url'))].join(
        '.',
      );
    },

    open(sealed, belonging) {
      const { keyId, iv, tag, ciphertext } = partsOf(sealed, belonging);
      const decipher = createDecipheriv(CIPHER, keyFor(keyId, belonging), iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(boundTo(keyId, belonging));
      decipher.setAuthTag(tag);
      try {
        return decipher.update(ciphertext, undefined, 'utf8') + decipher.final('utf8');
      } catch {
        throw broken(belonging);
      }
    },
  };
}

const FINGERPRINT_CHARS = 32;

function fingerprintKeyOf({ id, key }: RingKey): FingerprintKey {
  const own = Buffer.from(hkdfSync('sha256', key, 'upslink fingerprint v1', id, KEY_BYTES));
  const name = createHash('sha256').update(own).digest('hex').slice(0, 16);
  return { id: `${id}:${name}`, key: own };
}

/** Tenants get fingerprints of their own: an equal secret looks different in each. */
function fingerprintOf(key: Buffer, secret: string, tenantId: string): string {
  const own = createHmac('sha256', key)
    .update(JSON.stringify([tenantId]))
    .digest();
  return createHmac('sha256', own).update(secret).digest('hex').slice(0, FINGERPRINT_CHARS);
}

/** The id of the key a sealed string needs; null when it is not in the form of one. */
export function keyIdOf(sealed: string): string | null {
  const [version, keyId, ...encoded] = sealed.split('.');
  return version === VERSION && keyId && encoded.length === 3 ? keyId : null;
}

/** A list, not a joined string: no two belongings may read the same. */
const boundTo = (keyId: string, { tenantId, accountId, field, grantId, generation }: Belonging): Buffer =>
  Buffer.from(JSON.stringify([VERSION, keyId, tenantId, accountId, field, grantId, generation]));

const broken = ({ accountId, field }: Belonging) =>
  new SealBroken(`'${field}' of account ${accountId} does not open: it was changed, or belongs to something else.`);

function partsOf(sealed: string, belonging: Belonging) {
  const [version, keyId = '', ...encoded] = sealed.split('.');
  const [iv, tag, ciphertext] = encoded.map((part) => Buffer.from(part, 'base64url'));
  const whole = iv?.length === IV_BYTES && tag?.length === TAG_BYTES && ciphertext !== undefined;
  if (version !== VERSION || !whole || encoded.length !== 3) throw broken(belonging);
  return { keyId, iv, tag, ciphertext };
}
