/**
 * Rows leave a document's outbox for history: inserted first, dropped after, in that order always.
 * Rows of many accounts go in one insert; a routine row's dropping rides on the account's next commit.
 */

import type { Document, HistoryEntry, Row, Store } from './types';

type Outboxed = Pick<Document, 'id' | 'outbox'>;

export interface Relay<D, V> {
  /** Rows of a document whose write was acknowledged. */
  offer(document: Document<D, V>): void;
  /** History has this very row of the document's outbox: this process has seen it take it, or one behind it. */
  isRelayed: (document: Outboxed, row: Row) => boolean;
  /** Inserts and drops what documents hold, now. */
  relayNow(documents: Document<D, V>[]): Promise<void>;
  /** Resolves when nothing offered is waiting. */
  idle(): Promise<void>;
}

/** How long rows wait for company. An outgoing event does not. */
const BATCH_MS = 100;
/** Inserts under way; while as many are, rows wait for company, urgent ones too, instead of waiting for a connection. */
const RUNNING_MAX = 4;
/** So many documents wait, at some 6 kB each; those beyond are left to the sweep, which finds them by their relayAt. */
const WAITING_MAX = 5_000;
const BATCH_MAX = 1_000;
/** How many accounts' progress this process remembers; forgetting one costs an insert that is a duplicate. */
const REMEMBERED = 100_000;

/**
 * The last row of an account that history took. A seq alone does not tell it: in a database that was restored under this
 * process the account counts on with other rows, and one of them may even be the same event, committed at another instant.
 */
interface Relayed extends Pick<Row, 'seq' | 'eventId' | 'at'> {
  /** The number of its insert. */
  insert: number;
}

const isSame = (row: Row, { seq, eventId, at }: Relayed): boolean =>
  row.seq === seq && row.eventId === eventId && row.at === at;

interface Waiting<D, V> {
  document: Document<D, V>;
  urgent: boolean;
}

export function makeRelay<D, V>(
  store: Store<D, V>,
  drop: (documents: Document<D, V>[]) => Promise<void>,
  report: (error: unknown) => void,
): Relay<D, V> {
  const relayed = new Map<string, Relayed>();
  let inserts = 0;
  const waiting = new Map<string, Waiting<D, V>>();
  let timer: NodeJS.Timeout | null = null;
  let soon = false;
  const running = new Set<Promise<void>>();

  /** Without the row that is remembered nothing is known of an outbox: its rows are inserted, again if need be. */
  const isRelayed = ({ id, outbox }: Outboxed, { seq }: Row): boolean => {
    const last = relayed.get(id);
    return last !== undefined && seq <= last.seq && outbox.some(({ row }) => isSame(row, last));
  };

  /** Of two inserts under way the older one may be answered last: it is not what is remembered. */
  const remember = (id: string, { seq, eventId, at }: Row, insert: number) => {
    const known = relayed.get(id);
    relayed.delete(id);
    relayed.set(id, known && known.insert > insert ? known : { seq, eventId, at, insert });
    if (relayed.size <= REMEMBERED) return;
    const oldest = relayed.keys().next().value;
    if (oldest !== undefined) relayed.delete(oldest);
  };

  const rowsOf = (document: Document<D, V>): HistoryEntry[] =>
    document.outbox
      .filter(({ row }) => !isRelayed(document, row))
      .map((entry) => ({ ...entry, id: document.id, tenantId: document.tenantId }));

  async function insert(documents: Document<D, V>[]): Promise<void> {
    const number = ++inserts;
    const entries = documents.flatMap(rowsOf);
    if (entries.length > 0) await store.appendHistory(entries);
    for (const { id, outbox } of documents) {
      const last = outbox.at(-1);
      if (last) remember(id, last.row, number);
    }
  }

  async function relayNow(documents: Document<D, V>[]): Promise<void> {
    await insert(documents);
    await drop(documents);
  }

  async function run(batch: Waiting<D, V>[]): Promise<void> {
    await insert(batch.map(({ document }) => document));
    await drop(batch.filter(({ urgent }) => urgent).map(({ document }) => document));
  }

  /** Rows that can wait are not sent beside others: a slow store is asked less often, for more at a time. */
  function flushWhenFewer(most: number): void {
    if (running.size < most) flush();
    else timer = setTimeout(() => flushWhenFewer(most), BATCH_MS);
  }

  /** The oldest go first; the rest follows at once. */
  function takeBatch(): Waiting<D, V>[] {
    const batch = [...waiting.values()].slice(0, BATCH_MAX);
    for (const { document } of batch) waiting.delete(document.id);
    if (waiting.size > 0) flushSoon();
    return batch;
  }

  function flush(): void {
    if (timer) clearTimeout(timer);
    timer = null;
    soon = false;
    const batch = takeBatch();
    if (batch.length === 0) return;
    // A batch that fails is not tried again here: the sweep finds the outboxes by their relayAt.
    const one = run(batch).catch(report);
    running.add(one);
    void one.finally(() => running.delete(one));
  }

  function flushSoon(): void {
    if (soon) return;
    soon = true;
    if (timer) clearTimeout(timer);
    timer = setTimeout(() => flushWhenFewer(RUNNING_MAX), 0);
  }

  function offer(document: Document<D, V>): void {
    if (waiting.size >= WAITING_MAX && !waiting.has(document.id)) return;
    const urgent = document.outbox.some(({ row }) => !row.routine);
    waiting.set(document.id, { document, urgent: urgent || (waiting.get(document.id)?.urgent ?? false) });
    if (urgent) flushSoon();
    else if (!timer) timer = setTimeout(() => flushWhenFewer(1), BATCH_MS);
  }

  async function idle(): Promise<void> {
    while (waiting.size > 0 || running.size > 0) {
      flush();
      await Promise.all(running);
    }
  }

  return { offer, isRelayed, relayNow, idle };
}
