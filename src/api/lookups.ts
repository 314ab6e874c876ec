/**
 * Reads that a request without a known key causes: whether its key, its session or its link exists. Keys and sessions have
 * a line, links have another, so that neither can starve the other. What was found before has a third one: no flood of
 * made-up secrets delays a session or a link that this process has seen alive.
 */

import { LRUCache } from 'lru-cache';
import { sha256 } from '../hash';
import { makeLine, type LineBounds, type Turn } from './line';
import { Refusal } from './problems';

export type SecretKind = 'key' | 'link';

export interface LookUp {
  kind: SecretKind;
  /** What the client brought, and what else is proven when that is found; none is kept as it is. Empty: it is not remembered. */
  secrets?: readonly string[];
}

export interface LookUps {
  /** `look` answers null or throws a Refusal for what does not exist. */
  run<T>(lookUp: LookUp, turn: Turn, look: () => Promise<T>): Promise<T>;
  /** How many run or wait in each line. */
  sizes(): Record<SecretKind | 'seen', number>;
}

/** Two lines of strangers have 32 of the 50 connections to the store at most: requests with a known key always find one. */
const BOUNDS: LineBounds = { running: 16, waiting: 400, waitMs: 5_000 };
const REMEMBERED = 5_000;

export function makeLookUps(bounds: LineBounds = BOUNDS): LookUps {
  const lines = { key: makeLine(bounds), link: makeLine(bounds), seen: makeLine(bounds) };
  const seen = new LRUCache<string, true>({ max: REMEMBERED });

  return {
    async run({ kind, secrets = [] }, turn, look) {
      const hashes = secrets.map(sha256);
      const [own = ''] = hashes;
      const lookAndRemember = async () => {
        const found = await look().catch((error: unknown) => {
          if (error instanceof Refusal) seen.delete(own);
          throw error;
        });
        if (found === null) seen.delete(own);
        else for (const hash of hashes) seen.set(hash, true);
        return found;
      };
      if (seen.has(own)) return lines.seen.run({ ...turn, holder: own }, lookAndRemember);
      return lines[kind].run(turn, lookAndRemember);
    },
    sizes: () => ({ key: lines.key.size(), link: lines.link.size(), seen: lines.seen.size() }),
  };
}
