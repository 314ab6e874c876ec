import type { CircuitState, UpsClock } from './types';

export interface CircuitOptions {
  /** So many failures in a row open it. */
  threshold: number;
  /** How long it stays open at first; every failed trial doubles it, up to `longestOpenMs`. */
  openMs: number;
  longestOpenMs: number;
}

/** What a call was let through with. A call of an earlier era (before the last change of state) decides nothing. */
export interface Ticket {
  era: number;
  isTrial: boolean;
}

export interface Circuit {
  /** Null when a call may pass, else how long until it is worth asking again. Takes nothing. */
  shutForMs(): number | null;
  enter(): Ticket;
  succeeded(ticket: Ticket): void;
  failed(ticket: Ticket, why: string): void;
  /** The call ended without saying anything of this circuit: a trial's place is free again. */
  passed(ticket: Ticket): void;
  /** What another process found: nothing passes for so long, then a trial, if `mayTry` says so. A longer time of our own stays. */
  follow(forMs: number, said: Pick<CircuitState, 'why' | 'openMs'>): void;
  /** Another process's trial went well. */
  heal(): void;
  state(): CircuitState;
}

/** While a trial is out, others are told to come back so much later. */
const TRIAL_WAIT_MS = 1000;

/** closed -> open after `threshold` failures in a row -> half-open when its time is over -> closed or open by the end of one trial. */
export function makeCircuit(
  options: CircuitOptions,
  clock: UpsClock,
  changed: () => void,
  mayTry: () => boolean = () => true,
): Circuit {
  let era = 0;
  let failures = 0;
  let openMs = options.openMs;
  /** On the monotonic clock; null when closed. */
  let openUntil: number | null = null;
  let isTrialOut = false;
  let lastWhy: string | null = null;

  const isMine = (ticket: Ticket): boolean => ticket.era === era;
  const open = (forMs: number): void => {
    era += 1;
    isTrialOut = false;
    openMs = Math.min(forMs, options.longestOpenMs);
    openUntil = clock.monotonic() + openMs;
    changed();
  };
  const close = (): void => {
    era += 1;
    isTrialOut = false;
    failures = 0;
    openMs = options.openMs;
    openUntil = null;
    lastWhy = null;
    changed();
  };

  return {
    shutForMs() {
      if (openUntil === null) return null;
      const left = openUntil - clock.monotonic();
      if (left > 0) return left;
      return isTrialOut || !mayTry() ? TRIAL_WAIT_MS : null;
    },
    enter() {
      const isTrial = openUntil !== null;
      if (isTrial) {
        isTrialOut = true;
        changed();
      }
      return { era, isTrial };
    },
    succeeded(ticket) {
      if (!isMine(ticket)) return;
      failures = 0;
      if (ticket.isTrial) close();
    },
    failed(ticket, why) {
      if (!isMine(ticket)) return;
      failures += 1;
      lastWhy = `${failures} failures in a row, the last: ${why}`;
      if (ticket.isTrial) open(openMs * 2);
      else if (failures >= options.threshold) open(options.openMs);
    },
    passed(ticket) {
      if (isMine(ticket) && ticket.isTrial) isTrialOut = false;
    },
    follow(forMs, said) {
      const until = clock.monotonic() + Math.min(forMs, options.longestOpenMs);
      if (openUntil !== null && until <= openUntil) return;
      era += 1;
      isTrialOut = false;
      openUntil = until;
      openMs = Math.max(options.openMs, said.openMs);
      lastWhy = said.why;
      changed();
    },
    heal() {
      if (openUntil !== null) close();
    },
    state() {
      if (openUntil === null) return { state: 'closed', until: null, why: null, openMs: 0 };
      const left = openUntil - clock.monotonic();
      return left > 0
        ? { state: 'open', until: Math.ceil(clock.now() + left), why: lastWhy, openMs }
        : { state: 'half-open', until: null, why: lastWhy, openMs };
    },
  };
}
