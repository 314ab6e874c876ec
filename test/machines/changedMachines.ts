/** Account machines with one change each, as a deploy may bring them. */

import { createMachine, type AnyStateMachine } from 'xstate';
import { accountMachine, MACHINE_VERSION } from '../../src/machines/account';
import { defaultRules, makeAccountDefinition, type Rules } from '../../src/machines/definition';
import { makeUpgrade, steps, type Step, type Upgrade } from '../../src/machines/versions';
import { fingerprintOf, shapeOf } from '../../src/machines/shape';
import { probes } from '../../src/machines/probes';

/** The configuration of a state. */
export interface StateConfig {
  initial?: unknown;
  states: Record<string, StateConfig>;
  after?: Record<string, unknown>;
  invoke?: { id: string; src: string };
  on?: Record<string, unknown>;
}

const copied = <T>(value: T): T => {
  if (Array.isArray(value)) return value.map(copied) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, copied(part as unknown)])) as T;
};

/** `path`: `life.connected.fresh` */
export function stateAt(root: StateConfig, path: string): StateConfig {
  return path.split('.').reduce((state, name) => {
    const child = state.states[name];
    if (!child) throw new Error(`no state ${name} on the way to ${path}`);
    return child;
  }, root);
}

export function changedMachine(
  change: (root: StateConfig) => void,
  more: { delays?: Record<string, unknown>; actors?: Record<string, unknown> } = {},
): AnyStateMachine {
  const root = copied(accountMachine.config) as unknown as StateConfig;
  change(root);
  const { delays, actors, ...rest } = accountMachine.implementations as unknown as Record<string, object>;
  const implementations = { ...rest, delays: { ...delays, ...more.delays }, actors: { ...actors, ...more.actors } };
  return createMachine(root as never, implementations as never) as AnyStateMachine;
}

const set = (states: Record<string, StateConfig>, name: string, state: StateConfig | undefined): void => {
  if (state) states[name] = state;
};

/** One machine for each of the five changes that loading must detect. */
export const brokenMachines = {
  'a delay with another name': () =>
    changedMachine(
      (root) => {
        const fresh = stateAt(root, 'life.connected.fresh');
        fresh.after = { refreshSoon: fresh.after?.['refreshDue'] };
      },
      { delays: { refreshSoon: () => 1_000 } },
    ),
  'a new after': () =>
    changedMachine(
      (root) => {
        const fresh = stateAt(root, 'life.connected.fresh');
        fresh.after = { ...fresh.after, nap: 'backing-off' };
      },
      { delays: { nap: () => 1_000 } },
    ),
  'a new invoke': () =>
    changedMachine((root) => {
      const { invoke } = stateAt(root, 'life.connected.refreshing');
      stateAt(root, 'life.connected.fresh').invoke = { ...(invoke as { id: string; src: string }), id: 'greet' };
    }),
  'a renamed actor': () =>
    changedMachine(
      (root) => {
        const refreshing = stateAt(root, 'life.connected.refreshing');
        refreshing.invoke = { ...(refreshing.invoke as { id: string; src: string }), src: 'rotate' };
      },
      { actors: { rotate: (accountMachine.implementations.actors as Record<string, unknown>)['refresh'] } },
    ),
  'a vanished state': () =>
    changedMachine((root) => {
      const connected = stateAt(root, 'life.connected');
      const { fresh, ...rest } = connected.states;
      connected.states = rest;
      set(connected.states, 'rested', fresh);
      connected.initial = 'rested';
      retarget(root, 'fresh', 'rested');
    }),
};

/** Points every target `from` to `to`. */
function retarget(value: unknown, from: string, to: string): void {
  if (value === null || typeof value !== 'object') return;
  for (const [name, part] of Object.entries(value as Record<string, unknown>)) {
    if (part === from || part === `.${from}`) (value as Record<string, unknown>)[name] = part.replace(from, to);
    else retarget(part, from, to);
  }
}

export interface Deploy {
  definition: (rules?: Rules) => ReturnType<typeof makeAccountDefinition>;
  upgrade: Upgrade;
}

/** The machine as a deploy brings it: as the next version with a written step, or as this version without one. */
export function deployOf(machine: AnyStateMachine, step?: Step): Deploy {
  const version = step ? MACHINE_VERSION + 1 : MACHINE_VERSION;
  const shape = fingerprintOf(shapeOf(machine, probes));
  return {
    definition: (rules = defaultRules) => ({
      ...makeAccountDefinition(rules),
      machine: machine as typeof accountMachine,
      version: version,
      shape,
    }),
    upgrade: makeUpgrade({ ...steps, ...(step && { [version]: step }) }, version),
  };
}
