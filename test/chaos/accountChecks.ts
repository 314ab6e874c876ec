/** Checks one account against its client's records, the UPS ledger and its own history. */

import { createHash } from 'node:crypto';
import type { AccountDocument } from '../../src/db/accounts';
import type { Db } from '../../src/db/connection';
import { HISTORY_PAGE, readEvents } from '../../src/db/history';
import type { Vault } from '../../src/db/vault';
import type { Row } from '../../src/durable/types';
import { standingOf } from '../../src/machines/definition';
import { isLossExcused, type LedgerIndex } from './ledgerChecks';
import type { Incident } from './faultInjector';
import type { Client } from './clientRecords';

export interface AccountRecord {
  document: AccountDocument;
  rows: Row[];
  client: Client | undefined;
}

/** The only reasons for which a chaos run may disconnect an account. */
const ALLOWED = [
  'refresh-outcome-unknown',
  'authorization-interrupted',
  'authorization-unavailable',
  'verification-unavailable',
  'consent-denied',
  'consent-lapsed',
  'consent-cancelled',
  'consent-replaced',
  'disconnected-by-operator',
];

export function wrongUses({ document, client }: AccountRecord): string[] {
  if (!client) return [];
  const stored = document.data.usedBy.map(({ kind, ref }) => `${kind}/${ref}`).sort();
  const noted = [...client.uses].sort();
  return stored.join() === noted.join()
    ? []
    : [`${document.id} has ${stored.join(' ')}, its client was told ${noted.join(' ')}`];
}

/** A connected account whose pair UPS would refuse, and which does not know that. */
export function lostInSilence({ document, client }: AccountRecord, { byRefresh }: LedgerIndex, vault: Vault): string[] {
  const { id, tenantId, data, view, snapshot } = document;
  const { token } = standingOf(snapshot.value);
  const slot = data.current;
  if (view.state !== 'connected') return [];
  if (slot === null) return [`${id} is connected and holds no pair`];
  const { grantId, generation, refresh } = slot;
  const plain = vault.open(refresh, { tenantId, accountId: id, field: 'refresh', grantId, generation });
  const known = byRefresh.get(createHash('sha256').update(plain).digest('hex'));
  if (!known) return [`${id} holds a refresh token that UPS never gave`];
  if (client && known.grant.username !== client.username) return [`${id} holds the pair of ${known.grant.username}`];
  const newest = known.grant.pairs.length;
  // The account knows: the answer is awaited, was refused, or is being examined.
  const isTold = token === 'ending' || token === 'held' || slot.sends.length > 0;
  if (known.generation === newest && !known.grant.isRevoked) return [];
  return isTold ? [] : [`${id} is ${token ?? ''} with pair ${known.generation}, UPS has given ${newest}`];
}

const reasonTold = (row: Row, type: string): string | null => {
  const outgoing = row.outgoing.find((one) => one.type === type);
  return outgoing === undefined ? null : ((outgoing.data['reason'] ?? '') as string);
};

export const lossesOf = ({ rows }: AccountRecord): Row[] =>
  rows.filter((row) => reasonTold(row, 'account.reconnect-needed') === 'refresh-outcome-unknown');

/** A lost grant whose answer had reached a process that kept running. */
export function unexcused(
  account: AccountRecord,
  { byUsername }: LedgerIndex,
  incidents: readonly Incident[],
): string[] {
  const grants = byUsername.get(account.client?.username ?? '') ?? [];
  return lossesOf(account).flatMap(({ at, seq }) => {
    const before = grants.filter(({ issuedAt }) => issuedAt <= at);
    if (before.some((grant) => wasLost(grant, at) && isLossExcused(grant, incidents))) return [];
    return [`${account.document.id} lost its grant at seq ${seq}, and no answer of UPS was lost on the way`];
  });
}

/** The longest time from a refused send to the row that records it: a slow answer, the wait for a second opinion, the store away. */
const TOLD_MS = 180_000;

/** UPS refused a send of this grant shortly before. */
const wasLost = ({ sends }: { sends: { at: number; status: number | null }[] }, at: number): boolean =>
  sends.some((sent) => sent.status === 400 && sent.at <= at && sent.at > at - TOLD_MS);

/** A code is valid for 30 s at UPS: a process that was paused for most of that time sends it too late. */
const STOOD_STILL_MS = 20_000;

const stoodStill = (incidents: readonly Incident[], at: number): boolean =>
  incidents.some(({ kind, from, to }) => {
    const end = to ?? Infinity;
    return kind === 'pause' && end - from >= STOOD_STILL_MS && from <= at && end >= at - STOOD_STILL_MS;
  });

export function wronglyDisconnected(
  { document: { id, view }, rows }: AccountRecord,
  incidents: readonly Incident[],
): string[] {
  const told = rows.flatMap((row) => {
    const reason = reasonTold(row, 'account.disconnected') ?? reasonTold(row, 'account.reconnect-needed');
    return reason === null ? [] : [{ reason, seq: row.seq, at: row.at }];
  });
  const isAllowed = ({ reason, at }: { reason: string; at: number }): boolean =>
    ALLOWED.includes(reason) || (reason === 'authorization-rejected' && stoodStill(incidents, at));
  const wrong = told
    .filter((one) => !isAllowed(one))
    .map(({ reason, seq }) => `${id} at seq ${seq}: ${reason || 'no reason'}`);
  const now = view.reason ?? 'no reason';
  const isUntold =
    view.state === 'disconnected' && !ALLOWED.includes(now) && !told.some(({ reason }) => reason === now);
  return isUntold ? [...wrong, `${id}: ${now}`] : wrong;
}

export function gaps({ document: { id, seq, firstSeq }, rows }: AccountRecord): string[] {
  const numbers = new Set(rows.map((row) => row.seq));
  const missing = Array.from({ length: seq - firstSeq + 1 }, (_, n) => firstSeq + n).filter((one) => !numbers.has(one));
  const isDoubled = new Set(rows.map(({ eventId }) => eventId)).size !== rows.length;
  return [
    ...(missing.length > 0 ? [`${id} is at seq ${seq}, history lacks ${missing.join(' ')}`] : []),
    ...(isDoubled ? [`${id}: one event is in history twice`] : []),
  ];
}

/** Each outgoing event in history must also be in the events collection, unless its row still waits in the outbox. */
export async function untold(db: Db, { document, rows }: AccountRecord): Promise<string[]> {
  const told = new Set<string>();
  for (let after = 0, count = HISTORY_PAGE; count === HISTORY_PAGE;) {
    const page = await readEvents(db, document, after);
    for (const { seq, type } of page) told.add(`${seq} ${type}`);
    count = page.length;
    after = page.at(-1)?.seq ?? 0;
  }
  const waiting = new Set(document.outbox.map(({ row }) => row.seq));
  const missing = rows
    .filter(({ seq }) => !waiting.has(seq))
    .flatMap(({ seq, outgoing }) => outgoing.map(({ type }) => `${seq} ${type}`).filter((one) => !told.has(one)));
  return missing.map((one) => `${document.id}: ${one}`);
}
