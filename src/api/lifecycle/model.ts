/** The machine as data: its states and transitions, read from the machine's own code. */

import { accountMachine, MACHINE_VERSION } from '../../machines/account';
import { lifeStates, type LifeState } from '../../machines/definition';
import { timerNames } from '../rowTypes';

export interface Transition {
  /** As people read it: `AUTHORIZE`, `REFRESH_DUE`, `refresh answered`. */
  event: string;
  /** The state's name; null: it stays where it is. */
  to: string | null;
  /** On what it depends; `otherwise` for the last of several; null when on nothing. */
  guard: string | null;
}

export interface State {
  /** `life`, `consent`, `key` or `horizon`. */
  region: string;
  /** Its way from the region: `connected.fresh`. */
  name: string;
  transitions: Transition[];
}

export interface Lifecycle {
  machine: string;
  version: number;
  states: State[];
}

interface Branch {
  target?: Node[];
  guard?: unknown;
}

/** What is read of XState's nodes; its own types know each machine's states only. */
interface Node {
  key: string;
  path: string[];
  states: Record<string, Node>;
  transitions: Map<string, Branch[]>;
  always?: Branch[];
}

const nameOf = ({ path }: Node): string => path.slice(1).join('.');

function eventName(type: string): string {
  if (type.startsWith('xstate.after.')) return timerNames[type.split('.').slice(0, 3).join('.')] ?? type;
  const [, end, actor] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(type) ?? [];
  if (actor === undefined) return type;
  return end === 'done' ? `${actor} answered` : `${actor} failed`;
}

const inWords = (camel: string): string => camel.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** `{type: 'ended', params: {end: 'denied'}}` → `denied`; `notInUse` → `not in use`. */
function guardName(guard: unknown): string | null {
  if (guard === undefined) return null;
  if (typeof guard === 'string') return inWords(guard);
  const { type = '', params = {} } = guard as { type?: string; params?: Record<string, unknown> };
  const [[key, value] = []] = Object.entries(params);
  if (typeof value !== 'string') return inWords(type);
  return key === 'end' || key === 'kind' ? value : `${inWords(type)} ${value}`;
}

function transitionsOf(node: Node): Transition[] {
  return [...node.transitions].flatMap(([type, branches]) =>
    branches.map(({ target, guard }, n) => ({
      event: eventName(type),
      to: target?.[0] ? nameOf(target[0]) : null,
      guard: guardName(guard) ?? (n > 0 ? 'otherwise' : null),
    })),
  );
}

/** Taken as soon as its guard holds: XState's `always`, which where an account is born means an import. */
const atOnceOf = (node: Node): Transition[] =>
  (node.always ?? []).map(({ target, guard }) => ({
    event: guardName(guard)?.startsWith('imported') ? 'IMPORT' : 'always',
    to: target?.[0] ? nameOf(target[0]) : null,
    guard: guardName(guard),
  }));

const statesIn = (region: string, node: Node): State[] =>
  Object.values(node.states).flatMap((child) => [
    { region, name: nameOf(child), transitions: [...atOnceOf(child), ...transitionsOf(child)] },
    ...statesIn(region, child),
  ]);

export function makeLifecycle(): Lifecycle {
  const regions = Object.values(accountMachine.states as unknown as Record<string, Node>);
  const states = regions.flatMap((region) => statesIn(region.key, region));
  return { machine: 'account', version: MACHINE_VERSION, states };
}

export type Counts = Record<LifeState, number>;

export const isLifeState = (name: string): name is LifeState => lifeStates.some((known) => known === name);
