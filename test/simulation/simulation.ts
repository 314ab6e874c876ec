/**
 * One simulation: three processes connect, refresh, edit, migrate, close and erase accounts while random faults happen.
 * Then the faults end, the accounts have time to recover, and the invariants are checked.
 */

import { findViolations } from './finalChecks';
import { client } from './client';
import { makeInfrastructure, type Infrastructure } from './infrastructure';
import { startService, type Service } from './service';
import { makeFakeUps, type FakeUps } from './fakeUps';
import { checkWrites } from './writeChecks';
import { makeSimulator, type Simulator } from './simulator';

export interface SimulationResult {
  seed: number;
  violations: string[];
  accounts: number;
  steps: number;
  trace: string;
  /** What went wrong, by kind. */
  faults: Record<string, number>;
  /** Applied events, by type. */
  applied: Record<string, number>;
}

/** One event of a client, which asks again with the same id until it gets a verdict. */
export interface SentEvent {
  accountId: string;
  eventId: string;
  type: string;
  verdict: string | null;
  /** How often it was sent. Of two requests under way, the first to be answered need not be the first to arrive. */
  tries: number;
}

export interface Simulation {
  simulator: Simulator;
  infrastructure: Infrastructure;
  ups: FakeUps;
  services: Service[];
  told: SentEvent[];
  accountIds: string[];
  /** Accounts for which a stranger logged in at UPS. */
  strangers: Set<string>;
  /** Each takes its account through UPS until it is connected, then removes itself. */
  merchants: Map<string, () => Promise<void>>;
  violations: string[];
}

const HOSTS = ['a', 'b', 'c'];
const MINUTE = 60_000;
const FAULTS_MS = 7 * MINUTE;
/** Longer than the longest pause between two attempts. */
const HEALING_MS = 8 * MINUTE;
/** Longer than it takes to give up an interrupted exchange. */
const RETURN_MS = 6 * MINUTE;

const idOf = (seed: number, n: number): string => `acc_s${seed}n${n}`;

export async function simulate(seed: number): Promise<SimulationResult> {
  const simulator = makeSimulator(seed);
  const release = simulator.install();
  try {
    return await simulateIn(simulator, seed);
  } finally {
    release();
  }
}

async function simulateIn(simulator: Simulator, seed: number): Promise<SimulationResult> {
  const { random } = simulator;
  const infrastructure = makeInfrastructure(simulator);
  const ups = makeFakeUps(simulator);
  const simulation: Simulation = {
    simulator,
    infrastructure,
    ups,
    services: [],
    told: [],
    accountIds: [],
    strangers: new Set(),
    merchants: new Map(),
    violations: [],
  };
  const faults: Record<string, number> = {};
  const count = (what: string): void => {
    faults[what] = (faults[what] ?? 0) + 1;
    simulator.note(what);
  };
  const bug = (error: unknown): void => {
    simulation.violations.push(`a bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  };

  let born = 0;
  let isHealing = false;
  function start(host: string): void {
    const process = simulator.process(`${host}${++born}`, host);
    simulation.services.push(startService({ simulator, infrastructure, ups, process, bug }));
  }
  simulator.onCrash = (process) => {
    faults['processes ended'] = (faults['processes ended'] ?? 0) + 1;
    simulation.services = simulation.services.filter((one) => one.process !== process);
    simulator.after(random.between(0, isHealing ? 1_000 : 20_000), null, () => start(process.host));
  };
  for (const host of HOSTS) start(host);
  infrastructure.onJob = (id, job) => deliver(simulation, id, job, bug);
  infrastructure.onWritten = checkWrites(simulation);

  const accounts = random.between(2, 12);
  for (let n = 0; n < accounts; n++) simulation.accountIds.push(idOf(seed, n));
  simulation.accountIds.forEach((id) =>
    simulator.after(random.between(0, MINUTE), null, () => void client(simulation, id, () => isHealing)),
  );

  ups.faults.clocksMs = random.pick([0, 0, 30_000]);
  setFaults(simulation, true);
  scheduleFaults(simulation, count, () => isHealing);
  await simulator.runUntil(simulator.now() + FAULTS_MS);
  isHealing = true;
  setFaults(simulation, false);
  await simulator.runUntil(simulator.now() + HEALING_MS);

  const found = findViolations(simulation);
  found.push(...(await findShutOut(simulation)));
  const violations = [...new Set([...simulation.violations, ...ups.violations, ...found])];
  const applied: Record<string, number> = {};
  for (const { type, verdict } of simulation.told) if (verdict === 'applied') applied[type] = (applied[type] ?? 0) + 1;
  return { seed, violations, accounts, applied, steps: simulator.steps(), trace: simulator.trace(), faults };
}

/** 1: after the faults every merchant can connect again, whatever happened before. */
async function findShutOut({ simulator, merchants, infrastructure }: Simulation): Promise<string[]> {
  for (const reconnect of merchants.values()) simulator.after(0, null, () => void reconnect());
  for (const until = simulator.now() + RETURN_MS; merchants.size > 0 && simulator.now() < until;)
    await simulator.runUntil(simulator.now() + 10_000);
  return [...merchants.keys()].map((id) => {
    const [document] = infrastructure.memory.documents([id]);
    return `1: ${id} cannot be connected again, and stands in ${JSON.stringify(document?.snapshot.value)}`;
  });
}

/** Draws how frequent each kind of fault is for this seed; some seeds have none of a kind. */
function setFaults({ simulator, infrastructure, ups }: Simulation, on: boolean): void {
  const { random } = simulator;
  const share = (most: number): number => (on && random.is(0.7) ? random.next() * most : 0);
  simulator.crashShare = share(0.004);
  Object.assign(infrastructure.storeWay, {
    loseRequest: share(0.05),
    loseAnswer: share(0.05),
    slowMs: on ? random.pick([5, 50, 800]) : 10,
  });
  Object.assign(infrastructure.redisWay, { loseRequest: share(0.2), loseAnswer: share(0.2) });
  Object.assign(ups.faults, {
    ...{ unavailable: share(0.3), limited: share(0.2), unsent: share(0.2), lost: share(0.25), late: share(0.15) },
    ...{ awayUntil: 0, refusesUntil: 0 },
  });
  infrastructure.isStoreAway = false;
  infrastructure.isRedisAway = false;
  infrastructure.brokenDisks.clear();
}

/** Delivers a job to a process once, twice at the same time, late, or never. Emptying Redis also drops jobs under way. */
function deliver(simulation: Simulation, id: string, job: string, bug: (error: unknown) => void): void {
  const { simulator, infrastructure } = simulation;
  const { random } = simulator;
  simulator.after(random.is(0.1) ? random.between(1_000, 60_000) : random.between(1, 100), null, () => {
    if (!infrastructure.jobs.delete(job) || infrastructure.isRedisAway || random.is(simulator.crashShare * 5)) return;
    for (let times = random.is(0.1) ? 2 : 1; times > 0 && simulation.services.length > 0; times--) {
      const { process, performer } = random.pick(simulation.services);
      simulator.after(0, process, () => void performer.perform(id).catch(bug));
    }
  });
}

type Count = (what: string) => void;

function scheduleFaults(simulation: Simulation, count: Count, isOver: () => boolean): void {
  const { simulator, infrastructure, ups } = simulation;
  const { random } = simulator;
  const anyService = () => (simulation.services.length === 0 ? null : random.pick(simulation.services));
  const faultKinds: [string, () => void][] = [
    ['kill', () => kill()],
    [
      'SIGTERM',
      () =>
        void anyService()
          ?.stop()
          .catch(() => undefined),
    ],
    [
      'SIGSTOP',
      () => {
        const one = anyService();
        if (one) one.process.pausedUntil = simulator.now() + random.between(1_000, 150_000);
      },
    ],
    ['FLUSHALL', () => infrastructure.emptyRedis()],
    ['Redis away', () => redisAway(random.between(1_000, 120_000))],
    ['store away', () => storeAway(random.between(1_000, 90_000))],
    [
      'store away, and a kill',
      () => {
        const forMs = random.between(20_000, 120_000);
        storeAway(forMs);
        simulator.after(random.between(8_000, forMs), null, () => kill());
      },
    ],
    ['UPS away', () => void (ups.faults.awayUntil = simulator.now() + random.between(1_000, 180_000))],
    [
      'UPS refuses us',
      () => {
        ups.faults.refusesUntil = simulator.now() + random.between(1_000, 180_000);
        ups.faults.refusesWith = random.pick(['10401', '250002']);
      },
    ],
    [
      'disk broken',
      () => {
        const host = random.pick(HOSTS);
        const forMs = random.between(1_000, 60_000);
        trouble(`disk ${host}`, forMs);
        flick((is) => (is ? infrastructure.brokenDisks.add(host) : infrastructure.brokenDisks.delete(host)), forMs);
      },
    ],
  ];
  // For some seeds all clocks agree.
  const most = ups.faults.clocksMs / 2;
  if (most > 0)
    faultKinds.push([
      'clock jumps',
      () => {
        const one = anyService();
        if (one) one.process.skewMs = random.between(-most, most);
      },
    ]);
  function flick(set: (is: boolean) => unknown, forMs: number): void {
    set(true);
    simulator.after(forMs, null, () => void set(false));
  }
  function trouble(place: string, forMs: number): void {
    infrastructure.troubles.push({ place, from: simulator.now(), to: simulator.now() + forMs });
  }
  function redisAway(forMs: number): void {
    trouble('redis', forMs);
    flick((is) => (infrastructure.isRedisAway = is), forMs);
  }
  const storeAway = (forMs: number): void => flick((is) => (infrastructure.isStoreAway = is), forMs);
  const kill = (): void =>
    void (simulation.services.length > 0 && simulator.kill(random.pick(simulation.services).process));
  const meanMs = random.between(15_000, 90_000);
  const next = (): void => {
    simulator.after(random.between(1, 2 * meanMs), null, () => {
      if (isOver()) return;
      const [what, begin] = random.pick(faultKinds);
      count(what);
      begin();
      next();
    });
  };
  next();
}
