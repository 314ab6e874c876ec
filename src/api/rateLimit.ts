/** So many requests at once per key, then so many a second. In this process only: several processes allow as many times more. */

import { LRUCache } from 'lru-cache';
import { makeBucket, type Bucket } from '../bucket';

export interface RateLimit {
  /** Seconds to wait, or 0 when the request may pass. */
  take(keyId: string): number;
}

/** The bucket that is forgotten has gone unused for longest, and is full again. */
const REMEMBERED = 10_000;

export function makeRateLimit(
  { burst, perSecond }: { burst: number; perSecond: number },
  clock: { monotonic(): number },
): RateLimit {
  const buckets = new LRUCache<string, Bucket>({ max: REMEMBERED });

  return {
    take(keyId) {
      const bucket = buckets.get(keyId) ?? makeBucket(perSecond, burst, clock);
      buckets.set(keyId, bucket);
      const waitMs = bucket.waitMs(1);
      if (waitMs > 0) return Math.max(1, waitMs / 1000);
      bucket.take();
      return 0;
    },
  };
}
