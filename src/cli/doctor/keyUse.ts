/** How much each encryption key still opens: what tells whether a key can be removed from the ring. */

import type { Config, EncryptionKey } from '../../config';
import type { Db } from '../../db/connection';
import { listFingerprintKeys } from '../../db/fingerprints';
import { countKeyUse } from '../../db/keyUse';
import { keyIdOf, makeVault } from '../../db/vault';
import { makeDiskPlace, makeRedisPlace, type SecondPlace } from '../../workers';
import { EVERY_PROCESS, inOneLine, leftOf, type KeyLeft } from '../keys/use';
import { fail, ok, warn, type Check } from './check';

export interface KeyUseCheck extends Check {
  keys: KeyLeft[];
}

const NAME = 'secrets per key';

const RESEAL = `${EVERY_PROCESS} Then run \`upslink keys reseal\`, and remove a key once its count here is 0.`;
const WAITING = 'Keep the key until the answers from UPS in the spool are stored, then run the doctor again.';
const NOT_KEPT =
  'Run `upslink keys reseal` once before you remove a key: it keeps the fingerprint key that recognises access keys imported under it.';

/** A page of accounts a trip, until all of them were looked at. `isTold`: that the ring lacks a key was said already. */
export async function checkKeyUse(
  db: Db,
  { encryptionKeys: ring, spoolDir, redisUrl }: Pick<Config, 'encryptionKeys' | 'spoolDir' | 'redisUrl'>,
  { looked, isTold }: { looked: (accounts: number) => void; isTold: boolean },
): Promise<KeyUseCheck> {
  const use = await countKeyUse(db, { looked });
  const { byKey, doubtful } = await waitingByKey(spoolDir, redisUrl);
  const keys = leftOf(use, ring, byKey);
  const seen = [inOneLine(keys), ...doubtful.map((name) => `what the spool holds (${name}) is unknown`)].join('; ');
  const older = keys.filter(({ role }) => role === 'opens');
  const missing = keys.filter(({ role, total }) => role === 'missing' && total > 0);
  const isLeft = older.some(({ total, secondPlace }) => total > (secondPlace ?? 0));
  const isWaiting = older.length > 0 && (doubtful.length > 0 || older.some(({ total }) => total > 0));
  if (missing.length > 0) return { ...(isTold ? warn : fail)(NAME, seen, putBack(missing)), keys };
  if (isLeft) return { ...warn(NAME, seen, RESEAL), keys };
  if (isWaiting) return { ...warn(NAME, seen, WAITING), keys };
  if (!(await keepsFingerprints(db, ring))) return { ...warn(NAME, seen, NOT_KEPT), keys };
  return { ...ok(NAME, older.length > 0 ? `${seen}; a key with 0 can be removed` : seen), keys };
}

const putBack = (missing: readonly KeyLeft[]): string =>
  `Put ${missing.map(({ keyId }) => `'${keyId}'`).join(' and ')} back into ENCRYPTION_KEYS, after the one that seals.`;

async function keepsFingerprints(db: Db, ring: readonly EncryptionKey[]): Promise<boolean> {
  const kept = new Set((await listFingerprintKeys(db)).map(({ _id }) => _id));
  return makeVault(ring)
    .fingerprintKeys.slice(1)
    .every(({ id }) => kept.has(id));
}

/** In the shared Redis and on the disk of this process: other processes have folders of their own. */
async function waitingByKey(spoolDir: string, redisUrl: string) {
  const redis = makeRedisPlace({ redisUrl, log: { info: ignore, warn: ignore, error: ignore } });
  const keyIds = new Map<string, string>();
  const doubtful: string[] = [];
  async function look(place: SecondPlace): Promise<void> {
    const found = await place.all().catch(() => null);
    if (found === null || found.unreadable.length > 0) doubtful.push(place.name);
    for (const { eventId, box } of found?.answers ?? []) keyIds.set(eventId, keyIdOf(box) ?? '(unreadable)');
  }
  try {
    await look(makeDiskPlace(spoolDir));
    await look(redis);
  } finally {
    redis.close();
  }
  const byKey = new Map<string, number>();
  for (const keyId of keyIds.values()) byKey.set(keyId, (byKey.get(keyId) ?? 0) + 1);
  return { byKey, doubtful };
}

const ignore = (): void => undefined;
