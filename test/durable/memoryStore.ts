/**
 * A Store and a Queue in memory, held to the same contract as the real ones. Faults are asked for by a function, so that
 * a test or a simulation decides at each call what goes wrong.
 */

import { changesOf } from '../../src/db/changes';
import { StoreUnavailable } from '../../src/durable/errors';
import type {
  Checkpoint,
  Document,
  DueItem,
  Grave,
  HistoryEntry,
  Queue,
  Row,
  Store,
  Written,
} from '../../src/durable/types';

export type StoreOperation =
  'load' | 'insert' | 'insertMany' | 'findGrave' | 'write' | 'writeMany' | 'appendHistory' | 'findApplied' | 'due';

/**
 * before: lost on the way, nothing happened. after: it happened, the answer was lost.
 * stale (load, due): answered from the state before the latest write.
 */
export type Fault = 'before' | 'after' | 'stale';
export type Faults = (operation: StoreOperation, id: string | null) => Fault | null;

export interface MemoryStore<Data, View> extends Store<Data, View> {
  /** What is stored, or the named of it, for a test to look at; copies. */
  documents(ids?: string[]): Document<Data, View>[];
  history(id: string): Row[];
  checkpoints(id: string): Checkpoint[];
  /** Removes the account as an erasure does. */
  bury(id: string): void;
  /** How often each operation was called. */
  readonly calls: Record<StoreOperation, number>;
}

type Kept<Data, View> = Map<string, Document<Data, View>>;

export function makeMemoryStore<Data extends object, View extends object>(
  faults: Faults = () => null,
): MemoryStore<Data, View> {
  const documents: Kept<Data, View> = new Map();
  const previous: Kept<Data, View> = new Map();
  const graves = new Map<string, Grave>();
  const history = new Map<string, Map<number, HistoryEntry>>();
  const calls = {
    ...{ load: 0, insert: 0, insertMany: 0, findGrave: 0, write: 0, writeMany: 0 },
    ...{ appendHistory: 0, findApplied: 0, due: 0 },
  };

  function keep(document: Document<Data, View>): void {
    const before = documents.get(document.id);
    if (before) previous.set(document.id, before);
    documents.set(document.id, document);
  }

  /** As over a network: no shared references, and no `undefined`. */
  const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

  async function read<T>(operation: StoreOperation, id: string | null, answer: (kept: Kept<Data, View>) => T) {
    calls[operation]++;
    const fault = faults(operation, id);
    if (fault === 'before' || fault === 'after') throw new StoreUnavailable('The store is away, as the test asked.');
    return copy(answer(fault === 'stale' ? new Map([...documents, ...previous]) : documents));
  }

  async function change(operation: 'insert' | 'write', id: string, happen: () => 'done' | 'lost'): Promise<Written> {
    calls[operation]++;
    const fault = faults(operation, id);
    if (fault === 'before') return 'unknown';
    const written = happen();
    return fault === 'after' ? 'unknown' : written;
  }

  function place(document: Document<Data, View>, over: Grave | null): 'done' | 'lost' {
    const grave = graves.get(document.id);
    if (documents.has(document.id) || grave?.rev !== over?.rev) return 'lost';
    graves.delete(document.id);
    keep(copy(document));
    return 'done';
  }

  /** The parts that differ by reference, as the real one: a document changed in place is caught here too. */
  function replace(before: Document<Data, View>, next: Document<Data, View>): 'done' | 'lost' {
    const stored = documents.get(before.id);
    if (stored?.rev !== before.rev) return 'lost';
    keep(applied(stored, copy(changesOf(before, next))));
    return 'done';
  }

  function append({ id, ...entry }: HistoryEntry): void {
    const rows = history.get(id) ?? new Map<number, HistoryEntry>();
    if (!rows.has(entry.row.seq)) rows.set(entry.row.seq, copy({ id, ...entry }));
    history.set(id, rows);
  }

  const entriesOf = (id: string): HistoryEntry[] =>
    copy([...(history.get(id)?.values() ?? [])].sort((a, b) => a.row.seq - b.row.seq));

  function rowById(id: string, eventId: string): Row | null {
    for (const { row } of history.get(id)?.values() ?? []) if (row.eventId === eventId) return row;
    return null;
  }

  return {
    calls,
    documents: (ids = [...documents.keys()]) => {
      const found = ids.flatMap((id) => documents.get(id) ?? []);
      return found.map((document) => copy(document));
    },
    history: (id) => entriesOf(id).map(({ row }) => row),
    checkpoints: (id) => entriesOf(id).flatMap(({ checkpoint }) => (checkpoint ? [checkpoint] : [])),

    load: (id, tenantId) =>
      read('load', id, (kept) => {
        const found = kept.get(id);
        return found && (tenantId === undefined || found.tenantId === tenantId) ? found : null;
      }),

    insert: (document, over = null) => change('insert', document.id, () => place(document, over)),

    insertMany: async (many) => {
      calls.insertMany++;
      const fault = faults('insertMany', null);
      const written = fault === 'before' ? [] : many.map((document) => place(document, null));
      return fault === null ? written : many.map(() => 'unknown');
    },

    findGrave: (id) => read('findGrave', id, () => graves.get(id) ?? null),

    write: (before, next) => change('write', before.id, () => replace(before, next)),

    writeMany: async (changes) => {
      calls.writeMany++;
      const fault = faults('writeMany', null);
      if (fault !== 'before') for (const { before, next } of changes) replace(before, next);
      if (fault !== null) throw new StoreUnavailable('The store is away, as the test asked.');
    },

    bury: (id) => {
      const { rev, seq } = documents.get(id) ?? { rev: 0, seq: 0 };
      graves.set(id, { rev: rev + 1, seq });
      documents.delete(id);
      history.delete(id);
    },

    appendHistory: async (entries) => {
      calls.appendHistory++;
      const fault = faults('appendHistory', null);
      if (fault !== 'before') entries.forEach(append);
      if (fault !== null) throw new StoreUnavailable('The store is away, as the test asked.');
    },

    findApplied: (id, eventId) => read('findApplied', id, () => rowById(id, eventId)),

    due: ({ kind, now, after, limit }) =>
      read('due', null, (kept) => {
        const all = [...kept.values()].flatMap((document): DueItem[] => {
          const at = kind === 'wake' ? document.wakeAt : document.upsAt;
          return at === null ? [] : [{ id: document.id, at, queue: kind === 'wake' ? null : document.upsQueue }];
        });
        const isAfter = (item: DueItem) =>
          after === null || item.at > after.at || (item.at === after.at && item.id > after.id);
        return all
          .filter((item) => item.at <= now && isAfter(item))
          .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
          .slice(0, limit);
      }),
  };
}

function applied<D, V>(stored: Document<D, V>, { $set, $unset = {} }: ReturnType<typeof changesOf>): Document<D, V> {
  const next: Record<string, unknown> = { ...stored, data: { ...stored.data }, view: { ...stored.view } };
  const place = (path: string): [Record<string, unknown>, string] => {
    const [first = '', ...rest] = path.split('.');
    return rest.length === 0 ? [next, first] : [next[first] as Record<string, unknown>, rest.join('.')];
  };
  for (const [path, value] of Object.entries($set)) {
    const [holder, key] = place(path);
    holder[key] = value;
  }
  for (const path of Object.keys($unset)) {
    const [holder, key] = place(path);
    if (holder === next) holder[key] = null;
    else delete holder[key];
  }
  return next as unknown as Document<D, V>;
}

export interface MemoryQueue extends Queue {
  /** Everything handed over and not yet taken. */
  take(): { id: string; queue: string; at: number }[];
  goAway(): void;
  /** Comes back empty, since a queue holds no truth. */
  comeBack(): void;
}

export function makeMemoryQueue(): MemoryQueue {
  let items: { id: string; queue: string; at: number }[] = [];
  let isAway = false;
  return {
    hand: async (handed) => {
      if (!isAway) items.push(...handed.map((item) => ({ ...item })));
      return !isAway;
    },
    take: () => items.splice(0),
    goAway: () => {
      isAway = true;
    },
    comeBack: () => {
      items = [];
      isAway = false;
    },
  };
}
