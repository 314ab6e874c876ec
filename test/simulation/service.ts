/** A service process with all roles, made of the real parts on simulated infrastructure. */

import { createHash } from 'node:crypto';
import { makeVault, type Vault } from '../../src/db/vault';
import { StoreUnavailable, TooBusy } from '../../src/durable/errors';
import { makeRuntime, type Runtime } from '../../src/durable/runtime';
import type { AccountData } from '../../src/machines/data';
import { defaultRules, makeAccountDefinition, type AccountView } from '../../src/machines/definition';
import { makeGate, makeUpsClient } from '../../src/ups';
import {
  lookAtOutages,
  makePerformer,
  makePickUp,
  makeRecall,
  makeRunners,
  makeSharedCircuits,
  makeSpool,
  makeSpoolFigures,
  makeSweep,
  makeWaves,
  type Performer,
} from '../../src/workers';
import type { Infrastructure } from './infrastructure';
import type { FakeUps } from './fakeUps';
import type { Process, Simulator } from './simulator';

export const definition = makeAccountDefinition();
const key = { id: 'k1', key: createHash('sha256').update('simulation').digest() };
export const vault: Vault = makeVault([key]);

export interface Service {
  process: Process;
  clock: { now(): number; monotonic(): number };
  runtime: Runtime<AccountData, AccountView>;
  performer: Performer;
  /** As after SIGTERM: finishes current work, then ends the process. */
  stop(): Promise<void>;
}

/** Intervals of the loops; the real ones are shorter, and nothing depends on it. */
export interface Pace {
  sweepMs: number;
  pickUpMs: number;
  outagesMs: number;
}
const PACE: Pace = { sweepMs: 5_000, pickUpMs: 15_000, outagesMs: 3_000 };

export interface ServiceParts {
  simulator: Simulator;
  infrastructure: Infrastructure;
  ups: FakeUps;
  process: Process;
  /** Called with an unexpected error. */
  bug: (error: unknown) => void;
  pace?: Pace;
}

export function startService({ simulator, infrastructure, ups, process, bug, pace = PACE }: ServiceParts): Service {
  const { random } = simulator;
  const clock = { now: () => simulator.now() + process.skewMs, monotonic: () => simulator.now() };
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (fields: object, message: string) => {
      if (message.includes('this is a bug')) bug(new Error(`${message} ${JSON.stringify(fields)}`));
    },
  };
  let ids = 0;
  const store = infrastructure.storeFor(process);
  const queues = infrastructure.queuesFor(process);
  const outages = infrastructure.outagesFor(process);
  const circuits = makeSharedCircuits({ outages, by: process.name, clock, log });
  const waves = makeWaves({ outages, clock, log });
  const gate = makeGate(clock, { mayTry: (name) => circuits.mayTry(name) });
  const own = makeAccountDefinition({ ...defaultRules, waves: () => waves.states() });
  const client = makeUpsClient({
    baseUrl: 'https://ups.example',
    clientId: 'client',
    clientSecret: 'client-secret',
    redirectUri: 'https://upslink.example/oauth/callback',
    gate,
    clock,
    wire: ups.wireFor(process),
  });
  const runtime = makeRuntime<AccountData, AccountView>({
    definition: own,
    store,
    queue: queues,
    clock,
    makeId: () => `${process.name}-${++ids}`,
    seal: ({ id, ...about }, secret) => vault.seal(secret, { ...about, accountId: id }),
    pause: (tries) => simulator.sleep(process, random.between(0, 40 * 2 ** tries)),
    report: () => undefined,
  });
  const wait = (ms: number) => simulator.sleep(process, ms);
  const figures = makeSpoolFigures();
  const spool = makeSpool({ places: infrastructure.placesFor(process), vault, clock, log, figures });
  const recall = makeRecall({ spool, load: (id) => runtime.load(id), wait, clock, log });
  const performer = makePerformer({
    runtime,
    runners: makeRunners({ client, gate, vault, clock, log, wait, recall, waves }),
    gate,
    queueOf: own.queueOf,
    by: process.name,
    clock,
    log,
    spool,
    pause: (tries) => simulator.sleep(process, Math.min(1_000, 100 * 2 ** tries)),
  });
  const pickUp = makePickUp({ spool, runtime, clock, log, figures });
  const sweep = makeSweep({
    store,
    wake: (id) => runtime.wake(id),
    performer,
    queues,
    lease: infrastructure.leaseFor(process),
    clock,
    log,
  });

  let isStopping = false;
  const loop = async (tick: () => Promise<unknown>, everyMs: number): Promise<void> => {
    await simulator.sleep(process, random.between(0, everyMs));
    while (!isStopping) {
      await tick();
      await simulator.sleep(process, everyMs);
    }
  };
  const look = () => lookAtOutages({ outages, gate, circuits, waves, runtime, log, triesHeld: true });
  const unlessAway = (error: unknown): void => {
    if (!(error instanceof StoreUnavailable || error instanceof TooBusy)) throw error;
  };
  simulator.as(process, () => {
    loop(() => sweep.tick(), pace.sweepMs).catch(bug);
    loop(() => pickUp.tick(), pace.pickUpMs).catch(bug);
    loop(() => look().catch(unlessAway), pace.outagesMs).catch(bug);
  });

  return {
    process,
    clock,
    runtime,
    performer,
    async stop() {
      isStopping = true;
      await Promise.all([sweep.stop(), performer.stop()]);
      await pickUp.stop();
      await runtime.relay.idle();
      simulator.note(`${process.name} has stopped`);
      process.isDead = true;
      process.diedAt = simulator.now();
      simulator.onCrash(process);
    },
  };
}
