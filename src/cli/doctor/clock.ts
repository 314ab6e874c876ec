/** Our clock beside others': claims end, consents lapse and tokens expire by it. */

import { fail, ok, warn, type Check } from './check';

export interface OtherClock {
  whose: string;
  /** What it said, and when by ours it said so, in milliseconds. */
  said: number;
  ours: number;
  /** How far the two may differ by the measuring alone. */
  errorMs: number;
}

/** Claims of different hosts tell each other's end by an instant: a second or two does no harm. */
const HARMLESS_MS = 2_000;
/** A send is journalled 60 s long. */
const HARMFUL_MS = 30_000;

export function judgeClocks(others: readonly OtherClock[]): Check {
  const offs = others.map(({ whose, said, ours, errorMs }) => ({
    whose,
    ms: Math.max(0, Math.abs(said - ours) - errorMs),
    isAhead: ours > said,
  }));
  const worst = offs.sort((a, b) => b.ms - a.ms)[0];
  if (!worst)
    return warn('clock', 'no other clock to compare with', 'Make MongoDB or UPS reachable, then run the doctor again.');
  const way = worst.isAhead ? 'ahead of' : 'behind';
  const seen = `${(worst.ms / 1000).toFixed(1)} s ${way} ${worst.whose}`;
  const next = 'Use NTP on every host of the service and of MongoDB.';
  if (worst.ms > HARMFUL_MS) return fail('clock', seen, next);
  if (worst.ms > HARMLESS_MS) return warn('clock', seen, next);
  return ok('clock', `agrees with ${others.map(({ whose }) => whose).join(' and ')}`);
}
