/** So many requests at once per key, then so many a second. In this process only: several processes allow as many times more. */

interface Bucket {
  tokens: number;
  at: number;
}

export interface RateLimit {
  /** Seconds to wait, or 0 when the request may pass. */
  take(keyId: string): number;
}

const REMEMBERED = 10_000;

export function makeRateLimit(
  { burst, perSecond }: { burst: number; perSecond: number },
  clock: { monotonic(): number },
): RateLimit {
  const buckets = new Map<string, Bucket>();

  return {
    take(keyId) {
      const now = clock.monotonic();
      const { tokens, at } = buckets.get(keyId) ?? { tokens: burst, at: now };
      const filled = Math.min(burst, tokens + ((now - at) / 1000) * perSecond);
      const passes = filled >= 1;
      // Last used last: the one forgotten is the one nobody has used for longest, and full again.
      buckets.delete(keyId);
      buckets.set(keyId, { tokens: passes ? filled - 1 : filled, at: now });
      const oldest = buckets.keys().next().value;
      if (buckets.size > REMEMBERED && oldest !== undefined) buckets.delete(oldest);
      return passes ? 0 : Math.max(1, (1 - filled) / perSecond);
    },
  };
}
