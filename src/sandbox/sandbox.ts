import { createHash } from 'node:crypto';
import type { Entry, ViolationKind } from './entries';
import type { Faults } from './faults';
import { openJournal } from './journal';
import { apply, facts, makeState, type State } from './state';

export type Log = (entry: Readonly<Record<string, unknown>>) => void;

/** What every part of the sandbox works with. The state is read freely and changed by `record` only. */
export interface Sandbox {
  readonly state: Readonly<State>;
  readonly faults: Faults;
  readonly client: { readonly id: string; readonly secret: string };
  readonly redirectUris: readonly string[];
  /** Milliseconds. */
  readonly clock: () => number;
  /** A fresh unguessable string, safe in URLs. */
  readonly makeSecret: () => string;
  readonly log: Log;
  /** Aborted when the sandbox stops: what waits gives up. */
  readonly stopping: AbortSignal;
  /** Notes facts: in the state at once, in the file at once, on the disk after `synced`. */
  record(...entries: Entry[]): void;
  synced(): Promise<void>;
}

type Parts = Omit<Sandbox, 'state' | 'record' | 'synced'>;

export async function openSandbox(
  dataDir: string,
  parts: Parts,
): Promise<{ sandbox: Sandbox; close: () => Promise<void> }> {
  const state = makeState();
  const journal = await openJournal(
    dataDir,
    (entry) => apply(state, entry),
    () => facts(state),
  );
  const sandbox: Sandbox = {
    ...parts,
    state,
    record(...entries) {
      journal.append(entries);
      for (const entry of entries) apply(state, entry);
    },
    synced: () => journal.synced(),
  };
  return { sandbox, close: () => journal.close() };
}

export function recordViolation(sandbox: Sandbox, kind: ViolationKind, grantId: string | null, detail: string): void {
  sandbox.record({ t: 'violation', at: sandbox.clock(), kind, grantId, detail });
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
