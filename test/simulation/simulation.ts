/**
 * One world, lived through: accounts that are connected, refreshed, edited, moved from their old keys, closed and erased by
 * three processes while chance takes away whatever can be taken; then everything is in order again for a while, and what must always hold is looked at.
 */

import { findViolations } from './finalChecks';
import { client } from './client';
import { makeMachines, type Machines } from './infrastructure';
import { startService, type Service } from './service';
import { makeSimulatedUps, type SimulatedUps } from './fakeUps';
import { watchWrites } from './writeChecks';
import { makeWorld, type World } from './simulator';

export interface Lived {
  seed: number;
  violations: string[];
  accounts: number;
  steps: number;
  trace: string;
  /** What went wrong, by kind. */
  faults: Record<string, number>;
  /** Events that were taken, by type. */
  applied: Record<string, number>;
}

/** One event of a client, which asks again with the same id until it gets a verdict. */
export interface Told {
  accountId: string;
  eventId: string;
  type: string;
  verdict: string | null;
  /** How often it was sent: of two on their way at once the first to be answered need not be the first to arrive. */
  tries: number;
}

export interface Scene {
  world: World;
  machines: Machines;
  ups: SimulatedUps;
  services: Service[];
  told: Told[];
  accountIds: string[];
  /** Accounts for which a stranger logged in at UPS. */
  mistaken: Set<string>;
  /** Each leads its account through UPS until it is connected, and leaves. */
  merchants: Map<string, () => Promise<void>>;
  violations: string[];
}

const HOSTS = ['a', 'b', 'c'];
const MINUTE = 60_000;
const FAULTS_MS = 7 * MINUTE;
/** Longer than the longest pause between two tries. */
const HEALING_MS = 8 * MINUTE;
/** An exchange that was interrupted is given up in less. */
const RETURN_MS = 6 * MINUTE;

const idOf = (seed: number, n: number): string => `acc_s${seed}n${n}`;

export async function live(seed: number): Promise<Lived> {
  const world = makeWorld(seed);
  const release = world.install();
  try {
    return await liveIn(world, seed);
  } finally {
    release();
  }
}

async function liveIn(world: World, seed: number): Promise<Lived> {
  const { chance } = world;
  const machines = makeMachines(world);
  const ups = makeSimulatedUps(world);
  const scene: Scene = {
    world,
    machines,
    ups,
    services: [],
    told: [],
    accountIds: [],
    mistaken: new Set(),
    merchants: new Map(),
    violations: [],
  };
  const faults: Record<string, number> = {};
  const count = (what: string): void => {
    faults[what] = (faults[what] ?? 0) + 1;
    world.note(what);
  };
  const bug = (error: unknown): void => {
    scene.violations.push(`a bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  };

  let born = 0;
  let isHealing = false;
  function start(host: string): void {
    const process = world.process(`${host}${++born}`, host);
    scene.services.push(startService({ world, machines, ups, process, bug }));
  }
  world.onCrash = (process) => {
    faults['processes ended'] = (faults['processes ended'] ?? 0) + 1;
    scene.services = scene.services.filter((one) => one.process !== process);
    world.after(chance.between(0, isHealing ? 1_000 : 20_000), null, () => start(process.host));
  };
  for (const host of HOSTS) start(host);
  machines.onJob = (id, job) => deliver(scene, id, job, bug);
  machines.onWritten = watchWrites(scene);

  const accounts = chance.between(2, 12);
  for (let n = 0; n < accounts; n++) scene.accountIds.push(idOf(seed, n));
  scene.accountIds.forEach((id) =>
    world.after(chance.between(0, MINUTE), null, () => void client(scene, id, () => isHealing)),
  );

  ups.faults.clocksMs = chance.pick([0, 0, 30_000]);
  setFaults(scene, true);
  scheduleFaults(scene, count, () => isHealing);
  await world.runUntil(world.now() + FAULTS_MS);
  isHealing = true;
  setFaults(scene, false);
  await world.runUntil(world.now() + HEALING_MS);

  const found = findViolations(scene);
  found.push(...(await findShutOut(scene)));
  const violations = [...new Set([...scene.violations, ...ups.violations, ...found])];
  const applied: Record<string, number> = {};
  for (const { type, verdict } of scene.told) if (verdict === 'applied') applied[type] = (applied[type] ?? 0) + 1;
  return { seed, violations, accounts, applied, steps: world.steps(), trace: world.trace(), faults };
}

/** 1: whatever went wrong, when all is in order every merchant can connect his account again. */
async function findShutOut({ world, merchants, machines }: Scene): Promise<string[]> {
  for (const bringBack of merchants.values()) world.after(0, null, () => void bringBack());
  for (const until = world.now() + RETURN_MS; merchants.size > 0 && world.now() < until;)
    await world.runUntil(world.now() + 10_000);
  return [...merchants.keys()].map((id) => {
    const [document] = machines.memory.documents([id]);
    return `1: ${id} cannot be connected again, and stands in ${JSON.stringify(document?.snapshot.value)}`;
  });
}

/** How bad things are in this world: each kind of fault has its own share, and some worlds have none of it. */
function setFaults({ world, machines, ups }: Scene, on: boolean): void {
  const { chance } = world;
  const share = (most: number): number => (on && chance.is(0.7) ? chance.next() * most : 0);
  world.crashShare = share(0.004);
  Object.assign(machines.storeWay, {
    loseRequest: share(0.05),
    loseAnswer: share(0.05),
    slowMs: on ? chance.pick([5, 50, 800]) : 10,
  });
  Object.assign(machines.redisWay, { loseRequest: share(0.2), loseAnswer: share(0.2) });
  Object.assign(ups.faults, {
    ...{ unavailable: share(0.3), limited: share(0.2), unsent: share(0.2), lost: share(0.25), late: share(0.15) },
    ...{ awayUntil: 0, refusesUntil: 0 },
  });
  machines.isStoreAway = false;
  machines.isRedisAway = false;
  machines.brokenDisks.clear();
}

/** To somebody: once, twice at the same time, late, or never. Who empties Redis takes what is on its way with it. */
function deliver(scene: Scene, id: string, job: string, bug: (error: unknown) => void): void {
  const { world, machines } = scene;
  const { chance } = world;
  world.after(chance.is(0.1) ? chance.between(1_000, 60_000) : chance.between(1, 100), null, () => {
    if (!machines.jobs.delete(job) || machines.isRedisAway || chance.is(world.crashShare * 5)) return;
    for (let times = chance.is(0.1) ? 2 : 1; times > 0 && scene.services.length > 0; times--) {
      const { process, performer } = chance.pick(scene.services);
      world.after(0, process, () => void performer.perform(id).catch(bug));
    }
  });
}

type Count = (what: string) => void;

function scheduleFaults(scene: Scene, count: Count, isOver: () => boolean): void {
  const { world, machines, ups } = scene;
  const { chance } = world;
  const someone = () => (scene.services.length === 0 ? null : chance.pick(scene.services));
  const happenings: [string, () => void][] = [
    ['kill', () => kill()],
    [
      'SIGTERM',
      () =>
        void someone()
          ?.stop()
          .catch(() => undefined),
    ],
    [
      'SIGSTOP',
      () => {
        const one = someone();
        if (one) one.process.pausedUntil = world.now() + chance.between(1_000, 150_000);
      },
    ],
    ['FLUSHALL', () => machines.emptyRedis()],
    ['Redis away', () => redisAway(chance.between(1_000, 120_000))],
    ['store away', () => storeAway(chance.between(1_000, 90_000))],
    [
      'store away, and a kill',
      () => {
        const forMs = chance.between(20_000, 120_000);
        storeAway(forMs);
        world.after(chance.between(8_000, forMs), null, () => kill());
      },
    ],
    ['UPS away', () => void (ups.faults.awayUntil = world.now() + chance.between(1_000, 180_000))],
    [
      'UPS refuses us',
      () => {
        ups.faults.refusesUntil = world.now() + chance.between(1_000, 180_000);
        ups.faults.refusesWith = chance.pick(['10401', '250002']);
      },
    ],
    [
      'disk broken',
      () => {
        const host = chance.pick(HOSTS);
        const forMs = chance.between(1_000, 60_000);
        trouble(`disk ${host}`, forMs);
        flick((is) => (is ? machines.brokenDisks.add(host) : machines.brokenDisks.delete(host)), forMs);
      },
    ],
  ];
  // In some worlds all clocks agree.
  const most = ups.faults.clocksMs / 2;
  if (most > 0)
    happenings.push([
      'clock jumps',
      () => {
        const one = someone();
        if (one) one.process.skewMs = chance.between(-most, most);
      },
    ]);
  function flick(set: (is: boolean) => unknown, forMs: number): void {
    set(true);
    world.after(forMs, null, () => void set(false));
  }
  function trouble(place: string, forMs: number): void {
    machines.troubles.push({ place, from: world.now(), to: world.now() + forMs });
  }
  function redisAway(forMs: number): void {
    trouble('redis', forMs);
    flick((is) => (machines.isRedisAway = is), forMs);
  }
  const storeAway = (forMs: number): void => flick((is) => (machines.isStoreAway = is), forMs);
  const kill = (): void => void (scene.services.length > 0 && world.kill(chance.pick(scene.services).process));
  const meanMs = chance.between(15_000, 90_000);
  const next = (): void => {
    world.after(chance.between(1, 2 * meanMs), null, () => {
      if (isOver()) return;
      const [what, happen] = chance.pick(happenings);
      count(what);
      happen();
      next();
    });
  };
  next();
}
