import type { UpsClock } from './types';

/** The machine's own clocks. Only main and tests name it: everything else is handed a clock. */
export const systemClock: UpsClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
