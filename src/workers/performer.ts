/**
 * Runs what an account's machine started, in this process: whoever holds a claim runs the work and stores what came of it.
 *
 * 1. Work is run only under a claim of ours; the claim in the store is the only lock.
 * 2. An answer in hand is stored before anything else happens, and again and again until it is; what the store does not
 *    take in a moment lies sealed in the second place meanwhile (spool/).
 * 3. What the answer's commit starts is claimed by that same commit, so no job is needed to go on.
 *
 * The lean refresh: one read, the timer's commit with the claim and its journal (W1), UPS, the answer's commit (W2).
 */

import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { AccountDocument } from '../db/accounts';
import { relayAt } from '../durable/decide';
import { NotFound, StoreUnavailable, TooBusy } from '../durable/errors';
import type { Result, Runtime, Settled } from '../durable/runtime';
import type { Clock, Invocation } from '../durable/types';
import type { AccountData } from '../machines/data';
import type { AccountView } from '../machines/definition';
import type { Gate, UpsEndpoint } from '../ups';
import type { Hold, Spool } from './spool';
import { codeOf, isLeftAlone, nameOf, type InHand, type Outcome, type Runners, type Work, type WorkLog } from './work';

type AccountRuntime = Runtime<AccountData, AccountView>;

/** What a runner made of the work; no outcome when it failed. */
interface Ran {
  result: Result;
  outcome: Outcome | null;
}

export interface PerformerParts {
  runtime: AccountRuntime;
  runners: Runners;
  gate: Pick<Gate, 'peek'>;
  /** Which queue a timer's event belongs to (the definition's own). */
  queueOf(name: string): string | null;
  /** Unique for each start of a process: claims carry it. */
  by: string;
  clock: Clock;
  log: WorkLog;
  /** Where an answer lies while the store does not take it; without one it is in this process alone. */
  spool?: Pick<Spool, 'hold'>;
  /** Waits before an answer is stored again; rejects or resolves at once when aborted. */
  pause?: (tries: number, signal: AbortSignal) => Promise<void>;
}

export interface Performer {
  readonly by: string;
  /**
   * Runs claimed invocations (keys) of a document and what their results start, until this chain of commits claims nothing more.
   * Resolves with the last document, whatever UPS says; rejects for bugs only.
   */
  carry(document: AccountDocument, claimed: string[], inHand?: InHand): Promise<AccountDocument>;
  /** What is due in an account and needs UPS, done. Rejects for bugs only: whatever else stops it, the sweep tells of it again. */
  perform(id: string): Promise<void>;
  /** Whether a queue's calls would be let through to UPS now, and else when to ask again. */
  peek(queue: string): { ok: true } | { ok: false; retryAt: number };
  /** Takes no new work and waits for what is in hand; after `graceMs` answers that the store will not take are left in the second place. */
  stop(graceMs?: number): Promise<void>;
}

/** The circuit and the pause that a queue's work, and a claimed invocation's, stands behind. */
const ENDPOINTS: Record<string, UpsEndpoint> = {
  'token-refresh': 'refresh',
  authorization: 'rate',
  refresh: 'refresh',
  verify: 'rate',
};

/** However short-lived UPS's tokens are, one job comes to an end: the sweep tells of the rest. */
const ROUNDS_MAX = 8;

/** The longest call is 20 s; the store gets a few more to take its answer. */
const GRACE_MS = 28_000;

/** Short, for whoever waits for holders of answers before asking UPS again (spool/recall.ts) waits longer than this. */
const PAUSE_MAX_MS = 1_000;

const pauseLonger = (tries: number, signal: AbortSignal): Promise<void> =>
  delay(Math.min(PAUSE_MAX_MS, 100 * 2 ** tries), undefined, { signal }).catch(() => undefined);

const isAway = (error: unknown): boolean => error instanceof StoreUnavailable || error instanceof TooBusy;

export function makePerformer(parts: PerformerParts): Performer {
  const { runtime, runners, by, clock, log } = parts;
  const working = new Set<Promise<unknown>>();
  const givingUp = new AbortController();
  // Every answer that waits for the store listens to it.
  setMaxListeners(0, givingUp.signal);
  let isStopping = false;

  function tracked<T>(work: Promise<T>): Promise<T> {
    const one = work.finally(() => working.delete(one)).catch(() => undefined);
    working.add(one);
    return work;
  }

  function peek(name: string): ReturnType<Performer['peek']> {
    const endpoint = ENDPOINTS[name];
    return endpoint === undefined ? { ok: true } : parts.gate.peek(endpoint);
  }

  async function run(work: Work): Promise<Ran | null> {
    const { src, key } = work.invocation;
    try {
      const runner = runners[src];
      if (!runner) throw new TypeError(`no runner for ${src}`);
      const outcome = await runner(work);
      return outcome && { result: { output: outcome.output }, outcome };
    } catch (error) {
      // The name only: what a message repeats may be a secret, and the result is kept in history.
      log.error({ accountId: work.document.id, key, error: nameOf(error) }, 'A runner failed: this is a bug.');
      return { result: { error: { message: nameOf(error) } }, outcome: null };
    }
  }

  /** What cannot be had again is held: it goes to the second place when the store does not take it in time. */
  function holdOf({ document, invocation, claim }: Work, outcome: Outcome | null, eventId: string): Hold | null {
    if (!parts.spool || outcome?.output.kind !== 'tokens' || !outcome.secrets) return null;
    const { id: accountId, tenantId } = document;
    const { output, secrets } = outcome;
    const about = { tenantId, accountId, key: invocation.key, attempt: claim.attempt, eventId };
    return parts.spool.hold({ ...about, output, secrets }, outcome.eventId !== undefined);
  }

  /** Nothing more can be done for it here. Throws what is a bug. */
  async function letGo(hold: Hold | null, about: { accountId: string; key: string }, error: unknown): Promise<null> {
    const isGone = error instanceof NotFound;
    if (isGone) await hold?.drop();
    const isKept = !isGone && hold !== null && (await hold.keep());
    hold?.leave();
    const what = { ...about, error: codeOf(error) ?? nameOf(error) };
    if (isKept) log.warn(what, 'An answer of UPS is left in the second place, for whoever comes next.');
    else if (hold === null && isLeftAlone(error))
      log.warn(what, 'What came of a piece of work is not stored: another machine has the account, and asks again.');
    else log.error(what, 'An answer of UPS could not be stored and is given up.');
    if (!(isGone || isLeftAlone(error) || isAway(error))) throw error;
    return null;
  }

  /**
   * Stores what is in hand, for as long as it takes: the one place an answer passes between UPS and the store. What the
   * store has not taken in a moment lies in the second place meanwhile.
   */
  async function keepAnswer(work: Work, { result, outcome }: Ran): Promise<Settled<AccountData, AccountView> | null> {
    const { document, invocation, claim } = work;
    const { key } = invocation;
    const { eventId = randomUUID(), secrets } = outcome ?? {};
    const about = { key, attempt: claim.attempt, eventId, ...(secrets && { secrets: { ...secrets } }) };
    const hold = holdOf(work, outcome, eventId);
    // Of this answer in this hand: another that holds the same one may not run what this one claimed.
    const mark = `${by}/${randomUUID()}`;
    for (let tries = 1; ; tries++) {
      // Found again, it may be stored already.
      const unsure = tries > 1 || outcome?.eventId !== undefined;
      // Whoever is going takes nothing new: the queue tells others of what this starts.
      const claimBy = isStopping ? {} : { claimBy: mark };
      try {
        const settled = await runtime.settle(document, { ...about, ...claimBy, unsure }, result);
        await hold?.release();
        return settled;
      } catch (error) {
        const what = { accountId: document.id, key };
        if (!isAway(error) || givingUp.signal.aborted) return letGo(hold, what, error);
        log.warn({ ...what, tries }, 'The store did not take an answer of UPS; it is tried again.');
        await hold?.keep();
      }
      await (parts.pause ?? pauseLonger)(tries, givingUp.signal);
    }
  }

  async function carryOne(document: AccountDocument, key: string, inHand: InHand): Promise<AccountDocument> {
    const invocation = document.invocations.find((one) => one.key === key);
    if (!invocation?.claim) return document;
    const { since, ...rest } = inHand;
    // Without `since` the commit's own instant must do: late by what the wall clock may have jumped back in between.
    const claimedMonotonic = since ?? clock.monotonic() - Math.max(0, clock.now() - document.updatedAt);
    const work: Work = { document, invocation, claim: invocation.claim, inHand: rest, claimedMonotonic };
    const answer = await run(work);
    if (answer === null) return document;
    const settling = clock.monotonic();
    const settled = await keepAnswer(work, answer);
    if (settled === null) return document;
    return carryAll(settled.document, settled.claimed, { since: settling });
  }

  /** Side by side: what is claimed together must all be sent within its time. */
  async function carryAll(document: AccountDocument, claimed: string[], inHand: InHand): Promise<AccountDocument> {
    const ends = await Promise.all(claimed.map((key) => carryOne(document, key, inHand)));
    return ends.reduce((latest, end) => (end.rev > latest.rev ? end : latest), document);
  }

  async function fireDue(document: AccountDocument): Promise<AccountDocument> {
    let now = document;
    for (let round = 0; round < ROUNDS_MAX && !isStopping; round++) {
      const timer = runtime.dueTimer(now, true);
      if (!timer || !peek(parts.queueOf(timer.event) ?? '').ok) break;
      const since = clock.monotonic();
      const fired = await runtime.fire(now, { needsUps: true, claimBy: by });
      if (!fired) break;
      now = await carryAll(fired.document, fired.claimed, { since });
    }
    return now;
  }

  /** Nobody holds it: it was told to a queue, or whoever claimed it is gone. */
  const isFree = ({ claim }: Invocation): boolean => claim === null || claim.until <= clock.now();

  async function claimFree(document: AccountDocument): Promise<AccountDocument> {
    let now = document;
    for (const { key, src } of document.invocations.filter(isFree)) {
      if (isStopping || !peek(src).ok) continue;
      const since = clock.monotonic();
      const claimed = await runtime.claim(now, key, by);
      if (claimed) now = await carryAll(claimed, [key], { since });
    }
    return now;
  }

  async function performAll(id: string): Promise<void> {
    try {
      const document = await claimFree(await fireDue(await runtime.load(id)));
      if (document.outbox.some((entry) => relayAt(entry) <= clock.now())) await runtime.relay.relayNow([document]);
    } catch (error) {
      if (!(error instanceof NotFound || isLeftAlone(error) || isAway(error))) throw error;
      log.info({ accountId: id, code: codeOf(error) }, 'An account is left alone for now.');
    }
  }

  return {
    by,
    peek,
    carry: (document, claimed, inHand = {}) => tracked(carryAll(document, claimed, inHand)),
    perform: async (id) => {
      if (!isStopping) await tracked(performAll(id));
    },
    async stop(graceMs = GRACE_MS) {
      isStopping = true;
      const patience = setTimeout(() => givingUp.abort(), graceMs);
      while (working.size > 0) await Promise.all(working);
      clearTimeout(patience);
    },
  };
}
