/** History run again through the pure machine: what it leads to must be what is stored (invariant 10). */

import { advance, begin, type MachineState } from './advance';
import type { Checkpoint, Definition, Document, Row } from './types';

export type Replay =
  | { same: true; seq: number }
  /** The first seq at which history and machine part, and how. */
  | { same: false; seq: number; why: string };

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

/** `rows` in order, from the first seq or from just after the checkpoint, up to the document's own seq. */
export function replay<D, V>(
  definition: Definition<D, V>,
  checkpoint: Checkpoint | null,
  rows: Row[],
  document: Document<D, V>,
): Replay {
  let state: MachineState | null = checkpoint && fromCheckpoint(checkpoint);
  for (const row of rows) {
    const expected = state === null ? document.firstSeq : state.seq + 1;
    if (isGap(expected, row)) return { same: false, seq: expected, why: `seq ${expected} is missing` };
    if (state === null) {
      state = begin(definition, row.at, row.facts, row.seq - 1).state;
      continue;
    }
    const step = advance(definition, state, row.event, row.at, row.facts);
    if (!step.taken)
      return { same: false, seq: row.seq, why: `${row.event.type} is not taken: ${step.why ?? 'unknown here'}` };
    const to = definition.stateName(step.state.snapshot.value);
    if (to !== row.to)
      return { same: false, seq: row.seq, why: `${row.event.type} leads to ${to}, history says ${row.to}` };
    state = step.state;
  }
  if (state === null || state.seq !== document.seq)
    return {
      same: false,
      seq: state === null ? document.firstSeq : state.seq + 1,
      why: `history ends at ${state?.seq ?? document.firstSeq - 1}, the account is at ${document.seq}`,
    };
  if (canonical(bare(state)) !== canonical(bare(document)))
    return { same: false, seq: document.seq, why: 'snapshot, timers or invocations differ from what is stored' };
  return { same: true, seq: document.seq };
}
