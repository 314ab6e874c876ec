/** What Redis refuses this process at the moment: said once in the log when it begins and once when it ends, and to /readyz. */

import type { WorkLog } from '../work';
import { refusalOf, type Refusal } from './refusal';
import { REFUSED_LONGEST_MS } from './backoff';

export interface RedisWatch {
  /** A connection failed or a command was answered with an error. The refusal, if it was one. */
  failed(who: string, error: Error, key?: string): Refusal | null;
  /**
   * The command of this key, sent at `sentAt` of the watch's clock, went through; the key is only asked for while something
   * is refused. What was sent before the refusal, as one that blocks, says nothing of it.
   */
  worked(who: string, key: () => string, sentAt: number): void;
  /** A connection is up, with its login and its database taken. */
  connected(who: string): void;
  /** The first that lasts; null when nothing is refused. */
  refusal(): Refusal | null;
}

interface Kept {
  refusal: Refusal;
  at: number;
}

/** Whatever is still refused is tried, and so told of, within this time. */
const KEPT_MS = 3 * REFUSED_LONGEST_MS;
const AWAY_QUIET_MS = 10_000;
const CONNECTING = 'connecting';

export function makeRedisWatch(
  log: Pick<WorkLog, 'info' | 'warn'>,
  now: () => number = () => performance.now(),
): RedisWatch {
  const kept = new Map<string, Kept>();
  /** Since something is refused. */
  const told = new Set<string>();
  const quietUntil = new Map<string, number>();

  function dropOld(): void {
    for (const [place, { at }] of kept) if (now() - at > KEPT_MS) kept.delete(place);
  }

  function refused(who: string, key: string, refusal: Refusal): void {
    dropOld();
    if (kept.size === 0) told.clear();
    kept.set(`${who} ${key}`, { refusal, at: now() });
    const { code, command, sentence } = refusal;
    if (told.has(`${code} ${command}`)) return;
    told.add(`${code} ${command}`);
    log.warn({ who, refused: code, command }, `${sentence} Work goes on without Redis; it is tried again slowly.`);
  }

  /** A Redis that is away says so many times a second. */
  function away(who: string, error: Error): void {
    if (now() < (quietUntil.get(who) ?? -Infinity)) return;
    quietUntil.set(who, now() + AWAY_QUIET_MS);
    log.warn({ who, error: 'code' in error ? error.code : error.name }, 'Redis is away; work goes on without it.');
  }

  function drop(place: string): void {
    if (!kept.delete(place)) return;
    dropOld();
    if (kept.size === 0) log.info({}, 'Redis takes everything again.');
  }

  return {
    failed(who, error, key) {
      const refusal = refusalOf(error);
      if (refusal) refused(who, key ?? CONNECTING, refusal);
      // An answer is none of a Redis that is away.
      else if (error.name !== 'ReplyError') away(who, error);
      return refusal;
    },
    worked(who, key, sentAt) {
      if (kept.size === 0) return;
      const place = `${who} ${key()}`;
      if (sentAt > (kept.get(place)?.at ?? Infinity)) drop(place);
    },
    connected: (who) => drop(`${who} ${CONNECTING}`),
    refusal() {
      dropOld();
      const [first] = kept.values();
      return first?.refusal ?? null;
    },
  };
}
