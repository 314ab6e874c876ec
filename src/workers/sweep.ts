/**
 * The sweep: looks for accounts with something due and sees that somebody does it. Any number of schedulers may run;
 * one sweeps at a time, by a lease. The lease saves work and guards nothing: two that sweep at once only say things twice.
 *
 * A tick costs what is due: with nothing due, one lease and two index reads, whatever the number of accounts.
 */

import type { Clock, DueItem, DuePage, Store } from '../durable/types';
import { inLanes } from '../lanes';
import { startLoop } from './loop';
import type { Performer } from './performer';
import { upsQueues, type Queues } from './queues';
import { makeRecently } from './recently';
import { codeOf, isLeftAlone, nameOf, type WorkLog } from './work';

export interface SweepLease {
  /** True while it is ours for some seconds more, newly or still. Rejects when the store is away. */
  acquire(ttlMs: number): Promise<boolean>;
  release(): Promise<void>;
}

export interface SweepParts {
  store: Pick<Store, 'due'>;
  /** Fires what is due in an account and needs no UPS, and relays what waits. */
  wake: (id: string) => Promise<void>;
  performer: Pick<Performer, 'perform' | 'peek'>;
  queues: Pick<Queues, 'offer'>;
  lease: SweepLease;
  clock: Clock;
  log: WorkLog;
  pageSize?: number;
  /** Those of them that another machine has: nobody here can help them (leftAlone.ts). */
  othersOf?: (ids: string[]) => Promise<string[]>;
  /** How many accounts are worked on here at a time. */
  concurrency?: number;
}

export interface Sweep {
  /** One look at everything due; also for tests and commands. Never rejects. */
  tick(): Promise<void>;
  /** Ends the tick under way after the accounts in hand, and lets another scheduler sweep. */
  stop(): Promise<void>;
}

const PAGE_SIZE = 500;
const CONCURRENCY = 20;
const LEASE_MS = 10_000;
/** A lease is renewed when so much of it is over; whoever could not renew it stops where it is. */
const RENEW_MS = 3_000;
/** An account that was told of is not told of again for so long, if nothing in it moved: it waits in a queue, or cannot be helped. */
const RETELL_MS = 5_000;
/** With a queue deep enough, so many pages more are looked through for the others: what is due behind them is younger, and waits. */
const PAGES_BEHIND_FULL = 20;
/** An account that another machine has is looked at so often, if nothing in it moved; until then it costs no read. */
const LEFT_MS = 60_000;
/** Without Redis: so many accounts are performed here before the rest of what is due is looked at again. */
const PERFORMED_A_TICK = 500;

export function makeSweep(parts: SweepParts): Sweep {
  const { store, clock, log, pageSize = PAGE_SIZE, concurrency = CONCURRENCY } = parts;
  const woken = makeRecently(clock, RETELL_MS);
  const told = makeRecently(clock, RETELL_MS);
  const left = makeRecently(clock, LEFT_MS);
  const toldBefore = makeRecently(clock, LEFT_MS);
  const asked = makeRecently(clock, LEFT_MS);
  let isStopping = false;
  let renewAt = -Infinity;

  /** Asked before every account that is worked on and every page; costs a trip only when it is time to renew. */
  async function isOurs(): Promise<boolean> {
    if (isStopping) return false;
    if (clock.monotonic() < renewAt) return true;
    const askedAt = clock.monotonic();
    const ours = await parts.lease.acquire(LEASE_MS);
    renewAt = ours ? askedAt + RENEW_MS : -Infinity;
    return ours;
  }

  /** Page by page, by key and without a write, until there is no more or `take` says that it is enough. */
  async function sweep(kind: DuePage['kind'], take: (items: DueItem[]) => Promise<boolean>): Promise<void> {
    const now = clock.now();
    let after: DueItem | null = null;
    while (await isOurs()) {
      const page: DueItem[] = await store.due({ kind, now, after, limit: pageSize });
      const goOn: boolean = page.length === 0 || (await take(page));
      after = page.at(-1) ?? null;
      if (!goOn || page.length < pageSize) return;
    }
  }

  /** A few at a time; one that fails does not keep the others. Ends early when the lease is lost. */
  async function forEach(items: DueItem[], work: (id: string) => Promise<void>): Promise<boolean> {
    const workOn = (item: DueItem) => work(item.id).catch((error: unknown) => noteFailure(item, error));
    const workedOn = await inLanes(items, concurrency, workOn, isOurs);
    return workedOn.length === items.length;
  }

  function noteFailure(item: DueItem, error: unknown): void {
    // Told of by whoever met it (leftAlone.ts).
    if (isLeftAlone(error)) left.fresh([item]);
    else
      log.error({ accountId: item.id, error: codeOf(error) ?? nameOf(error) }, 'The sweep could not help an account.');
  }

  const isFree = (item: DueItem): boolean => !left.has(item);

  const wakePage = (items: DueItem[]) => forEach(woken.fresh(items.filter(isFree)), parts.wake);

  /** Told of again and not moved: it waits for its turn, or it is another machine's, which only a look can tell. */
  async function withoutOthers(items: DueItem[]): Promise<DueItem[]> {
    const first = new Set(toldBefore.fresh(items));
    const doubted = asked.fresh(items.filter((item) => !first.has(item)));
    if (doubted.length === 0 || !parts.othersOf) return items;
    const others = new Set(await parts.othersOf(doubted.map(({ id }) => id)));
    left.fresh(doubted.filter(({ id }) => others.has(id)));
    return items.filter(isFree);
  }

  function upsPages(): (items: DueItem[]) => Promise<boolean> {
    const full = new Set<string>();
    let performed = 0;
    let behindFull = 0;
    return async (page) => {
      if (full.size > 0 && ++behindFull > PAGES_BEHIND_FULL) return false;
      const free = page.filter((item) => item.queue !== null && !full.has(item.queue) && isFree(item));
      const items = await withoutOthers(told.fresh(free));
      const named = items.map(({ id, queue }) => ({ id, queue: queue ?? '' }));
      if (items.length === 0) return true;
      const offered = await parts.queues.offer(named);
      if (offered.reached) {
        for (const queue of offered.full) full.add(queue);
        told.forget(items.filter(({ queue }) => full.has(queue ?? '')));
        return full.size < upsQueues.length;
      }
      const open = items.filter(({ queue }) => parts.performer.peek(queue ?? '').ok);
      performed += open.length;
      return (await forEach(open, (id) => parts.performer.perform(id))) && performed < PERFORMED_A_TICK;
    };
  }

  async function tick(): Promise<void> {
    try {
      await sweep('wake', wakePage);
      await sweep('ups', upsPages());
    } catch (error) {
      // The store is away, most likely: the next tick will see.
      renewAt = -Infinity;
      log.warn({ error: codeOf(error) ?? nameOf(error) }, 'The sweep stopped early.');
    }
  }

  let running: Promise<void> | null = null;
  return {
    tick: () => (running ??= tick().finally(() => (running = null))),
    async stop() {
      isStopping = true;
      await running;
      await parts.lease.release().catch(() => undefined);
    },
  };
}

const INTERVAL_MS = 500;

/** Ticks one after another, `intervalMs` apart, until stopped. */
export function startSweep(parts: SweepParts & { intervalMs?: number }): Sweep {
  const sweep = makeSweep(parts);
  const { intervalMs = INTERVAL_MS, log } = parts;
  const loop = startLoop('sweep', { intervalMs, tick: () => sweep.tick(), log });
  return {
    tick: () => sweep.tick(),
    async stop() {
      const stopped = loop.stop();
      await sweep.stop();
      await stopped;
    },
  };
}
