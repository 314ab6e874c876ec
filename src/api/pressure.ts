/**
 * How much of its places a process may use: a number of places says nothing of a processor that others use too, or that is
 * slower than ours. A loop that comes round late has more in hand than it carries, and whoever is let in then is answered when
 * nobody listens any more.
 */

export interface Pressure {
  /** The event loop took so long to come round. */
  note(lateMs: number): void;
  /** Above 0, at most 1. */
  share(): number;
}

/** Answers of a loop that comes round in this time are a few of it late. */
const LATE_MS = 200;
/** Down faster than up, so that places do not swing between too many and too few. */
const SHRINK = 0.7;
const GROW = 0.05;
const LEAST = 0.05;
/** One word of the loop in so long counts: requests that came together all say the same. */
const EVERY_MS = 100;

export function makePressure(now: () => number = () => performance.now()): Pressure {
  let share = 1;
  let heardAt = -Infinity;
  return {
    note(lateMs) {
      if (now() - heardAt < EVERY_MS) return;
      heardAt = now();
      share = lateMs > LATE_MS ? Math.max(LEAST, share * SHRINK) : Math.min(1, share + GROW);
    },
    share: () => share,
  };
}
