/**
 * The gate to UPS, one a process: rate, concurrency, Retry-After, circuits. What its circuits find is shared by others (`circuit`).
 *
 * 1. It decides and never waits: the caller holds the durable timer, and a refused call was never sent.
 * 2. Nothing is taken from a call that is refused: all checks come first.
 * 3. Three classes, each with a part of the rate and of the places that the ones below leave alone: what a merchant waits for in
 *    front of a page, refreshes, and comfort (probes of grants in use or tried again). Under a full gate the lowest passes least,
 *    but never less than `floor`: a deep backlog of refreshes may last longer than a new grant's first token.
 * 4. Durations are measured on the monotonic clock; only what is told to others is a wall-clock instant.
 */
import { makeBucket } from '../bucket';
import { makeCircuit, type Circuit, type CircuitOptions, type Ticket } from './circuit';
import type {
  CircuitName,
  Gate,
  GateOutcome,
  GateRefusal,
  GateState,
  Permit,
  Shut,
  UpsClock,
  UpsEndpoint,
  UpsUrgency,
} from './types';

export interface GateOptions {
  requestsPerSecond: number;
  burst: number;
  concurrent: number;
  /** The share of `burst` and `concurrent`, 0 to 1, that refreshes leave to merchants. */
  reserve: number;
  /** As `reserve`: what comfort leaves to merchants and refreshes. */
  comfortReserve: number;
  /** The share of `requestsPerSecond` and `concurrent` that comfort has however much else is due. */
  floor: number;
  ups: CircuitOptions;
  client: CircuitOptions;
  /** At /Rate it is a bearer that is refused: one dead grant, tried again and again, must not look like our client. */
  bearer: CircuitOptions;
  /** The pause after a 429 without Retry-After; doubled by the next one in a row, up to `longestPauseMs`. */
  pauseMs: number;
  longestPauseMs: number;
  /** Whether a half-open circuit may make its trial here: one process tries for all. */
  mayTry(name: CircuitName): boolean;
  /** Whether refresh tokens may be sent at all; asked before every one, and an answer from memory. */
  mayRefresh(): boolean;
}

export const GATE_DEFAULTS: GateOptions = {
  requestsPerSecond: 400,
  burst: 400,
  concurrent: 128,
  reserve: 0.1,
  comfortReserve: 0.5,
  floor: 0.05,
  ups: { threshold: 5, openMs: 5_000, longestOpenMs: 60_000 },
  client: { threshold: 5, openMs: 5_000, longestOpenMs: 60_000 },
  bearer: { threshold: 10, openMs: 5_000, longestOpenMs: 60_000 },
  pauseMs: 1_000,
  longestPauseMs: 60_000,
  mayTry: () => true,
  mayRefresh: () => true,
};

type Family = 'oauth' | 'rating';
const FAMILY: Record<UpsEndpoint, Family> = { token: 'oauth', refresh: 'oauth', rate: 'rating' };
const CLASS: Record<UpsEndpoint, UpsUrgency> = { token: 'merchant', refresh: 'refresh', rate: 'comfort' };
/** A place is free when some call ends, which nobody can foretell. */
const PLACE_WAIT_MS = 100;
/** Somebody looks again so soon. */
const EPOCH_WAIT_MS = 2_000;

export function makeGate(clock: UpsClock, given: Partial<GateOptions> = {}): Gate {
  const options = { ...GATE_DEFAULTS, ...given };
  const listeners = new Set<(state: GateState) => void>();
  const changed = (): void => tell(listeners, state());
  const ups = makeCircuit(options.ups, clock, changed, () => options.mayTry('ups'));
  const client: Record<UpsEndpoint, Circuit> = {
    token: makeCircuit(options.client, clock, changed, () => options.mayTry('token')),
    refresh: makeCircuit(options.client, clock, changed, () => options.mayTry('refresh')),
    rate: makeCircuit(options.bearer, clock, changed, () => options.mayTry('rate')),
  };
  const pauses: Record<Family, Pause> = { oauth: makePause(options, clock), rating: makePause(options, clock) };
  const bucket = makeBucket(options.requestsPerSecond, options.burst, clock);
  const trickle = makeBucket(options.requestsPerSecond * options.floor, 1, clock);
  const reserves: Record<UpsUrgency, number> = {
    merchant: 0,
    refresh: options.reserve,
    comfort: options.comfortReserve,
  };
  let inFlight = 0;
  let comfortInFlight = 0;

  function state(): GateState {
    const untilOf = (pause: Pause): number | null =>
      pause.leftMs() > 0 ? Math.ceil(clock.now() + pause.leftMs()) : null;
    return {
      ups: ups.state(),
      client: { token: client.token.state(), refresh: client.refresh.state(), rate: client.rate.state() },
      pausedUntil: { oauth: untilOf(pauses.oauth), rating: untilOf(pauses.rating) },
      inFlight,
    };
  }

  /** Comfort has had less than its floor: it passes as a merchant does. */
  const isBelowFloor = (): boolean =>
    options.floor > 0 &&
    comfortInFlight < Math.max(1, Math.floor(options.concurrent * options.floor)) &&
    trickle.waitMs(1) === 0;

  const reservedFor = (urgency: UpsUrgency): number =>
    urgency === 'comfort' && isBelowFloor() ? 0 : reserves[urgency];

  function shut(endpoint: UpsEndpoint, urgency: UpsUrgency): Shut | null {
    const reserved = reservedFor(urgency);
    const no = (why: GateRefusal, forMs: number): Shut => ({ ok: false, why, retryAt: Math.ceil(clock.now() + forMs) });
    if (endpoint === 'refresh' && !options.mayRefresh()) return no('epoch', EPOCH_WAIT_MS);
    const pauseMs = pauses[FAMILY[endpoint]].leftMs();
    if (pauseMs > 0) return no('retry-after', pauseMs);
    const clientMs = client[endpoint].shutForMs();
    if (clientMs !== null) return no('client-circuit', clientMs);
    const upsMs = ups.shutForMs();
    if (upsMs !== null) return no('ups-circuit', upsMs);
    if (inFlight >= Math.max(1, Math.floor(options.concurrent * (1 - reserved))))
      return no('concurrency', PLACE_WAIT_MS);
    const rateMs = bucket.waitMs(Math.min(options.burst, 1 + options.burst * reserved));
    return rateMs > 0 ? no('rate', rateMs) : null;
  }

  function enter(endpoint: UpsEndpoint, urgency: UpsUrgency): Permit {
    bucket.take();
    inFlight += 1;
    const comfort = urgency === 'comfort' ? 1 : 0;
    comfortInFlight += comfort;
    if (comfort === 1) trickle.take();
    const tickets = { ups: ups.enter(), client: client[endpoint].enter() };
    let isDone = false;
    return {
      done(outcome) {
        if (isDone) return;
        isDone = true;
        inFlight -= 1;
        comfortInFlight -= comfort;
        learn(endpoint, outcome, tickets);
      },
    };
  }

  function learn(endpoint: UpsEndpoint, outcome: GateOutcome, tickets: { ups: Ticket; client: Ticket }): void {
    const pause = pauses[FAMILY[endpoint]];
    switch (outcome.kind) {
      case 'answered':
        pause.answered();
        ups.succeeded(tickets.ups);
        return client[endpoint].succeeded(tickets.client);
      case 'client-refused':
        pause.answered();
        ups.succeeded(tickets.ups);
        return client[endpoint].failed(tickets.client, outcome.why);
      case 'limited':
        pause.limited(outcome.retryAfterMs);
        ups.succeeded(tickets.ups);
        client[endpoint].passed(tickets.client);
        return changed();
      case 'ups-failed':
        ups.failed(tickets.ups, outcome.why);
        return client[endpoint].passed(tickets.client);
      case 'nothing-learned':
        ups.passed(tickets.ups);
        return client[endpoint].passed(tickets.client);
    }
  }

  return {
    admit: (endpoint, urgency = CLASS[endpoint]) =>
      shut(endpoint, urgency) ?? { ok: true, permit: enter(endpoint, urgency) },
    peek: (endpoint, urgency = CLASS[endpoint]) => shut(endpoint, urgency) ?? { ok: true },
    state,
    circuit: (name) => (name === 'ups' ? ups : client[name]),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

interface Pause {
  leftMs(): number;
  limited(retryAfterMs: number | null): void;
  answered(): void;
}

/** UPS's wish for a family of endpoints. A shorter wish never shortens a longer one. */
function makePause(options: Pick<GateOptions, 'pauseMs' | 'longestPauseMs'>, clock: UpsClock): Pause {
  let until = -Infinity;
  let nextMs = options.pauseMs;
  return {
    leftMs: () => Math.max(0, until - clock.monotonic()),
    limited(retryAfterMs) {
      until = Math.max(until, clock.monotonic() + (retryAfterMs ?? nextMs));
      nextMs = Math.min(nextMs * 2, options.longestPauseMs);
    },
    answered() {
      nextMs = options.pauseMs;
    },
  };
}

/** A listener's fault must not change what a call to UPS meant. */
function tell(listeners: Iterable<(state: GateState) => void>, state: GateState): void {
  for (const listener of listeners) {
    try {
      listener(state);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : new Error('a listener of the gate to UPS threw'));
    }
  }
}
