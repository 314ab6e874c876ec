/**
 * The keys this process saw last, so that a request need not read its key from the store.
 *
 * 1. An answer counts for `freshMs`, whether the key exists or not. A key that another process made or deleted is noticed then.
 * 2. Keys that exist and keys that do not are remembered apart: made-up keys push out no real one.
 * 3. Requests that ask for one key at the same time share one read.
 * 4. `forget` ends what is known: a read under way still answers those who wait for it, but is neither shared nor remembered.
 */

import { LRUCache } from 'lru-cache';
import type { StoredApiKey } from './schemas';

export interface KeyMemory {
  /** No read for a key seen within `freshMs`, else one. */
  find(id: string): Promise<StoredApiKey | null>;
  /** Whether `find` needs no read, or reads a key that existed when it was last seen. */
  knows(id: string): boolean;
  /** For a key that was made or deleted here. */
  forget(id: string): void;
}

interface KeyMemoryOptions {
  read: (id: string) => Promise<StoredApiKey | null>;
  freshMs: number;
  monotonic: () => number;
}

/** Of each kind. */
const REMEMBERED = 5_000;

export function makeKeyMemory({ read, freshMs, monotonic }: KeyMemoryOptions): KeyMemory {
  const present = new LRUCache<string, { stored: StoredApiKey; until: number }>({ max: REMEMBERED });
  const absent = new LRUCache<string, number>({ max: REMEMBERED });
  const reading = new Map<string, Promise<StoredApiKey | null>>();

  function remember(id: string, stored: StoredApiKey | null): void {
    const until = monotonic() + freshMs;
    if (stored) present.set(id, { stored, until });
    else {
      present.delete(id);
      absent.set(id, until);
    }
  }

  const isAbsent = (id: string): boolean => (absent.get(id) ?? -Infinity) > monotonic();

  function readOnce(id: string): Promise<StoredApiKey | null> {
    const shared = reading.get(id);
    if (shared) return shared;
    const isCurrent = () => reading.get(id) === own;
    const own: Promise<StoredApiKey | null> = read(id)
      .then((stored) => {
        if (isCurrent()) remember(id, stored);
        return stored;
      })
      .finally(() => {
        if (isCurrent()) reading.delete(id);
      });
    reading.set(id, own);
    return own;
  }

  return {
    async find(id) {
      const known = present.get(id);
      if (known && known.until > monotonic()) return known.stored;
      return isAbsent(id) ? null : readOnce(id);
    },
    knows: (id) => present.has(id) || isAbsent(id),
    forget(id) {
      present.delete(id);
      absent.delete(id);
      reading.delete(id);
    },
  };
}
