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
 * Cost: dispatch of an event from a document in hand is one write; otherwise one read and one write.
 */

import { allowed, claimOf, decide, decideCreation, relayAt, schedule, type Change, type Surroundings } from './decide';
import {
  EventIdReused,
  MachineFault,
  MachineMismatch,
  NewerVersion,
  NotFound,
  StoreUnavailable,
  TooBusy,
} from './errors';
import { makeRelay } from './relay';
import { assertFits, assertSameShape } from './whole';
import type {
  Clock,
  Definition,
  Document,
  Grave,
  Happening,
  Queue,
  Row,
  Secrets,
  Store,
  Timer,
  Verdict,
} from './types';

export interface RuntimeParts<D, V> {
  definition: Definition<D, V>;
  store: Store<D, V>;
  queue: Queue;
  clock: Clock;
  makeId(): string;
  seal: Surroundings['seal'];
  /** Waits before another try of a contended commit: longer each time, with chance in it. */
  pause(tries: number): Promise<void>;
  /** Errors of work nobody waits for. */
  report(error: unknown): void;
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

/** One try of a commit: the next document, or the answer without a write. */
type Tried<D, V, R> = { next: Document<D, V>; answer: R } | { next: null; answer: R };
type Attempt<D, V, R> = (document: Document<D, V>) => Tried<D, V, R> | Promise<Tried<D, V, R>>;

export interface Birth<D> {
  id: string;
  tenantId: string;
  data: D;
  event: Happening;
  /** Beside the event, as in `Dispatch`. */
  secrets?: Secrets;
}

export interface Result {
  output?: unknown;
  error?: { message: string };
}

export interface Settled<D, V> {
  verdict: 'applied' | 'late' | 'stale';
  document: Document<D, V>;
  claimed: string[];
}

const TRIES = 5;
/** A store that is away for a moment costs one of the tries, not the event. */
function unlessAway(error: unknown): null {
  if (error instanceof StoreUnavailable) return null;
  throw error;
}

/** A store asked for hundreds at once would leave the last of them unanswered. */
const SIDE_BY_SIDE = 16;

async function aFewAtATime<T, R>(items: T[], work: (item: T, n: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = [...items.entries()];
  const lane = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) results[next[0]] = await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane));
  return results;
}

/** What one commit claimed under its mark: started at its own seq, and not claimed again since. */
const claimedAt = (document: Document, seq: number, mark: string | null): string[] =>
  document.invocations
    .filter(({ key, claim }) => key.startsWith(`${seq}-`) && claim?.attempt === 1 && claim.by === mark)
    .map(({ key }) => key);

/** Throws NewerVersion or MachineMismatch for a document that this machine must not touch. */
export function assertOurs<D, V>(definition: Definition<D, V>, document: Document<D, V>): void {
  const { id, version } = document;
  if (version > definition.version)
    throw new NewerVersion(`Account ${id} was written by machine version ${version}; this is ${definition.version}.`);
  assertSameShape(definition, document);
  assertFits(definition.machine, document);
}

export function isOurs<D, V>(definition: Definition<D, V>, document: Document<D, V>): boolean {
  try {
    assertOurs(definition, document);
    return true;
  } catch (error) {
    if (error instanceof NewerVersion || error instanceof MachineMismatch) return false;
    throw error;
  }
}

/** Above this an outbox is emptied before the next event, so that a document stays bounded. */
const OUTBOX_MAX = 64;

export function makeRuntime<D, V>(parts: RuntimeParts<D, V>) {
  const { definition, store, queue, clock } = parts;
  const relay = makeRelay<D, V>(store, drop, (error) => parts.report(error));
  const around = (): Surroundings => ({ at: clock.now(), seal: parts.seal, isRelayed: relay.isRelayed });

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
    queue.hand(items).catch((error: unknown) => parts.report(error));
  }

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
      assertOurs(definition, document);
    } catch (error) {
      parts.leftAlone?.(id, error as NewerVersion | MachineMismatch);
      throw error;
    }
    return document;
  }

  /** Compare-and-set until it is written, refused, or found to be ours although its answer was lost. */
  async function commit<R>(
    first: Document<D, V> | null,
    reload: () => Promise<Document<D, V>>,
    attempt: Attempt<D, V, R>,
    isOurs: (document: Document<D, V>) => Promise<R | null>,
    unsure = false,
  ): Promise<{ document: Document<D, V>; answer: R }> {
    let document = first ?? (await reload());
    for (let tries = 1; tries <= TRIES; tries++) {
      if (unsure) {
        const ours = await isOurs(document);
        if (ours !== null) return { document, answer: ours };
      }
      if (document.outbox.length >= OUTBOX_MAX) {
        await relay.relayNow([document]);
        document = await reload();
      }
      const { next, answer } = await attempt(document);
      if (next === null) return { document, answer };
      const written = await store.write(document, next);
      if (written === 'done') return { document: next, answer };
      unsure ||= written === 'unknown';
      while (tries <= TRIES) {
        await parts.pause(tries);
        const fresh = await reload().catch(unlessAway);
        if (fresh) {
          document = fresh;
          break;
        }
        tries++;
      }
    }
    const ours = unsure ? await isOurs(document) : null;
    if (ours !== null) return { document, answer: ours };
    throw new TooBusy('The account could not be written in time: try again in a few seconds.');
  }

  /** The applied event of that id: in the outbox of a document just read, else in history. In that order none can hide. */
  async function findApplied(document: Document<D, V>, eventId: string, inHistory: boolean): Promise<Row | null> {
    const waiting = document.outbox.find(({ row }) => row.eventId === eventId);
    if (waiting) return waiting.row;
    const row = inHistory ? await store.findApplied(document.id, eventId) : null;
    // An erased account of that id may have left one in somebody's hand.
    return row !== null && row.seq >= document.firstSeq ? row : null;
  }

  const changeOf = (event: Happening, options: Omit<Dispatch, 'tenantId' | 'dryRun'>): Change => ({
    event,
    actor: options.actor,
    eventId: options.eventId ?? parts.makeId(),
    bodyHash: options.bodyHash ?? null,
    secrets: options.secrets ?? {},
    claimBy: options.claimBy === undefined ? null : markOf(options.claimBy),
    attemptId: null,
  });

  /**
   * Of one commit alone. One process may be told of one account, or be sent one event, twice at once, and of two commits
   * of which one was never answered only one may run what was claimed.
   */
  const markOf = (by: string): string => `${by}/${parts.makeId()}`;

  function duplicateOf(row: Row, document: Document<D, V>, bodyHash: string | null): Verdict<Document<D, V>> {
    if (row.bodyHash !== bodyHash)
      throw new EventIdReused(`Event id ${row.eventId} was used for another event: give each event its own id.`);
    const { eventId, seq, from, to } = row;
    const verdict = { verdict: 'duplicate' as const, eventId, seq, from: from ?? to, to, why: null };
    return { ...verdict, allowed: allowed(definition, document), document, effects: [], claimed: [] };
  }

  interface Judged {
    verdict: Verdict<Document<D, V>>;
    started: string[];
  }

  function judge(document: Document<D, V>, change: Change): { next: Document<D, V> | null; answer: Judged } {
    const decision = decide(definition, document, change, around());
    const after = decision.taken ? decision.next : document;
    const verdict: Verdict<Document<D, V>> = {
      verdict: decision.taken ? 'applied' : decision.why === null ? 'illegal' : 'ignored',
      eventId: change.eventId,
      seq: after.seq,
      from: definition.stateName(document.snapshot.value),
      to: definition.stateName(after.snapshot.value),
      why: decision.taken ? null : decision.why,
      allowed: allowed(definition, after),
      document: after,
      effects: decision.taken ? decision.effects : [],
      claimed: decision.taken && change.claimBy !== null ? claimedAt(after, after.seq, change.claimBy) : [],
    };
    return {
      next: decision.taken ? decision.next : null,
      answer: { verdict, started: decision.taken ? decision.started : [] },
    };
  }

  /**
   * An event from outside: its verdict, after the commit. Errors: NotFound, EventIdReused, TooBusy, StoreUnavailable.
   * One without an id cannot be told from another try of it: whoever gives it up and asks again passes a `signal`, so that
   * a process which stood still meanwhile does not carry it out after what was asked later. The write is guarded by what was read before.
   */
  async function dispatch(id: string, event: Happening, options: Dispatch): Promise<Verdict<Document<D, V>>> {
    const change = changeOf(event, options);
    const reload = () => load(id, options.tenantId);
    const document = await reload();
    const first = await findApplied(document, change.eventId, options.eventId !== undefined);
    if (first) return duplicateOf(first, document, change.bodyHash);
    if (options.dryRun) return judge(document, change).answer.verdict;

    const isOurs = async (now: Document<D, V>): Promise<Judged | null> => {
      const row = await findApplied(now, change.eventId, true);
      if (!row) return null;
      const claimed = claimedAt(now, row.seq, change.claimBy);
      return { verdict: { ...duplicateOf(row, now, change.bodyHash), verdict: 'applied', claimed }, started: [] };
    };
    // Another request with the same id may have won the race we lost, and its row may have left for history since.
    const attempt = async (now: Document<D, V>) => {
      const twin = now === document ? null : await findApplied(now, change.eventId, options.eventId !== undefined);
      if (twin === null) {
        options.signal?.throwIfAborted();
        return judge(now, change);
      }
      return { next: null, answer: { verdict: duplicateOf(twin, now, change.bodyHash), started: [] } };
    };
    const { answer } = await commit(document, reload, attempt, isOurs);
    if (answer.verdict.verdict === 'applied') committed(answer.verdict.document, answer.started);
    return answer.verdict;
  }

  /** A new account, or the one that is there under that id already. */
  async function create(
    about: { id: string; tenantId: string; data: D },
    event: Happening,
    options: Dispatch,
  ): Promise<{ created: boolean; document: Document<D, V> }> {
    const change = changeOf(event, options);
    let grave: Grave | null = null;
    for (let tries = 1; tries <= TRIES; tries++) {
      const document = decideCreation(definition, about, change, around(), grave);
      if ((await store.insert(document, grave)) === 'done') {
        committed(document);
        return { created: true, document };
      }
      const found = await store.load(about.id, about.tenantId);
      if (found) {
        const row = await findApplied(found, change.eventId, true);
        if (row) committed(found);
        return { created: row !== null, document: found };
      }
      grave = await store.findGrave(about.id);
      if (grave === null) await parts.pause(tries);
    }
    throw new TooBusy('The account could not be written in time: try again in a few seconds.');
  }

  /** Many new accounts, each as `create`; four trips for all of them, and one for each that was there already. */
  async function createMany(births: Birth<D>[], options: Dispatch): Promise<Awaited<ReturnType<typeof create>>[]> {
    const decided = births.map(({ event, secrets = {}, ...about }) => {
      const own = { ...options, eventId: parts.makeId(), secrets };
      return { about, event, own, document: decideCreation(definition, about, changeOf(event, own), around()) };
    });
    const written = await store.insertMany(decided.map(({ document }) => document));
    const isNew = (n: number) => written[n] === 'done';
    await relay
      .relayNow(decided.filter((_, n) => isNew(n)).map(({ document }) => document))
      .catch((error: unknown) => parts.report(error));
    return aFewAtATime(decided, async ({ about, event, own, document }, n) => {
      if (isNew(n)) return { created: true, document };
      // There before: it was not this change that made it.
      const found = written[n] === 'lost' ? await store.load(about.id, about.tenantId) : null;
      return found ? { created: false, document: found } : create(about, event, own);
    });
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
    const eventId = parts.makeId();
    const mark = about.claimBy === undefined ? null : markOf(about.claimBy);
    interface Fired {
      /** The seq it was fired at; 0 when nothing was due. */
      seq: number;
      started: string[];
    }
    const attempt = (now: Document<D, V>): { next: Document<D, V> | null; answer: Fired } => {
      const timer = dueTimer(now, about.needsUps);
      if (!timer) return { next: null, answer: { seq: 0, started: [] } };
      const change = { ...changeOf({ type: timer.event }, { actor: 'machine', eventId }), claimBy: mark };
      const decision = decide(definition, now, change, around());
      if (!decision.taken) throw new MachineFault(`${timer.event} is due and not taken by account ${now.id}`);
      return { next: decision.next, answer: { seq: decision.next.seq, started: decision.started } };
    };
    const isOurs = async (now: Document<D, V>): Promise<Fired | null> => {
      const row = await findApplied(now, eventId, true);
      return row && { seq: row.seq, started: [] };
    };
    const after = await commit(document, () => load(document.id), attempt, isOurs);
    if (after.answer.seq === 0) return null;
    committed(after.document, after.answer.started);
    return { document: after.document, claimed: claimedAt(after.document, after.answer.seq, mark) };
  }

  /** Claims an invocation, unless another holds it, it is gone, or the host refuses for now. */
  async function claim(document: Document<D, V>, key: string, by: string): Promise<Document<D, V> | null> {
    const mark = markOf(by);
    const attempt = (now: Document<D, V>): Tried<D, V, boolean> => {
      const claimed = claimOf(definition, now, key, mark, clock.now());
      if (!claimed) return { next: null, answer: false };
      return { next: schedule(definition, { ...claimed, rev: now.rev + 1, updatedAt: clock.now() }), answer: true };
    };
    const isOurs = async (now: Document<D, V>) =>
      now.invocations.some((one) => one.key === key && one.claim?.by === mark) ? true : null;
    const after = await commit(document, () => load(document.id), attempt, isOurs);
    return after.answer ? after.document : null;
  }

  /**
   * What became of an invocation: its result is an event if its key is there, else what the host makes of a late one.
   * A caller that keeps trying gives the same `eventId` and `claimBy` each time, which nobody else gives, and `unsure`
   * after a try that went unanswered.
   */
  async function settle(
    document: Document<D, V>,
    about: { key: string; attempt: number; secrets?: Secrets; claimBy?: string; eventId?: string; unsure?: boolean },
    result: Result,
  ): Promise<Settled<D, V>> {
    const { eventId = parts.makeId(), unsure = false } = about;
    const { key, attempt: number } = about;
    const mark = about.claimBy ?? null;
    type Answer = { verdict: Settled<D, V>['verdict']; seq: number; started: string[] };

    const eventFor = (now: Document<D, V>): { event: Happening; verdict: 'applied' | 'late' } | null => {
      const late = 'output' in result ? definition.late(result.output, now.data) : null;
      const invocation = now.invocations.find((one) => one.key === key);
      // Of a superseded attempt only what is worth keeping counts: another attempt is under way.
      if (invocation && (invocation.claim?.attempt === number || late !== null)) {
        const type = `xstate.${'output' in result ? 'done' : 'error'}.actor.${invocation.id}`;
        return { event: { type, ...result }, verdict: 'applied' };
      }
      return late && { event: late, verdict: 'late' };
    };

    const isOurs = async (now: Document<D, V>): Promise<Answer | null> => {
      const row = await findApplied(now, eventId, true);
      return row && { verdict: 'applied', seq: row.seq, started: [] };
    };
    const attempt = async (now: Document<D, V>): Promise<Tried<D, V, Answer>> => {
      // Others may hold the same answer: the race may have been lost to the very same event.
      const twin = unsure || now === document ? null : await isOurs(now);
      if (twin) return { next: null, answer: twin };
      const found = eventFor(now);
      if (!found) return { next: null, answer: { verdict: 'stale', seq: 0, started: [] } };
      const change = {
        ...changeOf(found.event, { actor: 'machine', ...about, eventId }),
        claimBy: mark,
        attemptId: `${key}#${number}`,
      };
      const decision = decide(definition, now, change, around());
      if (!decision.taken) throw new MachineFault(`${found.event.type} is not taken by account ${now.id}`);
      const { next, started } = decision;
      return { next, answer: { verdict: found.verdict, seq: next.seq, started } };
    };
    const after = await commit(unsure ? null : document, () => load(document.id), attempt, isOurs, unsure);
    if (after.answer.verdict !== 'stale') committed(after.document, after.answer.started);
    const { verdict, seq } = after.answer;
    return { verdict, document: after.document, claimed: claimedAt(after.document, seq, mark) };
  }

  /** Many at once are tried once: of a race that is lost the sweep hears by the row's relayAt. */
  async function drop(documents: Document<D, V>[]): Promise<void> {
    const [first, ...others] = documents;
    if (first === undefined) return;
    if (others.length === 0) return dropOne(first);
    const changes = documents.flatMap((before) => withoutRelayed(before) ?? []);
    if (changes.length > 0) await store.writeMany(changes);
  }

  /** The next document without the rows that history is known to have; null when there are none of them. */
  function withoutRelayed(before: Document<D, V>): { before: Document<D, V>; next: Document<D, V> } | null {
    const outbox = before.outbox.filter(({ row }) => !relay.isRelayed(before, row));
    if (outbox.length === before.outbox.length) return null;
    return { before, next: schedule(definition, { ...before, outbox, rev: before.rev + 1 }) };
  }

  /** Takes rows out of the outbox that history is known to have. Losing the race is fine: the winner's rows stay. */
  async function dropOne(document: Document<D, V>): Promise<void> {
    for (let now = document, tries = 1; tries <= TRIES; tries++) {
      const change = withoutRelayed(now);
      if (change === null || (await store.write(now, change.next)) === 'done') return;
      now = await load(document.id);
    }
  }

  /** For the sweep: what is due in a document and needs no UPS. */
  async function wake(id: string): Promise<void> {
    let document: Document<D, V> | null = await load(id);
    while (document) {
      if (document.outbox.some((entry) => relayAt(entry) <= clock.now())) await relay.relayNow([document]);
      document = (await fire(document, { needsUps: false }))?.document ?? null;
    }
  }

  return { look, load, dispatch, create, createMany, fire, claim, settle, wake, relay, dueTimer };
}

export type Runtime<D, V> = ReturnType<typeof makeRuntime<D, V>>;
