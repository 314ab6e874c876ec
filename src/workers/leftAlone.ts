/**
 * Accounts this process met and left as they are: a newer machine wrote them, or ours does not fit them. Each is named in
 * the log when it is met first, and now and then again; how many there are is a figure. They cost no more than a look.
 */

import { LRUCache } from 'lru-cache';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { MachineMismatch, NewerVersion } from '../durable/errors';
import type { Clock } from '../durable/types';
import { MINUTE_MS } from '../durations';
import type { WorkLog } from './work';

export interface LeftAlone {
  /** For the runtime: told each time one is met. */
  met(id: string, why: NewerVersion | MachineMismatch): void;
}

export interface LeftAloneParts {
  clock: Pick<Clock, 'monotonic'>;
  log: Pick<WorkLog, 'warn' | 'error'>;
  registry: Registry;
}

/** Met in this time counts as being there; named again after it. */
const REMEMBERED_MS = 10 * MINUTE_MS;
/** A deploy or a rollback may leave a million of them: these are named and counted, the others only counted as meetings. */
const REMEMBERED = 10_000;
const NAMED_A_MINUTE = 20;

export function makeLeftAlone({ clock, log, registry }: LeftAloneParts): LeftAlone {
  const remembered = new LRUCache<string, { code: 'newer-version' | 'machine-mismatch'; until: number }>({
    max: REMEMBERED,
  });
  let minute = { from: -Infinity, named: 0 };

  const meetings = new Counter({
    name: 'upslink_accounts_left_alone_total',
    help: 'Times an account was met that this process leaves alone, by why.',
    labelNames: ['code'],
    registers: [registry],
  });
  new Gauge({
    name: 'upslink_accounts_left_alone',
    help: 'Accounts that this process left alone in the last ten minutes, by why: newer-version or machine-mismatch (10,000 at most).',
    labelNames: ['code'],
    registers: [registry],
    collect() {
      const now = clock.monotonic();
      const counts = { 'newer-version': 0, 'machine-mismatch': 0 };
      for (const { code, until } of remembered.values()) if (until > now) counts[code] += 1;
      for (const [code, count] of Object.entries(counts)) this.set({ code }, count);
    },
  });

  function mayName(now: number): boolean {
    if (now - minute.from >= MINUTE_MS) minute = { from: now, named: 0 };
    minute.named += 1;
    return minute.named <= NAMED_A_MINUTE;
  }

  return {
    met(id, why) {
      const now = clock.monotonic();
      meetings.inc({ code: why.code });
      if ((remembered.peek(id)?.until ?? -Infinity) > now) return;
      remembered.set(id, { code: why.code, until: now + REMEMBERED_MS });
      if (!mayName(now)) return;
      const about = { accountId: id, code: why.code };
      // What the message names is the machine's: states, timers, work. Nothing of it is secret.
      if (why.code === 'newer-version')
        log.warn({ ...about, why: why.message }, 'An account is left to a newer version.');
      else log.error({ ...about, why: why.message }, 'An account does not fit this machine and is left alone.');
    },
  };
}
