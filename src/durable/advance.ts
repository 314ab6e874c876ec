/**
 * One step of a machine, as data: the next snapshot, its timers and invocations, and what else it asks for.
 * Pure: the same state, event, instant and facts give the same step, so history replays.
 */

import {
  createActor,
  getNextTransitions,
  initialTransition,
  transition,
  type AnyMachineSnapshot,
  type EventObject,
} from 'xstate';
import { MachineFault } from './errors';
import { inWords, mismatch, misfitsOf } from './whole';
import type { Definition, Effect, Happening, Invocation, JsonObject, Outgoing, StoredSnapshot, Timer } from './types';

/** The part of a document that the machine alone decides. */
export interface MachineState {
  seq: number;
  snapshot: StoredSnapshot;
  timers: Timer[];
  invocations: Invocation[];
}

export interface PatchCall {
  name: string;
  params: unknown;
}

export type Step =
  | { taken: false; why: string | null }
  | {
      taken: true;
      state: MachineState;
      patches: PatchCall[];
      outgoing: Outgoing[];
      effects: Effect[];
      started: string[];
    };

type AnyDefinition = Pick<Definition, 'machine' | 'refusals' | 'publicEvents'> & { patches: Record<string, unknown> };

/** How long started work may wait before it is told again. */
const RETELL_MS = 30_000;

/** What `transition` returns of an action, as checked on xstate 5.33. */
interface Asked {
  type: string;
  params?: unknown;
}

interface AskedParams {
  event?: EventObject & { data?: JsonObject };
  id?: string;
  sendId?: string;
  delay?: unknown;
  src?: unknown;
  input?: JsonObject;
}

/** The state was checked when its document was loaded, or when the step before led to it. */
function rehydrate(definition: AnyDefinition, state: MachineState, at: number, facts: object): AnyMachineSnapshot {
  const children = Object.fromEntries(
    state.invocations.map(({ id, src }) => [id, { src, syncSnapshot: false, snapshot: { status: 'active' } }]),
  );
  const stored = { ...state.snapshot, context: { ...state.snapshot.context, at, facts }, children };
  // Never started: starting would run what is invoked again, in memory, behind the document's back.
  const snapshot = createActor(definition.machine, { snapshot: stored as never }).getSnapshot() as AnyMachineSnapshot;
  // XState reports what it could not restore in no other way.
  if (snapshot.status === 'error') throw mismatch(state, ['XState cannot restore it'], snapshot.error);
  return snapshot;
}

const storedSnapshot = (snapshot: AnyMachineSnapshot): StoredSnapshot => {
  const { value, context, historyValue } = snapshot as unknown as StoredSnapshot;
  return { status: 'active', value, context, historyValue };
};

/** Turns what the machine asks for into data; refuses by name what could not be made durable. */
function collect(definition: AnyDefinition, before: MachineState, seq: number, at: number, asked: readonly Asked[]) {
  let { timers, invocations } = before;
  const patches: PatchCall[] = [];
  const outgoing: Outgoing[] = [];
  const effects: Effect[] = [];
  const started: string[] = [];
  for (const { type, params } of asked) {
    const given = (params ?? {}) as AskedParams;
    switch (type) {
      case 'xstate.raise': {
        if (given.delay === undefined) break; // has happened already, within this step
        const event = given.event?.type ?? '';
        if (typeof given.delay !== 'number' || !Number.isFinite(given.delay))
          throw new MachineFault(`the delay of ${event} is no finite number`);
        const timer: Timer = { id: given.id ?? event, event, dueAt: at + given.delay };
        timers = [...timers.filter(({ id }) => id !== timer.id), timer];
        effects.push({ timer: event, dueAt: timer.dueAt });
        break;
      }
      case 'xstate.cancel':
        timers = timers.filter(({ id }) => id !== given.sendId);
        break;
      case 'xstate.spawnChild': {
        const id = given.id ?? '';
        if (typeof given.src !== 'string') throw new MachineFault(`invocation ${id} has no named src`);
        const input = given.input ?? {};
        const key = `${seq}-${id}`;
        invocations = [...invocations, { key, id, src: given.src, input, claim: null, retellAt: at + RETELL_MS }];
        started.push(key);
        effects.push({ invocation: id, input });
        break;
      }
      case 'xstate.stopChild':
        invocations = invocations.filter(({ id }) => id !== given.id);
        break;
      case 'xstate.emit': {
        const { type: emitted, data } = given.event ?? { type: '' };
        outgoing.push({ type: emitted, data: data ?? {} });
        effects.push({ emit: emitted, data: data ?? {} });
        break;
      }
      default:
        if (!Object.hasOwn(definition.patches, type)) throw new MachineFault(`action ${type} cannot be made durable`);
        patches.push({ name: type, params });
        effects.push({ patch: type });
    }
  }
  return { timers, invocations, patches, outgoing, effects, started };
}

/** What a step leads to must be what the next one will find whole: else it is the machine that is at fault. */
function assertWhole({ machine }: AnyDefinition, state: MachineState): void {
  const misfits = misfitsOf(machine, state);
  if (misfits.length > 0)
    throw new MachineFault(`the machine leads to ${inWords(state.snapshot.value)}: ${misfits.join('; ')}`);
}

function assertSettled(snapshot: AnyMachineSnapshot, event: string): void {
  if (snapshot.status !== 'active')
    throw new MachineFault(`${event} leads to status ${snapshot.status}, which is never committed`);
}

function toStep(
  definition: AnyDefinition,
  before: MachineState,
  at: number,
  next: AnyMachineSnapshot,
  asked: readonly Asked[],
): Step {
  const seq = before.seq + 1;
  const { timers, invocations, ...rest } = collect(definition, before, seq, at, asked);
  const state = { seq, snapshot: storedSnapshot(next), timers, invocations };
  assertWhole(definition, state);
  return { taken: true, state, ...rest };
}

/** The machine's first step: the seq after `seq`, which is 0 unless an erased account had the numbers before. */
export function begin(definition: AnyDefinition, at: number, facts: object, seq = 0): Extract<Step, { taken: true }> {
  const [snapshot, asked] = initialTransition(definition.machine, { at, facts });
  assertSettled(snapshot as AnyMachineSnapshot, 'the start');
  const nothing: MachineState = {
    seq,
    snapshot: storedSnapshot(snapshot as AnyMachineSnapshot),
    timers: [],
    invocations: [],
  };
  return toStep(definition, nothing, at, snapshot as AnyMachineSnapshot, asked) as Extract<Step, { taken: true }>;
}

/** The step an event leads to, or why it is not taken: a guard's refusal, or null where this state knows no such event. */
export function advance(
  definition: AnyDefinition,
  state: MachineState,
  event: Happening,
  at: number,
  facts: object,
): Step {
  const before = rehydrate(definition, state, at, facts);
  const [next, asked] = transition(definition.machine, before, event);
  if (next === before && asked.length === 0) return { taken: false, why: refusalOf(definition, before, event) };
  assertSettled(next as AnyMachineSnapshot, event.type);
  return toStep(definition, state, at, next as AnyMachineSnapshot, asked);
}

const guardName = (guard: unknown): string => {
  if (typeof guard === 'string') return guard;
  return guard !== null && typeof guard === 'object' && 'type' in guard ? String(guard.type) : '';
};

function refusalOf({ refusals }: AnyDefinition, snapshot: AnyMachineSnapshot, { type }: Happening): string | null {
  const known = getNextTransitions(snapshot).filter(({ eventType }) => eventType === type);
  if (known.length === 0) return null;
  const guards = known.map(({ guard }) => guardName(guard));
  return guards.map((name) => refusals[name]).find((why) => why !== undefined) ?? guards[0] ?? 'refused';
}

/** The public events with a transition here, whatever guards say. */
export function allowedIn(definition: AnyDefinition, state: MachineState): string[] {
  const { at, facts } = state.snapshot.context as { at: number; facts: object };
  const known = new Set(
    getNextTransitions(rehydrate(definition, state, at, facts)).map(({ eventType }) => String(eventType)),
  );
  return definition.publicEvents.filter((name) => known.has(name));
}
