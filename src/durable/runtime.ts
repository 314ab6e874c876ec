/**
 * Runs a machine durably: transition → commit → hand over.
 *
 * What holds here (numbers are design.md's):
 *  1. Nothing accepted is lost: a verdict is given after its write was acknowledged; work and timers are in that write.
 *  2. The queue is a hint: whatever it forgets is found again by `wakeAt` and `upsAt`.
 *  3. A claim is a write. Whoever runs work holds it by name, attempt and instant; what a send needs written first is in it.
 *  4. An answer of the store that never came is unknown, not failed: the document is read again, and our own event id looked for.
 *  5. Every event gets a verdict; the same id has one effect.
 *  6. A result names its invocation's key and counts only while that key is there; what is worth keeping of a late one
 *     becomes an event of its own. A timer is fired from the document only.
 * 10. `rev` grows by every write and guards it; `seq` grows by applied events only and numbers the history.
 *
 * Cost: an event for a document in hand is one write; otherwise one read and one write.
 */

import { makeBirths, type Birth, type BirthOf, type Born } from './births';
import { commit, type Attempt } from './commit';
import { allowed, claimOf, decide, relayAt, schedule, type Change, type Decision, type Surroundings } from './decide';
import { makeDrop } from './drop';
import { EventIdReused, MachineFault, MachineMismatch, NewerVersion, NotFound } from './errors';
import { makeRelay, type Relay } from './relay';
import { assertCarriedBy } from './whole';
import type { Clock, Definition, Document, Happening, Queue, Row, Secrets, Store, Timer, Verdict } from './types';

export type { Birth, Born };

export interface RuntimeParts<D, V> {
  definition: Definition<D, V>;
  store: Store<D, V>;
  queue: Queue;
  clock: Clock;
  makeId: () => string;
  seal: Surroundings['seal'];
  /** Waits before another try of a contended commit: longer each time, with chance in it. */
  pause: (tries: number) => Promise<void>;
  /** Errors of work nobody waits for. */
  report: (error: unknown) => void;
  /** Told of each document that is left alone, each time it is met. */
  leftAlone?(id: string, why: NewerVersion | MachineMismatch): void;
}

export interface Dispatch {
  tenantId?: string;
  actor: string;
  /** The client's own id; without one the runtime mints it. */
  eventId?: string;
  /** A hash of what the client sent with its id: the same id with another body is refused. */
  bodyHash?: string;
  secrets?: Secrets;
  claimBy?: string;
  dryRun?: boolean;
  /** Aborted when nobody waits for the verdict any more: from then on nothing is written, and its reason is thrown. */
  signal?: AbortSignal;
}

/** What became of a piece of work: its output, or the error it ended in. */
export interface Result {
  output?: unknown;
  error?: { message: string };
}

export interface Settled<D, V> {
  verdict: 'applied' | 'late' | 'stale';
  document: Document<D, V>;
  claimed: string[];
}

interface Settling {
  key: string;
  attempt: number;
  secrets?: Secrets;
  /** A caller that keeps trying gives the same `eventId` and `claimBy` each time, which nobody else gives. */
  eventId?: string;
  claimBy?: string;
  /** An earlier try went unanswered. */
  unsure?: boolean;
}

/** One event to be committed: what it is may depend on the document it meets; null: there is nothing to do. */
interface Intent<D, V> {
  document: Document<D, V> | null;
  reload(): Promise<Document<D, V>>;
  eventId: string;
  changeFor(document: Document<D, V>): Change | null;
  /** The id was given by others, who may send it twice. */
  isShared?: boolean;
  unsure?: boolean;
  dryRun?: boolean;
}

/** `unanswered`: a write of this very commit was not answered, so the event that was found may be its own. */
type Outcome<D, V> =
  | { is: 'decided'; change: Change; decision: Decision<D, V> }
  | { is: 'found'; row: Row; unanswered: boolean }
  | { is: 'nothing' };
type Committed<D, V> = Outcome<D, V> & { document: Document<D, V> };

/** What one commit claimed under its mark: started at its own seq, and not claimed again since. */
const claimedAt = (document: Document, seq: number, mark: string | null): string[] =>
  document.invocations
    .filter(({ key, claim }) => key.startsWith(`${seq}-`) && claim?.attempt === 1 && claim.by === mark)
    .map(({ key }) => key);

export function makeRuntime<D, V>(parts: RuntimeParts<D, V>) {
  const { definition, store, queue, clock, makeId } = parts;
  const around = (): Surroundings => ({ at: clock.now(), seal: parts.seal, isRelayed: relay.isRelayed });

  /** For whoever only shows it: a document of a newer machine too, and one that ours does not fit. */
  async function look(id: string, tenantId?: string): Promise<Document<D, V>> {
    const document = await store.load(id, tenantId);
    if (!document) throw new NotFound(`There is no account ${id}.`);
    return document;
  }

  /** For whoever goes on with it. Errors: NotFound, and NewerVersion or MachineMismatch for what is left alone. */
  async function load(id: string, tenantId?: string): Promise<Document<D, V>> {
    const document = await look(id, tenantId);
    try {
      assertCarriedBy(definition, document);
    } catch (error) {
      parts.leftAlone?.(id, error as NewerVersion | MachineMismatch);
      throw error;
    }
    return document;
  }

  const relay: Relay<D, V> = makeRelay<D, V>(store, (documents) => drop(documents), parts.report);
  const drop = makeDrop({ definition, store, load, isRelayed: relay.isRelayed });
  const commitParts = { store, relay, pause: parts.pause };

  /** What an acknowledged write sets in motion; nothing of it is needed for the write to take effect in time. */
  function committed(document: Document<D, V>, started: string[] = []): void {
    relay.offer(document);
    const waiting = document.invocations.filter(({ key, claim }) => started.includes(key) && claim === null);
    if (waiting.length === 0) return;
    const items = waiting.map(({ src, retellAt }) => ({
      id: document.id,
      queue: definition.queueOf(src) ?? '',
      at: retellAt,
    }));
    queue.hand(items).catch(parts.report);
  }

  /** The applied event of that id: in the outbox of a document just read, else in history. In that order none can hide. */
  async function findApplied(document: Document<D, V>, eventId: string): Promise<Row | null> {
    const waiting = document.outbox.find(({ row }) => row.eventId === eventId);
    const row = waiting?.row ?? (await store.findApplied(document.id, eventId));
    // An erased account of that id may have left one in somebody's hand.
    return row !== null && row.seq >= document.firstSeq ? row : null;
  }

  /**
   * Of one commit alone. One process may be told of one account, or be sent one event, twice at once, and of two commits
   * of which one was never answered only one may run what was claimed.
   */
  const markOf = (by: string): string => `${by}/${makeId()}`;

  const changeOf = (event: Happening, options: Omit<Dispatch, 'tenantId' | 'dryRun'>): Change => ({
    event,
    actor: options.actor,
    eventId: options.eventId ?? makeId(),
    bodyHash: options.bodyHash ?? null,
    secrets: options.secrets ?? {},
    claimBy: options.claimBy === undefined ? null : markOf(options.claimBy),
    attemptId: null,
  });

  const births = makeBirths({ ...parts, relay, around, findApplied, committed });

  /** The one way of every event into a document. Errors: those of `commit`, and MachineFault. */
  async function commitEvent(intent: Intent<D, V>): Promise<Committed<D, V>> {
    const attempt = (now: Document<D, V>): Attempt<D, V, Outcome<D, V>> => {
      const change = intent.changeFor(now);
      if (change === null) return { next: null, answer: { is: 'nothing' } };
      const decision = decide(definition, now, change, around());
      const next = decision.taken && intent.dryRun !== true ? decision.next : null;
      return { next, answer: { is: 'decided', change, decision } };
    };
    const findWritten = async (now: Document<D, V>, unanswered: boolean): Promise<Outcome<D, V> | null> => {
      const row = await findApplied(now, intent.eventId);
      return row && { is: 'found', row, unanswered };
    };
    const { document, next, answer } = await commit(commitParts, { ...intent, attempt, findWritten });
    const started = answer.is === 'decided' && answer.decision.taken ? answer.decision.started : [];
    if (next !== null || (answer.is === 'found' && answer.unanswered)) committed(document, started);
    return { document, ...answer };
  }

  /** An event of our own, which every state that can meet it takes: its document, and what was claimed with it. */
  async function commitOwn(intent: Intent<D, V>, mark: string | null) {
    const done = await commitEvent(intent);
    const { document } = done;
    if (done.is === 'nothing') return null;
    if (done.is === 'found') return { document, event: null, claimed: claimedAt(document, done.row.seq, mark) };
    const { event } = done.change;
    if (!done.decision.taken) throw new MachineFault(`${event.type} is not taken by account ${document.id}`);
    return { document, event, claimed: claimedAt(document, document.seq, mark) };
  }

  function verdictOf(done: Committed<D, V>, change: Change): Verdict<Document<D, V>> {
    const mark = change.claimBy;
    if (done.is === 'found') {
      const { document, row, unanswered } = done;
      if (row.bodyHash !== change.bodyHash)
        throw new EventIdReused(`Event id ${row.eventId} was used for another event: give each event its own id.`);
      const { eventId, seq, from, to } = row;
      return {
        ...{ verdict: unanswered ? 'applied' : 'duplicate', eventId, seq, from: from ?? to, to, why: null },
        ...{ document, effects: [], claimed: unanswered ? claimedAt(document, seq, mark) : [] },
        allowed: () => allowed(definition, document),
      };
    }
    const decision: Decision<D, V> = done.is === 'decided' ? done.decision : { taken: false, why: null };
    const document = decision.taken ? decision.next : done.document;
    const to = definition.stateName(document.snapshot.value);
    return {
      verdict: decision.taken ? 'applied' : decision.why === null ? 'illegal' : 'ignored',
      ...{ eventId: change.eventId, seq: document.seq, from: (decision.taken && decision.from) || to, to },
      why: decision.taken ? null : decision.why,
      ...{ document, effects: decision.taken ? decision.effects : [] },
      claimed: decision.taken && mark !== null ? claimedAt(document, document.seq, mark) : [],
      allowed: () => allowed(definition, document),
    };
  }

  /**
   * An event from outside: its verdict, after the commit. Errors: NotFound, EventIdReused, TooBusy, StoreUnavailable.
   * Without an event id a retry looks like a new event: a caller that may give up and ask again passes a `signal`, so that a
   * process that stood still meanwhile does not carry it out after what was asked later.
   */
  async function dispatch(id: string, event: Happening, options: Dispatch): Promise<Verdict<Document<D, V>>> {
    const change = changeOf(event, options);
    const isShared = options.eventId !== undefined;
    const done = await commitEvent({
      document: null,
      reload: () => load(id, options.tenantId),
      eventId: change.eventId,
      isShared,
      // An id of the client's may have been used before.
      unsure: isShared,
      dryRun: options.dryRun ?? false,
      changeFor() {
        options.signal?.throwIfAborted();
        return change;
      },
    });
    return verdictOf(done, change);
  }

  /** The timer that is due first, or null. */
  function dueTimer(document: Document<D, V>, needsUps: boolean): Timer | null {
    const due = document.timers.filter(
      ({ event, dueAt }) => dueAt <= clock.now() && (definition.queueOf(event) !== null) === needsUps,
    );
    return due.sort((a, b) => a.dueAt - b.dueAt)[0] ?? null;
  }

  /** Fires the first timer that is due in the document; null when none is. `claimBy` takes what it starts. */
  async function fire(
    document: Document<D, V>,
    about: { needsUps: boolean; claimBy?: string },
  ): Promise<{ document: Document<D, V>; claimed: string[] } | null> {
    const eventId = makeId();
    const mark = about.claimBy === undefined ? null : markOf(about.claimBy);
    const changeFor = (now: Document<D, V>): Change | null => {
      const timer = dueTimer(now, about.needsUps);
      return timer && { ...changeOf({ type: timer.event }, { actor: 'machine', eventId }), claimBy: mark };
    };
    return commitOwn({ document, reload: () => load(document.id), eventId, changeFor }, mark);
  }

  /** Claims an invocation, unless another holds it, it is gone, or the host refuses for now. */
  async function claim(document: Document<D, V>, key: string, by: string): Promise<Document<D, V> | null> {
    const mark = markOf(by);
    const attempt = (now: Document<D, V>): Attempt<D, V, boolean> => {
      const claimed = claimOf(definition, now, key, mark, clock.now());
      if (!claimed) return { next: null, answer: false };
      return { next: schedule(definition, { ...claimed, rev: now.rev + 1, updatedAt: clock.now() }), answer: true };
    };
    const findWritten = async (now: Document<D, V>) =>
      now.invocations.some((one) => one.key === key && one.claim?.by === mark) ? true : null;
    const reload = () => load(document.id);
    const after = await commit(commitParts, { document, reload, attempt, findWritten });
    return after.answer ? after.document : null;
  }

  /** The event a result becomes: one of its invocation while its key is there, else what the host makes of a late one. */
  function eventOf(now: Document<D, V>, { key, attempt }: Settling, result: Result): Happening | null {
    const late = 'output' in result ? definition.late(result.output, now.data) : null;
    const invocation = now.invocations.find((one) => one.key === key);
    // Of a superseded attempt only what is worth keeping counts: another attempt is under way.
    const isWanted = invocation && (invocation.claim?.attempt === attempt || late !== null);
    if (!isWanted) return late;
    const type = `xstate.${'output' in result ? 'done' : 'error'}.actor.${invocation.id}`;
    return { type, ...result };
  }

  /** What became of an invocation. */
  async function settle(document: Document<D, V>, about: Settling, result: Result): Promise<Settled<D, V>> {
    const { eventId = makeId(), unsure = false, claimBy: mark = null, secrets = {} } = about;
    const attemptId = `${about.key}#${about.attempt}`;
    let last = document;
    const changeFor = (now: Document<D, V>): Change | null => {
      last = now;
      const event = eventOf(now, about, result);
      return event && { ...changeOf(event, { actor: 'machine', eventId, secrets }), claimBy: mark, attemptId };
    };
    const reload = () => load(document.id);
    // Others may hold the same answer: the race may be lost to the very same event.
    const intent = { document: unsure ? null : document, reload, eventId, changeFor, isShared: true, unsure };
    const done = await commitOwn(intent, mark);
    if (done === null) return { verdict: 'stale', document: last, claimed: [] };
    const isLate = done.event !== null && !done.event.type.startsWith('xstate.');
    return { verdict: isLate ? 'late' : 'applied', document: done.document, claimed: done.claimed };
  }

  /** For the sweep: what is due in a document and needs no UPS. */
  async function wake(id: string): Promise<void> {
    let document: Document<D, V> | null = await load(id);
    while (document) {
      if (document.outbox.some((entry) => relayAt(entry) <= clock.now())) await relay.relayNow([document]);
      document = (await fire(document, { needsUps: false }))?.document ?? null;
    }
  }

  return {
    ...{ look, load, dispatch, fire, claim, settle, wake, relay, dueTimer },
    create: (about: BirthOf<D>, event: Happening, options: Dispatch): Promise<Born<D, V>> =>
      births.create(about, changeOf(event, options)),
    createMany: (all: Birth<D>[], options: Dispatch): Promise<Born<D, V>[]> =>
      births.createMany(
        all.map(({ event, secrets = {}, ...about }) => {
          return { about, change: changeOf(event, { ...options, eventId: makeId(), secrets }) };
        }),
      ),
  };
}

export type Runtime<D, V> = ReturnType<typeof makeRuntime<D, V>>;
