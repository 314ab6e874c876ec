/** Pauses between tries at something that answers and refuses: they grow, and are forgotten when it has gone well for long. */

export interface Backoff {
  /** How long to wait now that it was refused once more. */
  next(): number;
}

const REFUSED_FIRST_MS = 500;
export const REFUSED_LONGEST_MS = 30_000;
/** Refusals further apart than this do not belong together. */
const FORGOTTEN_MS = 2 * REFUSED_LONGEST_MS;

export function makeBackoff(now: () => number = () => performance.now()): Backoff {
  let times = 0;
  let lastAt = -Infinity;
  return {
    next() {
      times = now() - lastAt > FORGOTTEN_MS ? 1 : times + 1;
      lastAt = now();
      return Math.min(REFUSED_FIRST_MS * 2 ** (times - 1), REFUSED_LONGEST_MS);
    },
  };
}
