/** The outage store in memory, held to the same contract as the real one. */

import type { OutageStore, StoredOutage, StoredWave } from '../../src/db/outages';

export function makeMemoryOutages(): OutageStore {
  const kept = new Map<string, StoredOutage>();
  const copy = <T>(value: T): T => structuredClone(value);
  return {
    read: async () => copy([...kept.values()].sort((a, b) => (a._id < b._id ? -1 : 1))),
    find: async (id) => copy(kept.get(id) ?? null),
    async write({ _id, rev }, next) {
      if ((kept.get(_id)?.rev ?? 0) !== rev) return false;
      kept.set(_id, copy({ ...next, rev: rev + 1 }));
      return true;
    },
    async count(id, { refused, answered, held }, keep) {
      const wave = kept.get(id) as StoredWave | undefined;
      if (!wave) return;
      wave.long.refused += refused;
      wave.long.answered += answered;
      wave.everHeld = (wave.everHeld ?? 0) + held.length;
      if (held.length > 0) wave.held = [...wave.held, ...held].slice(-keep);
    },
  };
}
