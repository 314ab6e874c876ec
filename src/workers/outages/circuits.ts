/**
 * The circuits of all processes, as one: whatever one finds open is open for all within a second, one makes the trial,
 * and all close by it. Each goes by its own while the store is away.
 */

import type { OutageStore, StoredCircuit, StoredOutage } from '../../db/outages';
import type { Clock } from '../../durable/types';
import { CIRCUITS, type CircuitName, type CircuitState, type Gate } from '../../ups';
import type { WorkLog } from '../work';

export interface CircuitsParts {
  outages: OutageStore;
  /** Names this process. */
  by: string;
  clock: Clock;
  log: WorkLog;
}

export interface SharedCircuits {
  /** For the gate: whether the trial of a half-open circuit is ours. Notes that somebody would make it. */
  mayTry(name: CircuitName): boolean;
  /** What others found is taken over, and what this gate found is told. */
  look(gate: Pick<Gate, 'circuit'>, read: StoredOutage[]): Promise<void>;
}

/** A trial ends by itself within 20 s; a process that died in one keeps nobody longer than this. */
const TRIAL_MS = 25_000;
/** After so long without a word of the store each tries for itself. */
const STALE_MS = 5_000;
/** Somebody wanted to make a trial so lately. */
const WANTED_MS = 3_000;

/** Clocks of hosts, and the two of one process, differ by as much. */
const CLOCKS_MS = 1_000;

const idOf = (name: CircuitName): string => `circuit:${name}`;
const CLOSED = { openUntil: 0, openMs: 0, why: null, trialBy: null, trialUntil: 0 };
const newCircuit = (name: CircuitName): StoredCircuit => ({ _id: idOf(name), kind: 'circuit', rev: 0, ...CLOSED });

export function makeSharedCircuits({ outages, by, clock, log }: CircuitsParts): SharedCircuits {
  let lookedAt = -Infinity;
  const trials = new Set<CircuitName>();
  const wantedAt = new Map<CircuitName, number>();
  /** How each was here when it was last looked at: what changed since is our own finding. */
  const before = new Map<CircuitName, CircuitState['state']>();

  const tell = (stored: StoredCircuit, change: Partial<StoredCircuit>): Promise<boolean> =>
    outages.write<StoredCircuit>(stored, { ...stored, ...change });

  /** Open here and not there: found here. */
  async function tellOpen(name: CircuitName, stored: StoredCircuit, local: CircuitState): Promise<void> {
    const change = {
      openUntil: local.until ?? clock.now(),
      openMs: local.openMs,
      why: local.why,
      trialBy: null,
      trialUntil: 0,
    };
    const isNews = stored.openUntil === 0;
    if ((await tell(stored, change)) && isNews)
      log.error(
        { circuit: name, why: local.why },
        'A circuit to UPS is open: nobody is disconnected, and it is tried again.',
      );
  }

  async function tellClosed(name: CircuitName, stored: StoredCircuit): Promise<void> {
    if (await tell(stored, CLOSED)) log.warn({ circuit: name }, 'A circuit to UPS is closed again.');
  }

  /** Its time is over: one process that has something to ask makes the trial. */
  async function claimTrial(name: CircuitName, stored: StoredCircuit): Promise<void> {
    const now = clock.now();
    if (stored.trialBy === by && stored.trialUntil > now) return void trials.add(name);
    trials.delete(name);
    const isWanted = clock.monotonic() - (wantedAt.get(name) ?? -Infinity) < WANTED_MS;
    if (stored.trialUntil > now || !isWanted) return;
    if (await tell(stored, { trialBy: by, trialUntil: now + TRIAL_MS })) trials.add(name);
  }

  async function lookAt(name: CircuitName, gate: Pick<Gate, 'circuit'>, stored: StoredCircuit): Promise<void> {
    const circuit = gate.circuit(name);
    const local = circuit.state();
    const was = before.get(name) ?? 'closed';
    const isOpenThere = stored.openUntil > 0;
    const now = clock.now();
    if (local.state === 'open' && (local.until ?? 0) > stored.openUntil + CLOCKS_MS)
      await tellOpen(name, stored, local);
    else if (local.state === 'closed' && was !== 'closed' && isOpenThere) await tellClosed(name, stored);
    else if (isOpenThere && stored.openUntil > now) circuit.follow(stored.openUntil - now, stored);
    else if (isOpenThere) {
      if (local.state === 'closed') circuit.follow(0, stored);
      await claimTrial(name, stored);
    } else if (local.state !== 'closed') circuit.heal();
    if (circuit.state().state !== 'half-open') trials.delete(name);
    before.set(name, circuit.state().state);
  }

  return {
    mayTry(name) {
      wantedAt.set(name, clock.monotonic());
      return trials.has(name) || clock.monotonic() - lookedAt > STALE_MS;
    },
    async look(gate, read) {
      const stored = read.filter((one): one is StoredCircuit => one.kind === 'circuit');
      for (const name of CIRCUITS)
        await lookAt(name, gate, stored.find(({ _id }) => _id === idOf(name)) ?? newCircuit(name));
      lookedAt = clock.monotonic();
    },
  };
}
