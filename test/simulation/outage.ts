/**
 * Days of outage over many accounts, in minutes: all are connected and refreshed every hour, then UPS is away, then refuses
 * our client, then refuses every grant by mistake. Nobody may be disconnected by that, and accounts whose merchant
 * revoked them meanwhile must be found all the same.
 *
 * Nothing else goes wrong here (life.ts sees to that), so the store keeps no history, only what was told by it.
 */

import type { DueItem, HistoryEntry } from '../../src/durable/types';
import { standingOf } from '../../src/machines/definition';
import { accountData } from '../machines/lived';
import { makeMachines, type AccountStore, type Machines } from './machines';
import { startService, vault, type Service } from './service';
import { makeSimulatedUps, type SimulatedUps } from './ups';
import { makeWorld, type World } from './world';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ACCESS_S = 3_600;
const PACE = { sweepMs: 30_000, pickUpMs: HOUR, outagesMs: 4_000 };
const PROCESSES = 3;
const LANES = 4;
/** A job waits for UPS to be asked again, as in a worker; there for 5 s, here longer, to live through days in minutes. */
const PATIENCE_MS = 30_000;
const IDLE_MS = 10_000;
const DEPTH = 5_000;

export interface Stage {
  name: string;
  hours: number;
  begin?: (scene: OutageScene) => void;
}

export interface OutageScene {
  world: World;
  ups: SimulatedUps;
  ids: string[];
  revoke(id: string): void;
}

export interface StageReport {
  name: string;
  hours: number;
  /** What the accounts are at its end, by state and what becomes of their token. */
  accounts: Record<string, number>;
  sends: number;
  /** Outgoing events during it. */
  told: Record<string, number>;
}

export interface OutageReport {
  stages: StageReport[];
  /** The accounts that are not connected at the end, with the reason. */
  lost: { id: string; reason: string | null }[];
  revoked: string[];
  violations: string[];
}

const refuses = (code: SimulatedUps['faults']['refusesWith'], hours: number) => (scene: OutageScene) => {
  scene.ups.faults.refusesWith = code;
  scene.ups.faults.refusesUntil = scene.world.now() + hours * HOUR;
};
const at = (scene: OutageScene, share: number): string => scene.ids[Math.floor(share * scene.ids.length)] ?? '';

/** In each outage one merchant revokes what he gave. */
export const STAGES: Stage[] = [
  { name: 'all are connected', hours: 1 },
  { name: 'an hour as any other', hours: 1 },
  {
    name: 'UPS answers 503 for half an hour',
    hours: 0.5,
    begin: (scene) => {
      scene.ups.faults.awayUntil = scene.world.now() + HOUR / 2;
      scene.revoke(at(scene, 0.2));
    },
  },
  { name: 'and is back', hours: 2 },
  {
    name: 'UPS answers 250002 for three days',
    hours: 72,
    begin: (scene) => {
      refuses('250002', 72)(scene);
      scene.revoke(at(scene, 0.5));
    },
  },
  { name: 'and stops it', hours: 2 },
  {
    name: 'UPS answers every refresh 10400 for an hour',
    hours: 1,
    begin: (scene) => {
      refuses('10400', 1)(scene);
      scene.revoke(at(scene, 0.8));
    },
  },
  { name: 'and stops it', hours: 3 },
];

/** The same with the three days made hours: for whoever waits for the end. */
export const SHORT_STAGES: Stage[] = STAGES.map((stage) =>
  stage.hours < 72
    ? stage
    : {
        name: 'UPS answers 250002 for four hours',
        hours: 4,
        begin: (scene) => {
          refuses('250002', 4)(scene);
          scene.revoke(at(scene, 0.5));
        },
      },
);

export interface OutageOptions {
  accounts: number;
  seed?: number;
  stages?: Stage[];
  progress?: (stage: string, share: number) => void;
}

export async function liveThroughOutages(options: OutageOptions): Promise<OutageReport> {
  const world = makeWorld(options.seed ?? 1);
  const release = world.install();
  try {
    return await liveIn(world, options);
  } finally {
    release();
  }
}

async function liveIn(world: World, { accounts, stages = STAGES, progress }: OutageOptions): Promise<OutageReport> {
  const machines = makeMachines(world);
  const ups = makeSimulatedUps(world, ACCESS_S);
  const told: Record<string, number> = {};
  const violations: string[] = [];
  const store = makeLeanStore(machines, told);
  const queue = makeDeepQueue();
  const lean: Machines = { ...machines, storeFor: (process) => store.of(world, process.name), queuesFor: () => queue };
  const bug = (error: unknown): void => void violations.push(error instanceof Error ? error.message : String(error));
  const services = Array.from({ length: PROCESSES }, (_, n) => {
    const process = world.process(`p${n}`, `p${n}`);
    const service = startService({ world, machines: lean, ups, process, bug, pace: PACE });
    for (let lane = 0; lane < LANES; lane++) void world.as(process, () => work(world, service, queue).catch(bug));
    return service;
  });

  const ids = Array.from({ length: accounts }, (_, n) => `acc_o${n}`);
  const revoked: string[] = [];
  const revoke = (id: string): void => {
    revoked.push(id);
    const grant = machines.memory.documents([id]).flatMap((one) => grantOf(one, ups))[0];
    if (grant) ups.revoke(grant);
  };
  ids.forEach((id, n) => {
    const service = services[n % PROCESSES];
    if (service)
      world.after((n / accounts) * 50 * MINUTE, service.process, () => void connect(ups, service, id).catch(bug));
  });

  const scene: OutageScene = { world, ups, ids, revoke };
  const reports: StageReport[] = [];
  for (const { name, hours, begin } of stages) {
    const sendsBefore = ups.sends();
    for (const type of Object.keys(told)) delete told[type];
    begin?.(scene);
    const from = world.now();
    for (let done = 0; done < hours; done += 0.5) {
      progress?.(name, done / hours);
      await world.runUntil(from + Math.min(hours, done + 0.5) * HOUR);
    }
    reports.push({ name, hours, accounts: standings(machines), sends: ups.sends() - sendsBefore, told: { ...told } });
  }
  const lost = machines.memory
    .documents()
    .filter(({ view, snapshot }) => view.state !== 'connected' || standingOf(snapshot.value).token === 'ending')
    .map(({ id, view }) => ({ id, reason: view.reason }));
  return { stages: reports, lost, revoked, violations: [...violations, ...ups.violations] };
}

type Kept = ReturnType<Machines['memory']['documents']>[number];

function grantOf({ id, tenantId, data }: Kept, ups: SimulatedUps): string[] {
  if (!data.current) return [];
  const { grantId, generation, refresh } = data.current;
  const token = vault.open(refresh, { tenantId, accountId: id, field: 'refresh', grantId, generation });
  return [ups.grantOf(token)?.grantId ?? ''];
}

function standings(machines: Machines): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { view, snapshot } of machines.memory.documents()) {
    const { token } = standingOf(snapshot.value);
    const name = [view.state, token].filter(Boolean).join(' ');
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

async function connect(ups: SimulatedUps, service: Service, id: string): Promise<void> {
  const { runtime, performer, clock } = service;
  await runtime.create(
    { id, tenantId: 'acme', data: accountData('eager') },
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
  await performer.carry(document, claimed, { code: ups.issueCode(), since });
}

/** What is due by index: sorted once for each walk through it. */
function makeLeanStore(machines: Machines, told: Record<string, number>) {
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

  function count(entries: HistoryEntry[]): void {
    for (const { row } of entries) for (const { type } of row.outgoing) told[type] = (told[type] ?? 0) + 1;
  }

  function of(world: World, name: string): AccountStore {
    const { memory } = machines;
    const process = world.process(name, name);
    const trip = () => world.sleep(process, world.chance.between(1, 10));
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

/** So many wait in it, as in Redis; an account waits once. */
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

/** One lane of a worker: takes jobs, and holds one while UPS is not to be asked. */
async function work(world: World, { performer, process }: Service, queue: DeepQueue): Promise<never> {
  for (;;) {
    const job = queue.take();
    if (job === null) {
      await world.sleep(process, IDLE_MS);
      continue;
    }
    const gate = performer.peek(job.queue);
    if (!gate.ok) await world.sleep(process, Math.min(PATIENCE_MS, Math.max(10, gate.retryAt - world.now())));
    await performer.perform(job.id);
  }
}
