/** What was told a moment ago need not be told again, unless it moved since. */

import type { Clock, DueItem } from '../durable/types';

export interface Recently {
  /** Those not told within the time, or not with the same instant; from now on they are. */
  fresh(items: DueItem[]): DueItem[];
  forget(items: DueItem[]): void;
  /** Whether it was told within the time, with this instant. */
  has(item: DueItem): boolean;
}

/** Holds what was told in `forMs`, no more. */
export function makeRecently(clock: Pick<Clock, 'monotonic'>, forMs: number): Recently {
  const told = new Map<string, { at: number; until: number }>();

  function dropExpired(now: number): void {
    // Oldest first: the map keeps the order in which things were told.
    for (const [id, { until }] of told) {
      if (until > now) return;
      told.delete(id);
    }
  }

  return {
    fresh(items) {
      const now = clock.monotonic();
      dropExpired(now);
      const fresh = items.filter(({ id, at }) => told.get(id)?.at !== at);
      for (const { id, at } of fresh) {
        told.delete(id);
        told.set(id, { at, until: now + forMs });
      }
      return fresh;
    },
    has: ({ id, at }) => {
      dropExpired(clock.monotonic());
      return told.get(id)?.at === at;
    },
    forget(items) {
      for (const { id } of items) told.delete(id);
    },
  };
}
