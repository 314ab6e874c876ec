/**
 * One sealed thing after another, moved to the key that seals. Each is opened under what it is bound to and sealed under
 * the very same; what does not open stays as it is and is named.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from '../../db/connection';
import { listFingerprintKeys, replaceFingerprintKey, sealedIn } from '../../db/fingerprints';
import { loadStored } from '../../db/kinds';
import { findItem, replaceBoxes, replaceLink } from '../../db/reseal';
import { boxesOf, linkBelonging, sealedStringsOf, type Box } from '../../db/sealed';
import type { StoredAccount } from '../../db/schemas';
import { keyIdOf, SealBroken, VaultKeyMissing, type Sealed, type Vault } from '../../db/vault';
import { StoreUnavailable } from '../../durable/errors';
import { MACHINE_VERSION } from '../../machines/account';

/** What stays on an older key, and why. It holds no secret. */
export interface Stuck {
  /** Of an account, a campaign's item, or a fingerprint key. */
  id: string;
  message: string;
}

export interface Moved {
  /** How many secrets. */
  moved: number;
  stuck: Stuck[];
}

/** A refresh every few seconds is the most that an account sees: losing so many races in a row means something else. */
const TRIES = 8;
const PAUSE_MS = 20;

const BUSY = 'another process changed it at every attempt: run the command again.';
const UNKNOWN =
  'a newer version of upslink sealed a value that this version does not know: run the command of that version.';

type Resealed = { sealed: string } | { message: string } | null;

/** Null: it is on that key already. */
function reseal(vault: Vault, { sealed, belonging }: Sealed): Resealed {
  if (keyIdOf(sealed) === vault.sealsWith) return null;
  try {
    return { sealed: vault.seal(vault.open(sealed, belonging), belonging) };
  } catch (error) {
    if (error instanceof VaultKeyMissing || error instanceof SealBroken) return { message: error.message };
    throw error;
  }
}

/** `tryOnce` resolves with null when somebody else wrote first: then it looks again, as after a store that was away. */
async function untilWritten(id: string, tryOnce: () => Promise<Moved | null>): Promise<Moved> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const done = await tryOnce().catch((error: unknown) => {
      if (error instanceof StoreUnavailable && tries < TRIES) return null;
      throw error;
    });
    if (done !== null) return done;
    await delay(Math.random() * PAUSE_MS * 2 ** tries);
  }
  return { moved: 0, stuck: [{ id, message: BUSY }] };
}

function holdsMore(stored: StoredAccount, boxes: Box[], vault: Vault): boolean {
  if (stored.version <= MACHINE_VERSION) return false;
  const known = new Set(boxes.map(({ sealed }) => sealed));
  return sealedStringsOf(stored).some((text) => !known.has(text) && keyIdOf(text) !== vault.sealsWith);
}

/** All that one account holds, in one write under its `rev`. */
export const moveAccount = (db: Db, vault: Vault, id: string): Promise<Moved> =>
  untilWritten(id, async () => {
    const stored = await loadStored(db, id);
    if (stored === null) return { moved: 0, stuck: [] };
    const boxes = boxesOf(stored);
    const tried = boxes.map((box) => ({ path: box.path, result: reseal(vault, box) }));
    const stuck = tried.flatMap(({ result }) => (result && 'message' in result ? { id, message: result.message } : []));
    if (holdsMore(stored, boxes, vault)) stuck.push({ id, message: UNKNOWN });
    const next = tried.flatMap(({ path, result }) =>
      result && 'sealed' in result ? { path, sealed: result.sealed } : [],
    );
    if (next.length === 0) return { moved: 0, stuck };
    return (await replaceBoxes(db, stored, next)) ? { moved: next.length, stuck } : null;
  });

export const moveLink = (db: Db, vault: Vault, id: string): Promise<Moved> =>
  untilWritten(id, async () => {
    const item = await findItem(db, id);
    if (item === null || item.link === null) return { moved: 0, stuck: [] };
    const result = reseal(vault, { sealed: item.link, belonging: linkBelonging(item) });
    if (result === null) return { moved: 0, stuck: [] };
    if ('message' in result) return { moved: 0, stuck: [{ id, message: result.message }] };
    return (await replaceLink(db, item, result.sealed)) ? { moved: 1, stuck: [] } : null;
  });

/** One after another: there are as few as keys were ever retired. Losing one to another run is that run's success. */
export async function moveFingerprintKeys(db: Db, vault: Vault): Promise<Moved> {
  const sum: Moved = { moved: 0, stuck: [] };
  for (const stored of await listFingerprintKeys(db)) {
    const result = reseal(vault, sealedIn(stored));
    if (result === null) continue;
    if ('message' in result) sum.stuck.push({ id: stored._id, message: result.message });
    else if (await replaceFingerprintKey(db, stored, result.sealed)) sum.moved += 1;
  }
  return sum;
}
