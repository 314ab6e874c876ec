/** The day a key was last used. */

import { LRUCache } from 'lru-cache';
import type { Clock } from '../durable/types';
import { DAY_MS, MINUTE_MS } from '../durations';
import type { Db } from './connection';
import type { StoredApiKey } from './schemas';

/** A key that was pushed out is judged by what is stored of it. */
const REMEMBERED = 5_000;
const TRY_AGAIN_MS = MINUTE_MS;

/**
 * Notes the day of a key's use: one write per key, day and process, and none where another process has noted that day already.
 * No request waits for it or fails by it. One that failed is tried again with a use a minute later: as often as requests come,
 * they would fill the connections while the store is slow.
 */
export function makeUseNotes(db: Db, clock: Clock): (used: StoredApiKey) => void {
  const notBefore = new LRUCache<string, number>({ max: REMEMBERED });

  return ({ _id, lastUsedOn = 0 }) => {
    const now = clock.now();
    const day = now - (now % DAY_MS);
    if (lastUsedOn >= day || (notBefore.get(_id) ?? 0) > now) return;
    notBefore.set(_id, day + DAY_MS);
    const write = db.apiKeys.updateOne({ _id }, { $max: { lastUsedOn: day } });
    write.catch(() => notBefore.set(_id, now + TRY_AGAIN_MS));
  };
}
