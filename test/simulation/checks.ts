/** What must always hold (design.md, by its numbers), looked at when a world has healed. */

import { schedule } from '../../src/durable/decide';
import { replay } from '../../src/durable/replay';
import type { Document, Row } from '../../src/durable/types';
import type { AccountContext } from '../../src/machines/context';
import type { AccountData } from '../../src/machines/data';
import { standingOf, type AccountView } from '../../src/machines/definition';
import type { Scene } from './life';
import { definition, vault } from './service';

type Account = Document<AccountData, AccountView>;

/** Whatever was due is done by now: a sweep comes every few seconds. */
const OVERDUE_MS = 150_000;
/** An answer that its process held for less than this may die with it: the second place takes it after 250 ms. */
const IN_HAND_MS = 8_000;

export function findViolations(scene: Scene): string[] {
  return scene.accountIds.flatMap((id) => {
    const document = scene.machines.memory.documents().find((one) => one.id === id);
    if (!document) return wasAccepted(scene, id) ? [`1: ${id} was created and is not there`] : [];
    const rows = rowsOf(scene, document);
    return [
      ...lost(scene, id, rows),
      ...gaps(document, rows),
      ...replayed(document, rows),
      ...overdue(scene, document),
      ...unscheduled(document),
      ...grants(scene, document, rows),
      ...recoveries(scene, document),
    ];
  });
}

const wasAccepted = ({ told }: Scene, id: string): boolean => told.some(({ accountId }) => accountId === id);

/** History, and what waits for it. */
function rowsOf({ machines }: Scene, document: Account): Row[] {
  const rows = new Map(machines.memory.history(document.id).map((row) => [row.seq, row]));
  for (const { row } of document.outbox) if (!rows.has(row.seq)) rows.set(row.seq, row);
  return [...rows.values()].sort((a, b) => a.seq - b.seq);
}

/** 1 and 5: what was accepted is in history once, and what was not is not there. */
function lost({ told }: Scene, id: string, rows: Row[]): string[] {
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

function overdue({ world }: Scene, { id, wakeAt, upsAt, snapshot }: Account): string[] {
  const before = world.now() - OVERDUE_MS;
  const late = [wakeAt, upsAt].filter((at) => at !== null && at < before);
  return late.length === 0 ? [] : [`1: ${id} is stuck in ${JSON.stringify(snapshot.value)}`];
}

/** 2: whatever is due is found by its instants. */
function unscheduled(document: Account): string[] {
  const { wakeAt, upsAt } = schedule(definition, document);
  return wakeAt === document.wakeAt && upsAt === document.upsAt
    ? []
    : [`2: ${document.id} will not be found when it is due`];
}

/** 3, 4, 6: the account holds the newest pair of its grant, or what became of it is known and said. */
function grants({ ups }: Scene, document: Account, rows: Row[]): string[] {
  const { id, data, view } = document;
  const { token } = standingOf(document.snapshot.value);
  const grantId = data.current && grantOf(document);
  const newest = grantId ? ups.newest(grantId.grantId) : null;
  if (!data.current || !newest || !grantId)
    return view.state === 'connected' ? [`4: ${id} is connected by no grant`] : disconnectedFor(rows, view);
  const isNewest = newest.generation === grantId.generation;
  if (isNewest && !newest.isRevoked) {
    if (token === 'ending') return [`4: ${id} is ending although UPS takes its token`];
    return [];
  }
  const arrival = ups.delivered(newest.id, newest.generation);
  const reached = arrival !== null && (!arrival.to.isDead || arrival.to.diedAt - arrival.at > IN_HAND_MS);
  if (reached && !newest.isRevoked && !isNewest)
    return [
      `3: ${id} has generation ${grantId.generation}, UPS gave ${newest.generation}, which reached ${arrival?.to.name ?? ''}`,
    ];
  const { origin } = document.snapshot.context as AccountContext;
  const reason = origin?.reason ?? view.reason;
  const isTold = reason === 'refresh-outcome-unknown' || token === 'refreshing' || token === 'backing-off';
  return isTold
    ? []
    : [`4: ${id} lost its grant and stands in ${view.state}, ${view.reason ?? 'no reason'}, ${token ?? ''}`];
}

/** 12: nothing that happens here is the account's own fault, but a lost answer. */
function disconnectedFor(rows: Row[], view: AccountView): string[] {
  const allowed = ['refresh-outcome-unknown', 'authorization-interrupted', 'consent-cancelled', null];
  if (view.state !== 'disconnected' || allowed.includes(view.reason)) return [];
  return [`12: an account is disconnected for ${view.reason ?? ''} after ${rows.length} rows`];
}

function grantOf({ id, tenantId, data }: Account): { grantId: string; generation: number } | null {
  const slot = data.current;
  if (!slot) return null;
  const { grantId, generation, refresh } = slot;
  const plain = vault.open(refresh, { tenantId, accountId: id, field: 'refresh', grantId, generation });
  const [, upsGrant = '', upsGeneration = '0'] = plain.split('.');
  return { grantId: upsGrant, generation: Number(upsGeneration) };
}

/** 3: a pair that arrived is never asked for again by its old token, unless whoever got it died. */
function recoveries({ ups }: Scene, document: Account): string[] {
  const found: string[] = [];
  const mine = document.data.current && grantOf(document);
  if (!mine) return found;
  for (const one of ups.sent.filter(({ grantId }) => grantId === mine.grantId)) {
    const arrival = ups.delivered(one.grantId, one.generation + 1);
    if (arrival && one.at > arrival.at + IN_HAND_MS && !arrival.to.isDead && arrival.to.pausedUntil < arrival.at)
      found.push(
        `3: r.${one.grantId}.${one.generation} was sent again after its answer had reached ${arrival.to.name}`,
      );
  }
  return found;
}
