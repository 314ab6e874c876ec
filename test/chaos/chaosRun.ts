/** One run: everything is started, things go wrong, everything is mended, and then it is looked at. */

import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { connectDb } from '../../src/db/connection';
import { queueNames } from '../../src/workers';
import { bringAllBack } from './reconnect';
import { throughTheOutage } from './storeOutage';
import { openCast, type Cast } from './system';
import { makeHands, runClients } from './clients';
import { makeMischief, type Incident, type MischiefMaker } from './faultInjector';
import { makeNotebook, type Notebook } from './clientRecords';
import { PATIENT_MS, type ChaosOptions } from './options';
import { inWords, planOf } from './faultPlan';
import { settle } from './atRest';
import type { Report } from './report';
import { examine } from './checks';

export interface Ears {
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

/** `stop` ends the time early: it is mended and looked at all the same. `abandon` ends everything at once. */
export async function live(options: ChaosOptions, ears: Ears, { stop, abandon }: Signals): Promise<Report> {
  const died: string[] = [];
  const incidents: Incident[] = [];
  const tell = {
    died: (_: string, how: string) => void died.push(how),
    // As a deployment does it, and a kill like any other.
    lingered: (who: string) => void incidents.push({ kind: 'kill', who, from: Date.now(), to: Date.now() }),
  };
  const cast = await openCast(options, tell, ears.say);
  let isRight = false;
  try {
    const report = await run(cast, options, ears, { stop, abandon, died, incidents });
    isRight = report.violations.length === 0;
    return report;
  } finally {
    await cast.close(!isRight && !abandon.aborted);
  }
}

async function run(
  cast: Cast,
  options: ChaosOptions,
  ears: Ears,
  { stop, abandon, died, incidents }: Signals & { died: string[]; incidents: Incident[] },
): Promise<Report> {
  const notebook = makeNotebook();
  const mischief = makeMischief(cast, incidents, ears.say);
  const endsAt = Date.now() + options.lastsMs;
  const phase = { name: 'things go wrong', endsAt };
  const ticking = setInterval(() => ears.progress(progressOf(phase, notebook, mischief)), PROGRESS_MS);
  try {
    await everybodyUp(cast, abandon);
    phase.endsAt = Date.now() + options.lastsMs;
    const spooled =
      options.storeAwayMs > 0
        ? await throughTheOutage({ cast, options, notebook, incidents, phase, abandon })
        : await throughTheTime(cast, options, notebook, mischief, { stop, abandon }, phase);
    const db = await connectDb(cast.store.url, { log: silent });
    try {
      const restless = await settle(db, options.settleMs, abandon);
      const awayFromQueues = await missingAtQueues(cast, options, abandon);
      const endedAt = Date.now();
      await cast.stopActors();
      const seen = { cast, db, options, notebook, incidents, restless, died, awayFromQueues, endedAt, spooled };
      const evidence = await examine(seen);
      const folder = evidence.violations.length > 0 ? cast.folder : null;
      return { ...evidence, options, incidents, serverName: cast.serverName, folder };
    } finally {
      await db.close();
    }
  } finally {
    clearInterval(ticking);
  }
}

/** Longer than any pause between two tries at a Redis that refuses. */
const BACK_MS = 60_000;

/** Redis was mended a while ago: every worker must have found the way back by itself. */
async function missingAtQueues({ refusing }: Cast, { each }: ChaosOptions, over: AbortSignal): Promise<number> {
  const wanted = each * queueNames.length;
  const giveUpAt = Date.now() + BACK_MS;
  let found = await refusing.waiting();
  for (; found < wanted && Date.now() < giveUpAt && !over.aborted; found = await refusing.waiting()) await delay(500);
  return over.aborted ? 0 : Math.max(0, wanted - found);
}

async function everybodyUp(cast: Cast, over: AbortSignal): Promise<void> {
  while (!over.aborted && !cast.actors.every((actor) => actor.isUp())) await delay(100);
}

/** Clients and mischief side by side; then the mending, and what clients sent is answered to the end. */
async function throughTheTime(
  cast: Cast,
  options: ChaosOptions,
  notebook: Notebook,
  mischief: MischiefMaker,
  { stop, abandon }: Signals,
  phase: Phase,
): Promise<null> {
  const timeIsUp = new AbortController();
  const over = AbortSignal.any([stop, abandon, timeIsUp.signal]);
  const late = new AbortController();
  const giveUp = AbortSignal.any([abandon, late.signal]);
  // Every request under way listens to them.
  setMaxListeners(0, over, giveUp);
  const hands = makeHands(cast, options, notebook, { over, giveUp });
  const clients = runClients(hands);
  const mending = mischief.run(planOf(options), over);
  await delay(options.lastsMs, undefined, { signal: over }).catch(() => undefined);
  timeIsUp.abort();
  await mending;
  phase.name = 'mended, settling';
  phase.endsAt = Date.now() + PATIENT_MS;
  const patience = delay(PATIENT_MS, undefined, { signal: giveUp }).then(
    () => late.abort(),
    () => undefined,
  );
  await everybodyUp(cast, giveUp);
  await clients;
  phase.name = 'mended, all connect again';
  notebook.outside.push(...(await bringAllBack(hands, giveUp)));
  phase.name = 'settling';
  phase.endsAt = Date.now() + options.settleMs;
  late.abort();
  await patience;
  return null;
}

function progressOf(phase: Phase, { sent }: Notebook, { incidents }: MischiefMaker) {
  const last = incidents.at(-1);
  const leftMs = Math.max(0, phase.endsAt - Date.now());
  return {
    phase: phase.name,
    leftMs,
    events: sent,
    last: last ? `${inWords[last.kind]} (${last.who})` : 'nothing yet',
  };
}
