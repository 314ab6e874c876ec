export interface Bucket {
  /** How long until `needed` tokens are there; 0 when they are. */
  waitMs(needed: number): number;
  take(): void;
}

/** A token bucket: `perSecond` for ever, `burst` at once. Filled by the monotonic clock whenever it is looked at. */
export function makeBucket(perSecond: number, burst: number, clock: { monotonic(): number }): Bucket {
  let tokens = burst;
  let filledAt = clock.monotonic();

  const fill = (): void => {
    const at = clock.monotonic();
    tokens = Math.min(burst, tokens + ((at - filledAt) / 1000) * perSecond);
    filledAt = at;
  };
  return {
    waitMs(needed) {
      fill();
      return tokens >= needed ? 0 : Math.ceil(((needed - tokens) / perSecond) * 1000);
    },
    take() {
      fill();
      tokens -= 1;
    },
  };
}
