/**
 * Simulates many accounts over many days in minutes: three service processes with a store, a queue and a UPS in memory.
 * Only the faults of the caller happen (simulation.ts injects random ones), so the store keeps no history and only counts
 * outgoing events.
 */

import type { DueItem, HistoryEntry } from '../../src/durable/types';
import type { RefreshPolicy } from '../../src/machines/data';
import { accountIdOf } from '../../src/hash';
import { accountData } from '../machines/accountBuilder';
import { makeInfrastructure, type AccountStore, type Infrastructure } from './infrastructure';
import { startService, vault, type Pace, type Service } from './service';
import { makeFakeUps, type FakeUps } from './fakeUps';
import { makeSimulator, type Simulator } from './simulator';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
const ACCESS_S = 3_600;
const PROCESSES = 3;
/** How long a job waits while the gate is closed. A worker waits 5 s; here it is longer, to save steps. */
const PATIENCE_MS = 30_000;
const DEPTH = 5_000;

export interface ManyAccountsOptions {
  accounts: number;
  seed: number;
  policyOf: (n: number) => RefreshPolicy;
  /** All accounts are connected within this time. */
  arrivalMs: number;
  pace: Pace;
  /** Jobs at a time in each process, and how long each rests when there are none. */
  lanes: number;
  idleMs: number;
}

export interface ManyAccounts {
  simulator: Simulator;
  ups: FakeUps;
  infrastructure: Infrastructure;
  ids: string[];
  /** Outgoing events so far, by type. */
  told: Record<string, number>;
  violations(): string[];
}

export async function withManyAccounts<T>(
  options: ManyAccountsOptions,
  work: (many: ManyAccounts) => Promise<T>,
): Promise<T> {
  const simulator = makeSimulator(options.seed);
  const release = simulator.install();
  try {
    return await work(startManyAccounts(simulator, options));
  } finally {
    release();
  }
}

function startManyAccounts(
  simulator: Simulator,
  { accounts, policyOf, arrivalMs, pace, lanes, idleMs }: ManyAccountsOptions,
): ManyAccounts {
  const infrastructure = makeInfrastructure(simulator);
  const ups = makeFakeUps(simulator, ACCESS_S);
  const told: Record<string, number> = {};
  const bugs: string[] = [];
  const store = makeLeanStore(infrastructure, told);
  const queue = makeDeepQueue();
  const lean: Infrastructure = {
    ...infrastructure,
    storeFor: (process) => store.of(simulator, process.name),
    queuesFor: () => queue,
  };
  const bug = (error: unknown): void => void bugs.push(error instanceof Error ? error.message : String(error));
  const services = Array.from({ length: PROCESSES }, (_, n) => {
    const process = simulator.process(`p${n}`, `p${n}`);
    const service = startService({ simulator, infrastructure: lean, ups, process, bug, pace });
    for (let lane = 0; lane < lanes; lane++)
      void simulator.as(process, () => work(simulator, service, queue, idleMs).catch(bug));
    return service;
  });
  const ids = Array.from({ length: accounts }, (_, n) => accountIdOf('acme', `UPS ${n}`));
  ids.forEach((id, n) => {
    const service = services[n % PROCESSES];
    if (!service) return;
    const arrives = () => void connect(ups, service, id, policyOf(n)).catch(bug);
    simulator.after((n / accounts) * arrivalMs, service.process, arrives);
  });
  return { simulator, ups, infrastructure, ids, told, violations: () => [...bugs, ...ups.violations] };
}

/** The grant of UPS that an account is connected by; '' when it has none. */
export function grantOf(
  { infrastructure, ups }: Pick<ManyAccounts, 'infrastructure' | 'ups'>,
  accountId: string,
): string {
  const [document] = infrastructure.memory.documents([accountId]);
  const slot = document?.data.current;
  if (!document || !slot) return '';
  const { grantId, generation, refresh } = slot;
  const token = vault.open(refresh, { tenantId: document.tenantId, accountId, field: 'refresh', grantId, generation });
  return ups.grantOf(token)?.grantId ?? '';
}

async function connect(ups: FakeUps, service: Service, id: string, policy: RefreshPolicy): Promise<void> {
  const { runtime, performer, clock } = service;
  await runtime.create(
    { id, tenantId: 'acme', data: accountData(policy) },
    { type: 'CREATE' },
    { actor: 'key:client', eventId: `${id}-born` },
  );
  const consentId = `${id}-consent`;
  const link = { consentId, linkHash: 'l', stateHash: 's', cookieHash: 'c', returnTo: null, ttlMs: HOUR / 2 };
  await runtime.dispatch(
    id,
    { type: 'AUTHORIZE', ...link },
    {
      actor: 'key:client',
      secrets: { verifier: 'v'.repeat(43) },
    },
  );
  const since = clock.monotonic();
  const event = { type: 'CODE_RECEIVED', consentId } as never;
  const { document, claimed } = await runtime.dispatch(id, event, { actor: 'merchant', claimBy: performer.by });
  await performer.carry(document, claimed, { code: ups.issueCode({ accountId: document.id }), since });
}

/** A store that sorts what is due once per sweep. */
function makeLeanStore(infrastructure: Infrastructure, told: Record<string, number>) {
  const due = new Map<string, { wake: number | null; ups: number | null; queue: string | null }>();
  const walks = { wake: [] as DueItem[], ups: [] as DueItem[] };
  const note = (document: { id: string; wakeAt: number | null; upsAt: number | null; upsQueue: string | null }): void =>
    void due.set(document.id, { wake: document.wakeAt, ups: document.upsAt, queue: document.upsQueue });

  function walkOf(kind: 'wake' | 'ups', now: number): DueItem[] {
    const items: DueItem[] = [];
    for (const [id, one] of due) {
      const instant = one[kind];
      if (instant !== null && instant <= now)
        items.push({ id, at: instant, queue: kind === 'wake' ? null : one.queue });
    }
    return items.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  }

  /** A row may be appended twice but counts once. */
  const counted = new Set<string>();
  function count(entries: HistoryEntry[]): void {
    for (const { id, row } of entries) {
      if (row.outgoing.length === 0 || counted.has(`${id}/${row.seq}`)) continue;
      counted.add(`${id}/${row.seq}`);
      for (const { type } of row.outgoing) told[type] = (told[type] ?? 0) + 1;
    }
  }

  function of(simulator: Simulator, name: string): AccountStore {
    const { memory } = infrastructure;
    const process = simulator.process(name, name);
    const trip = () => simulator.sleep(process, simulator.random.between(1, 10));
    return {
      ...memory,
      async load(id, tenantId) {
        await trip();
        return memory.load(id, tenantId);
      },
      async insert(document, over) {
        await trip();
        note(document);
        return memory.insert(document, over);
      },
      async write(before, next) {
        await trip();
        const written = await memory.write(before, next);
        if (written === 'done') note(next);
        return written;
      },
      async writeMany(changes) {
        for (const { before, next } of changes) if ((await memory.write(before, next)) === 'done') note(next);
      },
      async appendHistory(entries) {
        await trip();
        count(entries);
      },
      findApplied: async () => null,
      async due({ kind, now, after, limit }) {
        await trip();
        if (after === null) walks[kind] = walkOf(kind, now);
        const items = walks[kind];
        const from =
          after === null ? 0 : items.findIndex(({ id, at: instant }) => id === after.id && instant === after.at) + 1;
        return items.slice(from, from + limit);
      },
    };
  }
  return { of };
}

interface DeepQueue {
  take(): { id: string; queue: string } | null;
  hand(items: { id: string; queue: string }[]): Promise<boolean>;
  offer(items: { id: string; queue: string }[]): Promise<{ reached: boolean; full: string[] }>;
}

/** A queue of limited depth, as in Redis, with at most one job per account. */
function makeDeepQueue(): DeepQueue {
  const waiting = new Map<string, string>();
  function put(items: { id: string; queue: string }[]): string[] {
    const full = new Set<string>();
    for (const { id, queue } of items) {
      if (waiting.size >= DEPTH && !waiting.has(id)) full.add(queue);
      else waiting.set(id, queue);
    }
    return [...full];
  }
  return {
    take() {
      for (const [id, queue] of waiting) {
        waiting.delete(id);
        return { id, queue };
      }
      return null;
    },
    hand: async (items) => {
      put(items);
      return true;
    },
    offer: async (items) => ({ reached: true, full: put(items) }),
  };
}

/** One lane of a worker: takes jobs, and holds one while the gate is closed. */
async function work(
  simulator: Simulator,
  { performer, process }: Service,
  queue: DeepQueue,
  idleMs: number,
): Promise<never> {
  for (;;) {
    const job = queue.take();
    if (job === null) {
      await simulator.sleep(process, idleMs);
      continue;
    }
    const gate = performer.peek(job.queue);
    if (!gate.ok) await simulator.sleep(process, Math.min(PATIENCE_MS, Math.max(10, gate.retryAt - simulator.now())));
    await performer.perform(job.id);
  }
}
