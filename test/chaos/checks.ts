/** The checks after a run: compares the store with what clients were told and what UPS saw. */

import { replayOne } from '../../src/cli/accounts/replay';
import type { AccountDocument } from '../../src/db/accounts';
import type { Db } from '../../src/db/connection';
import { HISTORY_PAGE, readHistory } from '../../src/db/history';
import { makeVault } from '../../src/db/vault';
import type { Row } from '../../src/durable/types';
import { standingOf } from '../../src/machines/definition';
import type { TestSystem } from './system';
import { ledgerViolations, longestRefreshDelayMs, indexLedger, type LedgerIndex } from './ledgerChecks';
import type { Incident } from './faultInjector';
import type { ClientRecords } from './clientRecords';
import {
  gaps,
  lossesOf,
  lostInSilence,
  unexcused,
  untold,
  wronglyDisconnected,
  wrongUses,
  type AccountRecord,
} from './accountChecks';
import { PATIENT_MS, type ChaosOptions } from './options';
import { isOverdue, loadAll } from './atRest';

/** The rows of the report that must be 0. */
export const checks = [
  'accepted, not in history once',
  'noted uses that are not there',
  'answers that nothing explains',
  'events never answered',
  'violations in the ledger',
  'accounts lost in silence',
  'losses that nothing excuses',
  'disconnected for no allowed reason',
  'stuck',
  'not to be connected afterwards',
  'gaps in history',
  'events not told',
  'replays that differ',
  'processes that ended by themselves',
  'workers not back at their queues',
] as const;
export type Check = (typeof checks)[number];

export interface CheckResult {
  violations: { check: Check; what: string }[];
  figures: Record<string, number>;
}

export interface RunState {
  system: Pick<TestSystem, 'ups' | 'encryptionKey'>;
  db: Db;
  options: ChaosOptions;
  records: ClientRecords;
  incidents: readonly Incident[];
  /** Accounts never seen at rest after the faults ended, with the reason. */
  notAtRest: ReadonlyMap<string, string>;
  died: readonly string[];
  /** How many worker connections should wait for jobs after the faults ended and do not. */
  awayFromQueues: number;
  /** When the processes were told to end. */
  endedAt: number;
  /** Answers in the second place while the store was away; null in runs that do not count them. */
  spooled: number | null;
}

export async function checkRun(state: RunState): Promise<CheckResult> {
  const index = indexLedger(await state.system.ups.ledger());
  const vault = makeVault([state.system.encryptionKey]);
  const violations: CheckResult['violations'] = [];
  const found = (check: Check, what: string[]): void =>
    void violations.push(...what.map((one) => ({ check, what: one })));
  const accounts: AccountRecord[] = [];
  for (const document of await loadAll(state.db)) {
    const client = state.records.clients.find(({ accountId }) => accountId === document.id);
    const account = { document, rows: await allRows(state.db, document), client };
    accounts.push(account);
    found('noted uses that are not there', wrongUses(account));
    found('accounts lost in silence', lostInSilence(account, index, vault));
    found('losses that nothing excuses', unexcused(account, index, state.incidents));
    found('disconnected for no allowed reason', wronglyDisconnected(account, state.incidents));
    found('stuck', stuck(account, state));
    found('gaps in history', gaps(account));
    found('events not told', await untold(state.db, account));
    const replayed = await replayOne(state.db, document);
    found('replays that differ', replayed.same ? [] : [`${document.id} from seq ${replayed.seq}: ${replayed.why}`]);
  }
  found('accepted, not in history once', misplaced(state.records, accounts));
  found('answers that nothing explains', [...state.records.unexplained, ...strangeTokens(state.records, index)]);
  found('events never answered', state.records.unanswered);
  found('not to be connected afterwards', state.records.notConnected);
  found('violations in the ledger', ledgerViolations(index));
  found('processes that ended by themselves', [...state.died]);
  const missing = `${state.awayFromQueues} connections do not wait for jobs`;
  found('workers not back at their queues', state.awayFromQueues > 0 ? [missing] : []);
  return { violations, figures: figuresOf(state, accounts, index) };
}

async function allRows(db: Db, document: AccountDocument): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after = 0; ; after = rows.at(-1)?.seq ?? 0) {
    const page = await readHistory(db, document, after);
    rows.push(...page);
    if (page.length < HISTORY_PAGE) return rows;
  }
}

/** An accepted event must be in history once. Any other event must not be there, unless another attempt may have applied it. */
function misplaced({ told, clients }: ClientRecords, accounts: AccountRecord[]): string[] {
  const counts = new Map<string, number>();
  for (const { document, rows } of accounts)
    for (const { eventId } of rows)
      counts.set(`${document.id} ${eventId}`, (counts.get(`${document.id} ${eventId}`) ?? 0) + 1);
  const sent = new Map<string, number>();
  for (const { eventId, tries } of told) sent.set(eventId, (sent.get(eventId) ?? 0) + tries);
  const events = told.flatMap(({ accountId, eventId, type, verdict }) => {
    const count = counts.get(`${accountId} ${eventId}`) ?? 0;
    const isDone = verdict === 'applied' || verdict === 'duplicate';
    const isRight = isDone ? count === 1 : count === 0 || (sent.get(eventId) ?? 0) > 1;
    return isRight
      ? []
      : [`${type} ${eventId} of ${accountId} was answered ${verdict} and is in history ${count} times`];
  });
  const there = new Set(accounts.map(({ document }) => document.id));
  const missing = clients.filter(({ accountId }) => accountId !== null && !there.has(accountId));
  return [
    ...events,
    ...missing.map(({ name, accountId }) => `${name} (${accountId ?? ''}) was created and is not there`),
  ];
}

function stuck({ document }: AccountRecord, { notAtRest, endedAt, options }: RunState): string[] {
  const { id, outbox } = document;
  const why = notAtRest.get(id);
  const isPatient = options.settleMs >= PATIENT_MS;
  if (why !== undefined && (isPatient || why.startsWith('overdue'))) return [`${id} did not settle: ${why}`];
  if (isOverdue(document, endedAt)) return [`${id} was overdue when the processes ended`];
  return outbox.some(({ row }) => !row.routine) ? [`${id} still holds rows that are to be told at once`] : [];
}

/** Every token served must be one that UPS gave to that merchant. */
const strangeTokens = ({ clients }: ClientRecords, { ownerOfAccess }: LedgerIndex): string[] =>
  clients.flatMap(({ name, username, tokens }) =>
    [...tokens].filter((one) => ownerOfAccess.get(one) !== username).map(() => `${name} was served a token of another`),
  );

const longestPauseMs = (instants: number[]): number => {
  const inOrder = instants.toSorted((a, b) => a - b);
  return Math.max(0, ...inOrder.slice(1).map((at, n) => at - (inOrder[n] ?? at)));
};

function figuresOf(
  { records, notAtRest, options, spooled }: RunState,
  accounts: AccountRecord[],
  index: LedgerIndex,
): Record<string, number> {
  const { told } = records;
  const accepted = told.filter(({ verdict }) => verdict === 'applied' || verdict === 'duplicate');
  const standing = accounts.map(({ document }) => standingOf(document.snapshot.value));
  return {
    accounts: accounts.length,
    'connected at the end': standing.filter(({ state }) => state === 'connected').length,
    'events with a verdict': told.length,
    '… accepted, each once in history': accepted.length,
    '… sent more than once': told.filter(({ tries }) => tries > 1).length,
    'rows in history': accounts.reduce((sum, { rows }) => sum + rows.length, 0),
    'requests at UPS': index.ledger.uses.length,
    'pairs that UPS gave': index.ledger.tokens.length,
    '… sent again when settled': index.ledger.repeats.length,
    ...(spooled !== null && { 'answers in the second place': spooled }),
    'outcomes unknown, and named': accounts.reduce((sum, account) => sum + lossesOf(account).length, 0),
    'held by a wave at the end': standing.filter(({ token }) => token === 'held').length,
    'still waiting for their time': notAtRest.size,
    'longest until a verdict, ms': Math.round(Math.max(0, ...told.map(({ tookMs }) => tookMs))),
    'longest time without a pair, ms': longestPauseMs(index.ledger.tokens.map(({ issuedAt }) => Date.parse(issuedAt))),
    'latest refresh behind its time, ms': Math.round(longestRefreshDelayMs(index, options.accessTokenSeconds)),
  };
}
