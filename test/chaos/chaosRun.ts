/** One chaos run: starts the system, injects faults, repairs them, and checks what is left. */

import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { connectDb } from '../../src/db/connection';
import { queueNames } from '../../src/workers';
import { reconnectAll } from './reconnect';
import { runStoreOutage } from './storeOutage';
import { startSystem, type TestSystem } from './system';
import { makeClientSessions, runClients } from './clients';
import { makeFaultInjector, type Incident, type FaultInjector } from './faultInjector';
import { makeClientRecords, type ClientRecords } from './clientRecords';
import { PATIENT_MS, type ChaosOptions } from './options';
import { faultInWords, makeFaultPlan } from './faultPlan';
import { waitUntilAtRest } from './atRest';
import type { Report } from './report';
import { checkRun } from './checks';

export interface RunOutput {
  say(line: string): void;
  /** Called every second or so while it runs. */
  progress(now: { phase: string; leftMs: number; events: number; last: string }): void;
}

/** For the progress line. */
export interface Phase {
  name: string;
  endsAt: number;
}

interface Signals {
  stop: AbortSignal;
  abandon: AbortSignal;
}

const PROGRESS_MS = 1_000;
const silent = { info: () => {}, warn: () => {} };

/** `stop` ends the faults early, but repairs and checks still follow. `abandon` ends the run at once. */
export async function runChaos(options: ChaosOptions, output: RunOutput, { stop, abandon }: Signals): Promise<Report> {
  const died: string[] = [];
  const incidents: Incident[] = [];
  const tell = {
    died: (_: string, how: string) => void died.push(how),
    // A deployment would kill it too, so it counts as a kill.
    killedAfterGrace: (who: string) => void incidents.push({ kind: 'kill', who, from: Date.now(), to: Date.now() }),
  };
  const system = await startSystem(options, tell, output.say);
  let isRight = false;
  try {
    const report = await run(system, options, output, { stop, abandon, died, incidents });
    isRight = report.violations.length === 0;
    return report;
  } finally {
    await system.close(!isRight && !abandon.aborted);
  }
}

async function run(
  system: TestSystem,
  options: ChaosOptions,
  output: RunOutput,
  { stop, abandon, died, incidents }: Signals & { died: string[]; incidents: Incident[] },
): Promise<Report> {
  const records = makeClientRecords();
  const injector = makeFaultInjector(system, incidents, output.say);
  const endsAt = Date.now() + options.lastsMs;
  const phase = { name: 'things go wrong', endsAt };
  const ticking = setInterval(() => output.progress(progressOf(phase, records, injector)), PROGRESS_MS);
  try {
    await waitUntilUp(system, abandon);
    phase.endsAt = Date.now() + options.lastsMs;
    const spooled =
      options.storeAwayMs > 0
        ? await runStoreOutage({ system, options, records, incidents, phase, abandon })
        : await runFaults(system, options, records, injector, { stop, abandon }, phase);
    const db = await connectDb(system.store.url, { log: silent });
    try {
      const notAtRest = await waitUntilAtRest(db, options.settleMs, abandon);
      const awayFromQueues = await missingAtQueues(system, options, abandon);
      const endedAt = Date.now();
      await system.stopProcesses();
      const state = { system, db, options, records, incidents, notAtRest, died, awayFromQueues, endedAt, spooled };
      const result = await checkRun(state);
      const folder = result.violations.length > 0 ? system.folder : null;
      return { ...result, options, incidents, serverName: system.serverName, folder };
    } finally {
      await db.close();
    }
  } finally {
    clearInterval(ticking);
  }
}

/** Longer than any pause between two attempts to reach a Redis that refuses. */
const BACK_MS = 60_000;

/** Redis was repaired a while ago: every worker must have reconnected by itself. */
async function missingAtQueues(
  { refusing }: TestSystem,
  { processesPerRole }: ChaosOptions,
  over: AbortSignal,
): Promise<number> {
  const wanted = processesPerRole * queueNames.length;
  const giveUpAt = Date.now() + BACK_MS;
  let found = await refusing.waiting();
  for (; found < wanted && Date.now() < giveUpAt && !over.aborted; found = await refusing.waiting()) await delay(500);
  return over.aborted ? 0 : Math.max(0, wanted - found);
}

async function waitUntilUp(system: TestSystem, over: AbortSignal): Promise<void> {
  while (!over.aborted && !system.processes.every((managed) => managed.isUp())) await delay(100);
}

/** Runs clients and faults side by side, then repairs the faults and waits until every request is answered. */
async function runFaults(
  system: TestSystem,
  options: ChaosOptions,
  records: ClientRecords,
  injector: FaultInjector,
  { stop, abandon }: Signals,
  phase: Phase,
): Promise<null> {
  const timeIsUp = new AbortController();
  const over = AbortSignal.any([stop, abandon, timeIsUp.signal]);
  const late = new AbortController();
  const giveUp = AbortSignal.any([abandon, late.signal]);
  // Every request under way listens to them.
  setMaxListeners(0, over, giveUp);
  const sessions = makeClientSessions(system, options, records, { over, giveUp });
  const clients = runClients(sessions);
  const mending = injector.run(makeFaultPlan(options), over);
  await delay(options.lastsMs, undefined, { signal: over }).catch(() => undefined);
  timeIsUp.abort();
  await mending;
  phase.name = 'mended, settling';
  phase.endsAt = Date.now() + PATIENT_MS;
  const patience = delay(PATIENT_MS, undefined, { signal: giveUp }).then(
    () => late.abort(),
    () => undefined,
  );
  await waitUntilUp(system, giveUp);
  await clients;
  phase.name = 'mended, all connect again';
  records.notConnected.push(...(await reconnectAll(sessions, giveUp)));
  phase.name = 'settling';
  phase.endsAt = Date.now() + options.settleMs;
  late.abort();
  await patience;
  return null;
}

function progressOf(phase: Phase, { sent }: ClientRecords, { incidents }: FaultInjector) {
  const last = incidents.at(-1);
  const leftMs = Math.max(0, phase.endsAt - Date.now());
  return {
    phase: phase.name,
    leftMs,
    events: sent,
    last: last ? `${faultInWords[last.kind]} (${last.who})` : 'nothing yet',
  };
}
