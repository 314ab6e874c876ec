/**
 * `--store-away MINUTES`: every account is asked to refresh, and when UPS has rotated the first of them and answers, the store
 * is gone. A worker is killed meanwhile and comes back to its own folder. No grant may be lost by it.
 */

import { setMaxListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Actor } from './managedProcess';
import type { Cast } from './system';
import { connect, create, dispatch, makeHands, type Hand } from './clients';
import type { Phase } from './chaosRun';
import type { Incident } from './faultInjector';
import type { Notebook } from './clientRecords';
import type { ChaosOptions } from './options';

const MERCHANTS = 8;
const SENDERS = 16;
/** UPS takes so long to answer: the store is gone before. */
const ANSWER_MS = 4_000;
/** A process that lived so long with an answer in hand has put it into the second place. */
const IN_HAND_MS = 12_000;

export interface Outage {
  cast: Cast;
  options: ChaosOptions;
  notebook: Notebook;
  incidents: Incident[];
  phase: Phase;
  abandon: AbortSignal;
}

/** How many answers lay in the second place's folders while the store was away. */
export async function throughTheOutage(outage: Outage): Promise<number> {
  const { cast, options, notebook, phase, abandon } = outage;
  const giveUp = new AbortController();
  // Every request under way listens to it.
  setMaxListeners(0, giveUp.signal);
  abandon.addEventListener('abort', () => giveUp.abort());
  const hands = makeHands(cast, options, notebook, { over: abandon, giveUp: giveUp.signal });
  phase.name = 'accounts are connected';
  phase.endsAt = Date.now() + options.accounts * 500;
  await sideBySide(hands, MERCHANTS, untilConnected);

  await cast.ups.fault({ match: { path: '/security/v1/oauth/refresh' }, do: 'delay', ms: ANSWER_MS });
  const sending = sideBySide(hands, SENDERS, async (hand) => void (await dispatch(hand, { type: 'REFRESH' })));
  await manyUnderWay(cast, Math.ceil(options.accounts / 10), giveUp.signal);
  const spooled = await storeAway(outage);
  await cast.ups.heal();

  phase.name = 'the store is back, settling';
  phase.endsAt = Date.now() + options.settleMs;
  const patience = delay(options.settleMs, undefined, { signal: giveUp.signal }).then(
    () => giveUp.abort(),
    () => undefined,
  );
  await sending;
  while (!giveUp.signal.aborted && !cast.actors.every((actor) => actor.isUp())) await delay(100);
  giveUp.abort();
  await patience;
  return spooled;
}

async function sideBySide(hands: readonly Hand[], lanes: number, work: (hand: Hand) => Promise<void>): Promise<void> {
  const left = [...hands];
  const lane = async (): Promise<void> => {
    for (let hand = left.shift(); hand; hand = left.shift()) await work(hand);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

async function untilConnected(hand: Hand): Promise<void> {
  let state = await create(hand);
  while (state !== null && state !== 'connected' && !hand.signals.giveUp.aborted) state = await connect(hand);
}

/** Refreshes that UPS has and has not answered. */
async function manyUnderWay({ ups }: Cast, count: number, over: AbortSignal): Promise<void> {
  const wanted = Math.min(count, 20);
  for (let open = 0; open < wanted && !over.aborted;) {
    const { uses } = await ups.ledger();
    open = uses.filter(({ endpoint }) => endpoint === 'refresh').length;
    await delay(50);
  }
}

async function storeAway({ cast, options, incidents, phase, abandon }: Outage): Promise<number> {
  const incident: Incident = { kind: 'store', who: 'killed', from: Date.now(), to: null };
  incidents.push(incident);
  phase.name = 'the store is away';
  phase.endsAt = incident.from + options.storeAwayMs;
  await cast.store.stop('SIGKILL');
  const wait = (ms: number) => delay(Math.max(0, ms), undefined, { signal: abandon }).catch(() => undefined);
  await wait(Math.min(ANSWER_MS + IN_HAND_MS, options.storeAwayMs * 0.8));
  const spooled = cast.actors.map((actor) => ({ actor, count: countSpooled(cast, actor) }));
  const workers = spooled.filter(({ actor }) => actor.name.startsWith('worker') && actor.isUp());
  const [most] = workers.sort((a, b) => b.count - a.count);
  if (most?.actor.kill('SIGKILL', 1_000))
    incidents.push({ kind: 'kill', who: most.actor.name, from: Date.now(), to: Date.now() });
  await wait(phase.endsAt - Date.now());
  await cast.store.start();
  incident.to = Date.now();
  return spooled.reduce((sum, { count }) => sum + count, 0);
}

function countSpooled({ folder }: Cast, { name }: Actor): number {
  try {
    return readdirSync(path.join(folder, name, 'spool')).filter((file) => file.endsWith('.json')).length;
  } catch {
    // No answer was ever put there.
    return 0;
  }
}
