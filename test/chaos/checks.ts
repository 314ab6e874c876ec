/** The checks, when all is mended and every process has ended: the store against what clients were told and UPS saw. */

import { replayOne } from '../../src/cli/accounts/replay';
import type { AccountDocument } from '../../src/db/accounts';
import type { Db } from '../../src/db/connection';
import { HISTORY_PAGE, readHistory } from '../../src/db/history';
import { makeVault } from '../../src/db/vault';
import type { Row } from '../../src/durable/types';
import { standingOf } from '../../src/machines/definition';
import type { Cast } from './system';
import { ledgerViolations, longestRefreshDelayMs, openBooks, type Books } from './ledgerChecks';
import type { Incident } from './faultInjector';
import type { Notebook } from './clientRecords';
import {
  gaps,
  lossesOf,
  lostInSilence,
  unexcused,
  untold,
  wronglyDisconnected,
  wrongUses,
  type Life,
} from './accountChecks';
import { PATIENT_MS, type ChaosOptions } from './options';
import { isOverdue, loadAll } from './atRest';

/** The rows of the table that are checks; each counts what is wrong. */
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

export interface Evidence {
  violations: { check: Check; what: string }[];
  figures: Record<string, number>;
}

export interface Witnessed {
  cast: Pick<Cast, 'ups' | 'encryptionKey'>;
  db: Db;
  options: ChaosOptions;
  notebook: Notebook;
  incidents: readonly Incident[];
  /** Never seen at rest after the healing, and why. */
  restless: ReadonlyMap<string, string>;
  died: readonly string[];
  /** Workers' connections that should wait for jobs after the healing and do not. */
  awayFromQueues: number;
  /** When the processes were told to end: nothing was done after it. */
  endedAt: number;
  /** Answers that lay in the second place while the store was away; null where nobody looked. */
  spooled: number | null;
}

export async function examine(seen: Witnessed): Promise<Evidence> {
  const books = openBooks(await seen.cast.ups.ledger());
  const vault = makeVault([seen.cast.encryptionKey]);
  const violations: Evidence['violations'] = [];
  const found = (check: Check, what: string[]): void =>
    void violations.push(...what.map((one) => ({ check, what: one })));
  const lives: Life[] = [];
  for (const document of await loadAll(seen.db)) {
    const client = seen.notebook.clients.find(({ accountId }) => accountId === document.id);
    const life = { document, rows: await allRows(seen.db, document), client };
    lives.push(life);
    found('noted uses that are not there', wrongUses(life));
    found('accounts lost in silence', lostInSilence(life, books, vault));
    found('losses that nothing excuses', unexcused(life, books, seen.incidents));
    found('disconnected for no allowed reason', wronglyDisconnected(life, seen.incidents));
    found('stuck', stuck(life, seen));
    found('gaps in history', gaps(life));
    found('events not told', await untold(seen.db, life));
    const replayed = await replayOne(seen.db, document);
    found('replays that differ', replayed.same ? [] : [`${document.id} from seq ${replayed.seq}: ${replayed.why}`]);
  }
  found('accepted, not in history once', misplaced(seen.notebook, lives));
  found('answers that nothing explains', [...seen.notebook.strange, ...strangeTokens(seen.notebook, books)]);
  found('events never answered', seen.notebook.unanswered);
  found('not to be connected afterwards', seen.notebook.outside);
  found('violations in the ledger', ledgerViolations(books));
  found('processes that ended by themselves', [...seen.died]);
  const missing = `${seen.awayFromQueues} connections do not wait for jobs`;
  found('workers not back at their queues', seen.awayFromQueues > 0 ? [missing] : []);
  return { violations, figures: figuresOf(seen, lives, books) };
}

async function allRows(db: Db, document: AccountDocument): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after = 0; ; after = rows.at(-1)?.seq ?? 0) {
    const page = await readHistory(db, document, after);
    rows.push(...page);
    if (page.length < HISTORY_PAGE) return rows;
  }
}

/** What was told as done is in history once; what was not is not there, unless another try, before or beside it, may have done it. */
function misplaced({ told, clients }: Notebook, lives: Life[]): string[] {
  const counts = new Map<string, number>();
  for (const { document, rows } of lives)
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
  const there = new Set(lives.map(({ document }) => document.id));
  const missing = clients.filter(({ accountId }) => accountId !== null && !there.has(accountId));
  return [
    ...events,
    ...missing.map(({ name, accountId }) => `${name} (${accountId ?? ''}) was created and is not there`),
  ];
}

function stuck({ document }: Life, { restless, endedAt, options }: Witnessed): string[] {
  const { id, outbox } = document;
  const why = restless.get(id);
  const isPatient = options.settleMs >= PATIENT_MS;
  if (why !== undefined && (isPatient || why.startsWith('overdue'))) return [`${id} did not settle: ${why}`];
  if (isOverdue(document, endedAt)) return [`${id} was overdue when the processes ended`];
  return outbox.some(({ row }) => !row.routine) ? [`${id} still holds rows that are to be told at once`] : [];
}

/** A token that was served is one that UPS gave to that very merchant. */
const strangeTokens = ({ clients }: Notebook, { ownerOfAccess }: Books): string[] =>
  clients.flatMap(({ name, username, tokens }) =>
    [...tokens].filter((one) => ownerOfAccess.get(one) !== username).map(() => `${name} was served a token of another`),
  );

const longestPauseMs = (instants: number[]): number => {
  const inOrder = instants.toSorted((a, b) => a - b);
  return Math.max(0, ...inOrder.slice(1).map((at, n) => at - (inOrder[n] ?? at)));
};

function figuresOf(
  { notebook, restless, options, spooled }: Witnessed,
  lives: Life[],
  books: Books,
): Record<string, number> {
  const { told } = notebook;
  const accepted = told.filter(({ verdict }) => verdict === 'applied' || verdict === 'duplicate');
  const standing = lives.map(({ document }) => standingOf(document.snapshot.value));
  return {
    accounts: lives.length,
    'connected at the end': standing.filter(({ state }) => state === 'connected').length,
    'events with a verdict': told.length,
    '… accepted, each once in history': accepted.length,
    '… sent more than once': told.filter(({ tries }) => tries > 1).length,
    'rows in history': lives.reduce((sum, { rows }) => sum + rows.length, 0),
    'requests at UPS': books.ledger.uses.length,
    'pairs that UPS gave': books.ledger.tokens.length,
    '… sent again when settled': books.ledger.repeats.length,
    ...(spooled !== null && { 'answers in the second place': spooled }),
    'outcomes unknown, and named': lives.reduce((sum, life) => sum + lossesOf(life).length, 0),
    'held by a wave at the end': standing.filter(({ token }) => token === 'held').length,
    'still waiting for their time': restless.size,
    'longest until a verdict, ms': Math.round(Math.max(0, ...told.map(({ tookMs }) => tookMs))),
    'longest time without a pair, ms': longestPauseMs(books.ledger.tokens.map(({ issuedAt }) => Date.parse(issuedAt))),
    'latest refresh behind its time, ms': Math.round(longestRefreshDelayMs(books, options.accessTokenSeconds)),
  };
}
