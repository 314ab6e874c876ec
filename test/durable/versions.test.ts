/**
 * A deploy strands no account (invariant 9), with two small machines made for it: a door that version 1 opens and closes, and
 * that version 2 also locks after a while. Version 2 decides KNOCK otherwise, as a changed guard would.
 */

import { assign, createMachine, type AnyStateMachine } from 'xstate';
import { decide, decideCreation } from '../../src/durable/decide';
import { NewerVersion } from '../../src/durable/errors';
import { replay } from '../../src/durable/replay';
import { assertCarriedBy } from '../../src/durable/whole';
import { tryOut } from '../../src/durable/tryOut';
import type { Checkpoint, Definition, Document, Row } from '../../src/durable/types';
import { makeUpgrade, type Step } from '../../src/machines/versions';

type Door = Document<object, object>;

const doorOf = (opens: boolean, locks: boolean): AnyStateMachine =>
  createMachine(
    {
      id: 'door',
      initial: 'closed',
      context: { at: 0, facts: {}, knocks: 0 },
      states: {
        closed: {
          on: { OPEN: 'open', KNOCK: opens ? 'open' : { actions: 'count' } },
          ...(locks && { after: { patience: 'locked' } }),
        },
        open: { on: { CLOSE: 'closed' } },
        ...(locks && { locked: {} }),
      },
    },
    {
      actions: { count: assign(({ context }) => ({ knocks: (context as { knocks: number }).knocks + 1 })) },
      delays: { patience: () => 60_000 },
    },
  );

const definitionOf = (version: number, machine: AnyStateMachine): Definition<object, object> => ({
  machine,
  version,
  facts: () => ({}),
  patches: {},
  view: () => ({}),
  stateName: (value) => (typeof value === 'string' ? value : ''),
  queueOf: () => null,
  isRoutine: () => false,
  publicEvents: ['OPEN', 'CLOSE', 'KNOCK'],
  refusals: {},
  claim: ({ data }) => ({ data, until: 0 }),
  late: () => null,
});

const first = definitionOf(1, doorOf(true, false));
const second = definitionOf(2, doorOf(false, true));

const PATIENCE = 'xstate.after.patience.door.closed';
const toSecond: Step = (stored) => {
  if (stored.snapshot.value !== 'closed') return stored;
  const { timers } = stored as unknown as Door;
  return { ...stored, timers: [...timers, { id: PATIENCE, event: PATIENCE, dueAt: 90_000 }] } as typeof stored;
};
const upgrade = makeUpgrade({ 2: toSecond }, 2);

let ids = 0;
const changeTo = (type: string) => ({
  event: { type },
  actor: 'test',
  eventId: `e${(ids += 1)}`,
  bodyHash: null,
  secrets: {},
  claimBy: null,
  attemptId: null,
});
const around = { at: 1_000, seal: () => 'sealed', isRelayed: () => true };

const rows: Row[] = [];
const checkpoints: Checkpoint[] = [];
beforeEach(() => {
  rows.length = 0;
  checkpoints.length = 0;
});

function kept(document: Door): Door {
  const entry = document.outbox.at(-1);
  if (entry) rows.push(entry.row);
  if (entry?.checkpoint) checkpoints.push(entry.checkpoint);
  return document;
}

const born = (): Door =>
  kept(decideCreation(first, { id: 'door', tenantId: 'acme', data: {} }, changeTo('BUILD'), around));

function take(definition: Definition<object, object>, document: Door, type: string): Door {
  const decision = decide(definition, document, changeTo(type), around);
  if (!decision.taken) throw new Error(`${type} was not taken`);
  return kept(decision.next);
}

it('carries a door of version 1 on by its written step: it waits for what version 2 waits for', () => {
  const old = take(first, take(first, born(), 'KNOCK'), 'CLOSE');
  expect(tryOut(second, () => old)).toMatch(/no timer is stored for xstate\.after\.patience/);
  expect(tryOut(second, () => upgrade(old as never))).toBeNull();
  const next = take(second, upgrade(old as never), 'KNOCK');
  expect(next).toMatchObject({
    version: 2,
    timers: [{ event: PATIENCE, dueAt: 90_000 }],
    snapshot: { value: 'closed' },
  });
});

it('writes a checkpoint with the first row of another version, and with no other', () => {
  const old = take(first, born(), 'KNOCK');
  expect(checkpoints).toEqual([]);
  const next = take(second, upgrade(old as never), 'CLOSE');
  expect(checkpoints).toEqual([expect.objectContaining({ seq: 3, version: 2 })]);
  expect(next.checkpointSeq).toBe(3);
  take(second, next, 'KNOCK');
  expect(checkpoints).toHaveLength(1);
});

it("replays from there, so that today's machine is never asked about yesterday's rows", () => {
  const old = take(first, born(), 'KNOCK');
  const next = take(second, take(second, upgrade(old as never), 'CLOSE'), 'KNOCK');
  const [checkpoint = null] = checkpoints;
  expect(replay(second, checkpoint, rows.slice(3), next)).toEqual({ same: true, seq: 4 });
  // From the beginning it would be asked, and decide otherwise.
  expect(replay(second, null, rows, next)).toMatchObject({ same: false, seq: 2 });
});

it('leaves a door of version 2 alone where version 1 runs', () => {
  const next = take(second, upgrade(born() as never), 'KNOCK');
  expect(() => assertCarriedBy(first, next)).toThrow(NewerVersion);
});

it('starts with no step missing on the way, and says which one is', () => {
  expect(() => makeUpgrade({ 2: toSecond }, 3)).toThrow('No step to machine version 3 is written');
});
