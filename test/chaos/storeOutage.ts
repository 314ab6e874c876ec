/**
 * `--store-away MINUTES`: refreshes every account, and kills the store when UPS has rotated the first tokens and has
 * not answered yet. A worker is killed meanwhile and comes back to its own folder. No grant may be lost.
 */

import { setMaxListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inLanes } from '../../src/lanes';
import type { ManagedProcess } from './managedProcess';
import type { TestSystem } from './system';
import { connect, create, dispatch, makeClientSessions, type ClientSession } from './clients';
import type { Phase } from './chaosRun';
import type { Incident } from './faultInjector';
import type { ClientRecords } from './clientRecords';
import type { ChaosOptions } from './options';

const MERCHANTS = 8;
const SENDERS = 16;
/** UPS answers after this time, when the store is already gone. */
const ANSWER_MS = 4_000;
/** A process that has held an answer for so long has put it into the second place. */
const IN_HAND_MS = 12_000;

export interface Outage {
  system: TestSystem;
  options: ChaosOptions;
  records: ClientRecords;
  incidents: Incident[];
  phase: Phase;
  abandon: AbortSignal;
}

/** Resolves to the number of answers in the spool folders while the store was away. */
export async function runStoreOutage(outage: Outage): Promise<number> {
  const { system, options, records, phase, abandon } = outage;
  const giveUp = new AbortController();
  // Every request under way listens to it.
  setMaxListeners(0, giveUp.signal);
  abandon.addEventListener('abort', () => giveUp.abort());
  const sessions = makeClientSessions(system, options, records, { over: abandon, giveUp: giveUp.signal });
  phase.name = 'accounts are connected';
  phase.endsAt = Date.now() + options.accounts * 500;
  await inLanes(sessions, MERCHANTS, untilConnected);

  await system.ups.fault({ match: { path: '/security/v1/oauth/refresh' }, do: 'delay', ms: ANSWER_MS });
  const sending = inLanes(sessions, SENDERS, async (session) => void (await dispatch(session, { type: 'REFRESH' })));
  await manyUnderWay(system, Math.ceil(options.accounts / 10), giveUp.signal);
  const spooled = await storeAway(outage);
  await system.ups.heal();

  phase.name = 'the store is back, settling';
  phase.endsAt = Date.now() + options.settleMs;
  const patience = delay(options.settleMs, undefined, { signal: giveUp.signal }).then(
    () => giveUp.abort(),
    () => undefined,
  );
  await sending;
  while (!giveUp.signal.aborted && !system.processes.every((managed) => managed.isUp())) await delay(100);
  giveUp.abort();
  await patience;
  return spooled;
}

async function untilConnected(session: ClientSession): Promise<void> {
  let state = await create(session);
  while (state !== null && state !== 'connected' && !session.signals.giveUp.aborted) state = await connect(session);
}

/** Waits until UPS has received so many refreshes. */
async function manyUnderWay({ ups }: TestSystem, count: number, over: AbortSignal): Promise<void> {
  const wanted = Math.min(count, 20);
  for (let open = 0; open < wanted && !over.aborted;) {
    const { uses } = await ups.ledger();
    open = uses.filter(({ endpoint }) => endpoint === 'refresh').length;
    await delay(50);
  }
}

async function storeAway({ system, options, incidents, phase, abandon }: Outage): Promise<number> {
  const incident: Incident = { kind: 'store', who: 'killed', from: Date.now(), to: null };
  incidents.push(incident);
  phase.name = 'the store is away';
  phase.endsAt = incident.from + options.storeAwayMs;
  await system.store.stop('SIGKILL');
  const wait = (ms: number) => delay(Math.max(0, ms), undefined, { signal: abandon }).catch(() => undefined);
  await wait(Math.min(ANSWER_MS + IN_HAND_MS, options.storeAwayMs * 0.8));
  const spooled = system.processes.map((managed) => ({ managed, count: countSpooled(system, managed) }));
  const workers = spooled.filter(({ managed }) => managed.name.startsWith('worker') && managed.isUp());
  const [most] = workers.sort((a, b) => b.count - a.count);
  if (most?.managed.kill('SIGKILL', 1_000))
    incidents.push({ kind: 'kill', who: most.managed.name, from: Date.now(), to: Date.now() });
  await wait(phase.endsAt - Date.now());
  await system.store.start();
  incident.to = Date.now();
  return spooled.reduce((sum, { count }) => sum + count, 0);
}

function countSpooled({ folder }: TestSystem, { name }: ManagedProcess): number {
  try {
    return readdirSync(path.join(folder, name, 'spool')).filter((file) => file.endsWith('.json')).length;
  } catch {
    // The folder does not exist until an answer is put there.
    return 0;
  }
}
