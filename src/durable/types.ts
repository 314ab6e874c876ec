/** The shapes the runtime works on, and the ports it works through. It knows no UPS, no MongoDB and no Redis. */

import type { AnyStateMachine, StateValue } from 'xstate';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** An event as it is committed and kept: facts and references, never secrets. */
export interface Happening {
  type: string;
}

/** A delayed event. It is fired from here, never from a job. */
export interface Timer {
  id: string;
  event: string;
  /** Milliseconds since the epoch, as every instant. */
  dueAt: number;
}

/** The right to run an invocation, until an instant. */
export interface Claim {
  by: string;
  attempt: number;
  until: number;
}

/** Work the machine started. A result names its key, and counts only while that key is here. */
export interface Invocation {
  /** `<seq it started at>-<id>` */
  key: string;
  id: string;
  src: string;
  input: JsonObject;
  claim: Claim | null;
  /** When whoever sweeps tells of it again: commit + 30 s, moved to the claim's end when claimed. */
  retellAt: number;
}

export interface Outgoing {
  type: string;
  data: JsonObject;
}

/** One applied event: what history keeps, and what replays. */
export interface Row {
  seq: number;
  at: number;
  event: Happening;
  /** What the transition was decided on. */
  facts: object;
  actor: string;
  from: string | null;
  to: string;
  /** Given by the client, or minted before the first try. */
  eventId: string;
  /** A hash of what the client sent with that id. */
  bodyHash: string | null;
  /** An eager refresh's own rows: many, and of interest for a month. */
  routine: boolean;
  version: number;
  outgoing: Outgoing[];
}

export interface StoredSnapshot {
  status: 'active';
  value: StateValue;
  context: object;
  historyValue: object;
}

/** Where a replay may start: everything the machine had after that seq. */
export interface Checkpoint {
  seq: number;
  at: number;
  version: number;
  snapshot: StoredSnapshot;
  timers: Timer[];
  invocations: Pick<Invocation, 'key' | 'id' | 'src' | 'input'>[];
}

/** An outgoing row waiting in the document until history has it. */
export interface OutboxEntry {
  row: Row;
  checkpoint: Checkpoint | null;
}

/** One account, whole. `Data` is the host's own part, `View` the fields lists are filtered by. */
export interface Document<Data = unknown, View = unknown> {
  id: string;
  tenantId: string;
  version: number;
  /** Of the machine that wrote it last, beside its version: two machines of one version must be the same. */
  shape: string | null;
  /** Grows with every write. */
  rev: number;
  /** Grows with every applied event, and numbers the history. */
  seq: number;
  /** Where its history begins: 1, or behind what an erased account of that id left. */
  firstSeq: number;
  snapshot: StoredSnapshot;
  timers: Timer[];
  invocations: Invocation[];
  outbox: OutboxEntry[];
  checkpointSeq: number;
  data: Data;
  view: View;
  /** The earliest of what is due without UPS; null when nothing is. */
  wakeAt: number | null;
  /** The earliest of what needs UPS, and the queue it goes to. */
  upsAt: number | null;
  upsQueue: string | null;
  createdAt: number;
  updatedAt: number;
}

export type Written =
  /** Acknowledged by a majority. */
  | 'done'
  /** Another write came first (insert: the id exists). */
  | 'lost'
  /** No answer: it may have happened, or not. */
  | 'unknown';

/** What is left of an erased account: should one of that id come again, its numbers go on from here. */
export interface Grave {
  rev: number;
  seq: number;
}

export interface DueItem {
  id: string;
  at: number;
  queue: string | null;
}

export interface DuePage {
  kind: 'wake' | 'ups';
  now: number;
  /** The last item of the page before; null for the first page. */
  after: DueItem | null;
  limit: number;
}

/** Durable truth. Every method rejects only with StoreUnavailable, or for a bug. */
export interface Store<Data = unknown, View = unknown> {
  /** A majority read; null when there is none, or when it is another tenant's. */
  load(id: string, tenantId?: string): Promise<Document<Data, View> | null>;
  /** `over`: in the place of that grave, and of nothing else. */
  insert(document: Document<Data, View>, over?: Grave | null): Promise<Written>;
  /** Many in one go, each as `insert`. */
  insertMany(documents: Document<Data, View>[]): Promise<Written[]>;
  findGrave(id: string): Promise<Grave | null>;
  /** Compare-and-set: written only if the stored rev is `before.rev`. Only what differs from `before` is sent. */
  write(before: Document<Data, View>, next: Document<Data, View>): Promise<Written>;
  /** Many in one go, each as `write`; which of them came first is not told. */
  writeMany(changes: { before: Document<Data, View>; next: Document<Data, View> }[]): Promise<void>;
  /** Rows of many accounts in one go; a row that is there already is done. */
  appendHistory(entries: HistoryEntry[]): Promise<void>;
  /** The applied event of that id, from history (the outbox is searched by the runtime itself). */
  findApplied(id: string, eventId: string): Promise<Row | null>;
  /** Ids only, in order of instant and id. */
  due(page: DuePage): Promise<DueItem[]>;
}

export interface HistoryEntry extends OutboxEntry {
  id: string;
  tenantId: string;
}

/** Hands started work to whoever runs it. A hint: what is lost here is told again by the sweep. */
export interface Queue {
  /** Resolves false when the queue could not be reached; it never waits for it. */
  hand(items: { id: string; queue: string; at: number }[]): Promise<boolean>;
}

export interface Clock {
  now(): number;
  /** Milliseconds that never jump; for what must not be fooled by a changed wall clock. */
  monotonic(): number;
}

/** Secrets beside an event, by field name: sealed by the same write, stored nowhere else. */
export type Secrets = Record<string, string>;

/** Given to a patch: the instant, the seq of its event, and the way to seal a secret that came beside it. */
export interface PatchTools {
  at: number;
  seq: number;
  /** Seals the secret of that name, bound to tenant, account, field, grant and generation. Throws if none came. */
  seal: (field: string, binding: { grantId: string; generation: number }) => string;
}

/* Params and data are the host's; the runtime passes them through unread. Methods keep the check bivariant. */
export interface Definition<Data = unknown, View = unknown> {
  machine: AnyStateMachine;
  version: number;
  /** What of the machine a stored document could notice, as a short hash; without one it is not compared. */
  shape?: string;
  /** Written into the context just before each transition, and into its history row. */
  facts(about: { id: string; at: number; data: Data; event: Happening; attemptId: string | null }): object;
  /** Named custom actions: each a pure change of the host's data. */
  patches: Record<string, Patch<Data>>;
  /** The index fields, from snapshot and data. */
  view(snapshot: { value: StateValue; context: object }, data: Data): View;
  /** The word for a snapshot in verdicts and history: `connected`. */
  stateName(value: StateValue): string;
  /** Which queue an invocation's src or a timer's event belongs to; null for what needs no UPS. */
  queueOf(name: string): string | null;
  isRoutine(event: Happening): boolean;
  /** Events people may dispatch, for `allowed`. */
  publicEvents: readonly string[];
  /** Guard name → why, for `ignored`. */
  refusals: Record<string, string>;
  /** How long a claim holds, and what is written down with it; a string refuses the claim for that reason. */
  claim(about: {
    src: string;
    key: string;
    attempt: number;
    at: number;
    data: Data;
  }): { data: Data; until: number } | string;
  /** A result whose invocation is gone: the event it becomes, or null when it means nothing any more. */
  late(output: unknown, data: Data): Happening | null;
}

export interface Patch<Data> {
  apply(data: Data, params: unknown, tools: PatchTools): Data;
}

export interface Verdict<Doc = Document> {
  verdict: 'applied' | 'duplicate' | 'ignored' | 'illegal';
  eventId: string;
  seq: number;
  from: string;
  to: string;
  why: string | null;
  /** The public events with a transition here, whatever guards say: worked out when it is asked for. */
  allowed: () => string[];
  /** As it is after the event. */
  document: Doc;
  /** What the event started or changed (dryRun: would). */
  effects: Effect[];
  /** Keys of the invocations this very commit claimed for the caller, who now runs them. */
  claimed: string[];
}

export type Effect =
  | { timer: string; dueAt: number }
  | { invocation: string; input: JsonObject }
  | { emit: string; data: JsonObject }
  | { patch: string };
