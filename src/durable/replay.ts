/** History run again through the pure machine: what it leads to must be what is stored (invariant 10). */

import { advance, begin, type MachineState } from './advance';
import type { Checkpoint, Definition, Document, Row } from './types';
import { assertFits } from './whole';

/** The first seq at which history and machine part, and how. */
export interface Difference {
  same: false;
  seq: number;
  why: string;
}

export type Replay = { same: true; seq: number } | Difference;

/** The claim and the retelling are the runtime's, not the machine's. */
const bare = ({ timers, invocations, snapshot }: MachineState | Checkpoint) => ({
  value: snapshot.value,
  context: snapshot.context,
  historyValue: snapshot.historyValue,
  timers: [...timers].sort((a, b) => a.id.localeCompare(b.id)),
  invocations: invocations.map(({ key, id, src, input }) => ({ key, id, src, input })),
});

const fromCheckpoint = (checkpoint: Checkpoint): MachineState => ({
  ...checkpoint,
  invocations: checkpoint.invocations.map((one) => ({ ...one, claim: null, retellAt: 0 })),
});

/** Sorted by key, so that the order fields were written in does not matter. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a.localeCompare(b)))
      : part,
  );

const isGap = (expected: number, row: Row): boolean => row.seq !== expected;

/** A replay under way: it holds the state it has come to and no row. */
export interface Replaying {
  /** The next row in order, from the first seq or from just after the checkpoint. Null: as it should be. */
  take(row: Row): Difference | null;
  /** When the row of the document's own seq is taken. */
  end(): Replay;
}

const different = (seq: number, why: string): Difference => ({ same: false, seq, why });

/** The machine itself may throw at a row that it cannot stand. */
export function beginReplay<D, V>(
  definition: Definition<D, V>,
  checkpoint: Checkpoint | null,
  document: Document<D, V>,
): Replaying {
  let state: MachineState | null = checkpoint && fromCheckpoint(checkpoint);
  if (state !== null) assertFits(definition.machine, state);
  return {
    take(row) {
      const expected = state === null ? document.firstSeq : state.seq + 1;
      if (isGap(expected, row)) return different(expected, `seq ${expected} is missing`);
      const from = state && definition.stateName(state.snapshot.value);
      if (row.from !== from) {
        const words = from === null ? 'the account begins here' : `the machine stands in ${from}`;
        return different(row.seq, `${words}, history says ${row.event.type} came from ${row.from ?? 'nowhere'}`);
      }
      if (state === null) {
        state = begin(definition, row.at, row.facts, row.seq - 1).state;
        return null;
      }
      const step = advance(definition, state, row.event, row.at, row.facts);
      if (!step.taken) return different(row.seq, `${row.event.type} is not taken: ${step.why ?? 'unknown here'}`);
      const to = definition.stateName(step.state.snapshot.value);
      if (to !== row.to) return different(row.seq, `${row.event.type} leads to ${to}, history says ${row.to}`);
      state = step.state;
      return null;
    },
    end() {
      if (state === null || state.seq !== document.seq) {
        const last = state?.seq ?? document.firstSeq - 1;
        return different(last + 1, `history ends at ${last}, the account is at ${document.seq}`);
      }
      if (canonical(bare(state)) !== canonical(bare(document)))
        return different(document.seq, 'snapshot, timers or invocations differ from what is stored');
      return { same: true, seq: document.seq };
    },
  };
}

/** `rows` in order, from the first seq or from just after the checkpoint, up to the document's own seq. */
export function replay<D, V>(
  definition: Definition<D, V>,
  checkpoint: Checkpoint | null,
  rows: Row[],
  document: Document<D, V>,
): Replay {
  const replaying = beginReplay(definition, checkpoint, document);
  for (const row of rows) {
    const found = replaying.take(row);
    if (found) return found;
  }
  return replaying.end();
}
