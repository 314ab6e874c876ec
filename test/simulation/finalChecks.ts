/** Checks the invariants, by their numbers in docs/tests.md, after the faults of a simulation have ended. */

import { replay } from '../../src/durable/replay';
import type { Document, Row } from '../../src/durable/types';
import type { AccountContext } from '../../src/machines/context';
import type { AccountData } from '../../src/machines/data';
import { standingOf, type AccountView } from '../../src/machines/definition';
import type { Simulation } from './simulation';
import type { Infrastructure } from './infrastructure';
import type { Arrival } from './fakeUps';
import { definition, vault } from './service';

export type Account = Document<AccountData, AccountView>;

/** Work due before this must be done: the sweep runs every few seconds. */
const OVERDUE_MS = 150_000;
/** An answer held for less than this may be lost with its process; the second place takes it after 250 ms. */
const IN_HAND_MS = 8_000;

export function findViolations(simulation: Simulation): string[] {
  return simulation.accountIds.flatMap((id) => {
    const document = simulation.infrastructure.memory.documents().find((one) => one.id === id);
    if (!document) return wasAccepted(simulation, id) ? [`1: ${id} was created and is not there`] : [];
    const rows = rowsOf(simulation, document);
    return [
      ...lost(simulation, id, rows),
      ...gaps(document, rows),
      ...replayed(document, rows),
      ...overdue(simulation, document),
      ...unscheduled(simulation, document),
      ...grants(simulation, document, rows),
      ...recoveries(simulation, document),
    ];
  });
}

const wasAccepted = ({ told }: Simulation, id: string): boolean => told.some(({ accountId }) => accountId === id);

/** Rows in history and in the outbox, without those of an erased account of that name. */
function rowsOf({ infrastructure }: Simulation, document: Account): Row[] {
  const own = infrastructure.memory.history(document.id).filter(({ seq }) => seq >= document.firstSeq);
  const rows = new Map(own.map((row) => [row.seq, row]));
  for (const { row } of document.outbox) if (!rows.has(row.seq)) rows.set(row.seq, row);
  return [...rows.values()].sort((a, b) => a.seq - b.seq);
}

/** 1 and 5: what was accepted is in history once, and what was not is not there. */
function lost({ told }: Simulation, id: string, rows: Row[]): string[] {
  return told
    .filter(({ accountId }) => accountId === id)
    .flatMap(({ eventId, type, verdict, tries }) => {
      const found = rows.filter((row) => row.eventId === eventId).length;
      const isAccepted = verdict === 'applied' || verdict === 'duplicate';
      if (isAccepted && found !== 1) return [`1: ${type} ${eventId} was accepted and is in history ${found} times`];
      if (verdict === 'ignored' && found > 0 && tries === 1)
        return [`5: ${type} ${eventId} was ${verdict} and is in history`];
      return found > 1 ? [`5: ${eventId} is in history ${found} times`] : [];
    });
}

/** 10 */
function gaps({ id, seq, firstSeq, outbox }: Account, rows: Row[]): string[] {
  const numbers = rows.map((row) => row.seq);
  const expected = Array.from({ length: seq - firstSeq + 1 }, (_, n) => firstSeq + n);
  const has = `${id} is at seq ${seq}, history has ${numbers.join(' ')}`;
  if (numbers.join() !== expected.join()) return [`10: ${has}`];
  const ids = new Set(rows.map((row) => row.eventId));
  if (ids.size !== rows.length) return [`10: ${id}: one event is in history twice`];
  const isStuck = outbox.some(({ row }) => !row.routine);
  return isStuck ? [`1: ${id} still holds rows that are to be told at once`] : [];
}

function replayed(document: Account, rows: Row[]): string[] {
  const result = replay(definition, null, rows, document);
  return result.same ? [] : [`10: ${document.id} does not replay from seq ${result.seq}: ${result.why}`];
}

/** Taken from timers, invocations and outbox, not from the indexed instants that they are compared with. */
const instantsOf = ({ timers, invocations, outbox }: Account): { at: number; isRoutine: boolean }[] => [
  ...timers.map(({ dueAt }) => ({ at: dueAt, isRoutine: false })),
  ...invocations.map(({ retellAt }) => ({ at: retellAt, isRoutine: false })),
  ...outbox.map(({ row }) => ({ at: row.at, isRoutine: row.routine })),
];

const deadlineOf = ({ data }: Account): number => data.accessKey?.deadlineAt ?? Infinity;

function overdue({ simulator }: Simulation, account: Account): string[] {
  const past = simulator.now() - OVERDUE_MS;
  const isLate = instantsOf(account).some(({ at, isRoutine }) => !isRoutine && at < past);
  const isOnDeadKey = standingOf(account.snapshot.value).token === 'access-key' && deadlineOf(account) < past;
  return isLate || isOnDeadKey ? [`1: ${account.id} is stuck in ${JSON.stringify(account.snapshot.value)}`] : [];
}

/** How much later a row that is not yet in history is looked for. */
const LOOK_MS = 2_000;
/** A claim lasts a minute, and clocks differ; unclaimed work is handed over again sooner. */
const RETELL_MAX_MS = 90_000;

/** 2: whatever is due is found in time by wakeAt and upsAt. */
function unscheduled({ simulator }: Simulation, account: Account): string[] {
  const { id, wakeAt, upsAt, timers, invocations } = account;
  const first = Math.min(wakeAt ?? Infinity, upsAt ?? Infinity);
  const latest = instantsOf(account).flatMap(({ at, isRoutine }) => (isRoutine ? [] : [at + LOOK_MS]));
  const forgotten = latest.some((at) => first > at)
    ? [`2: ${id} is looked at at ${first}, and is due before, among ${timers.length} timers`]
    : [];
  const isFar = invocations.some(({ retellAt }) => retellAt > simulator.now() + RETELL_MAX_MS);
  return isFar ? [...forgotten, `2: work of ${id} is told again in more than a minute and a half`] : forgotten;
}

/** 3, 4, 6: the account holds the newest pair of its grant, or its loss is known and recorded. */
function grants(simulation: Simulation, document: Account, rows: Row[]): string[] {
  const { ups } = simulation;
  const { id, data, view } = document;
  const { token } = standingOf(document.snapshot.value);
  const grantId = data.current && grantOf(document);
  const newest = grantId ? ups.newest(grantId.grantId) : null;
  if (!data.current || !newest || !grantId) return disconnectedFor(simulation, rows, document);
  const isNewest = newest.generation === grantId.generation;
  if (isNewest && !newest.isRevoked) {
    if (token === 'ending') return [`4: ${id} is ending although UPS takes its token`];
    return [];
  }
  const arrival = ups.delivered(newest.id, newest.generation);
  const reached = arrival !== null && isKept(simulation, arrival);
  if (reached && !newest.isRevoked && !isNewest)
    return [
      `3: ${id} has generation ${grantId.generation}, UPS gave ${newest.generation}, which reached ${arrival?.to.name ?? ''}`,
    ];
  const { origin } = document.snapshot.context as AccountContext;
  const reason = origin?.reason ?? view.reason;
  // A stranger's login may have given it another reason since.
  const wasTold = rows.some((row) => row.outgoing.some(({ data }) => data?.['reason'] === 'refresh-outcome-unknown'));
  const isTold = wasTold || reason === 'refresh-outcome-unknown' || token === 'refreshing' || token === 'backing-off';
  return isTold
    ? []
    : [`4: ${id} lost its grant and stands in ${view.state}, ${view.reason ?? 'no reason'}, ${token ?? ''}`];
}

/** 12: only a lost answer, a key's deadline, a stranger's login or a request may disconnect an account. */
function disconnectedFor({ strangers, ups }: Simulation, rows: Row[], { id, view }: Account): string[] {
  const had = (what: string): boolean => rows.some(({ event }) => event.type.includes(what));
  const allowed = [
    ...['refresh-outcome-unknown', 'authorization-interrupted', 'consent-cancelled', null],
    ...(had('DISCONNECT') ? ['disconnected-by-operator'] : []),
    ...(had('IMPORT') ? ['access-key-sunset'] : []),
    ...(strangers.has(id) ? ['account-not-in-profile'] : []),
    // Its newest pair came in time, and is refused when it falls due.
    ...(ups.hasRevokedForReuse(id) ? ['refresh-token-revoked'] : []),
  ];
  if (view.state !== 'disconnected' || allowed.includes(view.reason)) return [];
  return [`12: ${id} is disconnected for ${view.reason ?? ''} after ${rows.length} rows`];
}

export function grantOf({ id, tenantId, data }: Account): { grantId: string; generation: number } | null {
  const slot = data.current;
  if (!slot) return null;
  const { grantId, generation, refresh } = slot;
  const plain = vault.open(refresh, { tenantId, accountId: id, field: 'refresh', grantId, generation });
  const [, upsGrant = '', upsGeneration = '0'] = plain.split('.');
  return { grantId: upsGrant, generation: Number(upsGeneration) };
}

/** Whether a process still holds the answer, or had time to put it where it is kept. */
function isKept({ infrastructure, simulator }: Simulation, { at, to }: Arrival): boolean {
  // An answer that arrived just before the end is still on its way to the store.
  if (!to.isDead) return at + IN_HAND_MS < simulator.now();
  const hasLived = to.diedAt - at > IN_HAND_MS && to.pausedUntil < at;
  const isOnDisk = !infrastructure.hadTrouble(`disk ${to.host}`, at, to.diedAt);
  return hasLived && (isOnDisk || isInRedis(infrastructure, { at, to }, simulator.now()));
}

/** Whether the answer was put into Redis and is still there. A recovery waits for an absent Redis longer than any outage here. */
const isInRedis = (infrastructure: Infrastructure, { at, to }: Pick<Arrival, 'at' | 'to'>, until: number): boolean =>
  !infrastructure.hadTrouble('redis', at, to.diedAt) && !infrastructure.hadTrouble('redis emptied', at, until);

/** 3: the old token is not sent again once its pair has arrived, unless the process that got it could not share it. */
function recoveries(simulation: Simulation, document: Account): string[] {
  const { ups, infrastructure } = simulation;
  const mine = document.data.current && grantOf(document);
  if (!mine) return [];
  return ups.sendsOf(mine.grantId).flatMap((one) => {
    const arrival = ups.delivered(one.grantId, one.generation + 1);
    if (!arrival || one.at <= arrival.at + IN_HAND_MS || arrival.to.pausedUntil >= arrival.at) return [];
    const { to, at } = arrival;
    const isShared = to.diedAt - at > IN_HAND_MS && isInRedis(infrastructure, arrival, one.at);
    if (to.isDead && to.diedAt < one.at && !isShared) return [];
    return [`3: r.${one.grantId}.${one.generation} was sent again after its answer had reached ${to.name}`];
  });
}
