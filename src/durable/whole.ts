/**
 * Does a stored account fit the machine that is to carry it on? What is stored must be exactly what its active states
 * wait for, or the account would sleep for ever: XState itself says nothing of a timer nobody hears, of work nobody
 * invokes, and answers a state it does not know with a snapshot whose status is `error`.
 */

import type { AnyStateMachine, StateValue } from 'xstate';
import { MachineMismatch, NewerVersion } from './errors';
import type { Definition, Document, Invocation, StoredSnapshot, Timer } from './types';

/** What of a document the check looks at; `id`, `version` and `shape` where a document is at hand. */
export interface Stored {
  id?: string;
  version?: number;
  shape?: string | null;
  snapshot: Pick<StoredSnapshot, 'value'>;
  timers: readonly Pick<Timer, 'event'>[];
  invocations: readonly Pick<Invocation, 'id' | 'src'>[];
}

/** What is read of a state node. */
interface Node {
  id: string;
  type: string;
  states: Record<string, Node>;
  after: readonly { eventType: string }[];
  invoke: readonly { id: string; src: unknown }[];
}

const named = (things: readonly string[]): string => `[${things.join(', ')}]`;

/** The active nodes of a value, and what in it the machine does not know. */
function walk(node: Node, value: StateValue, active: Node[], misfits: string[]): void {
  active.push(node);
  const parts: [string, StateValue | undefined][] = typeof value === 'string' ? [[value, {}]] : Object.entries(value);
  for (const [name, inner] of parts) {
    const child = node.states[name];
    if (child) walk(child, inner ?? {}, active, misfits);
    else
      misfits.push(`the state ${node.id}.${name} is not in the machine, which has ${named(Object.keys(node.states))}`);
  }
  const known = parts.map(([name]) => name);
  const missing = Object.keys(node.states).filter((name) => !known.includes(name));
  if (node.type === 'parallel' && missing.length > 0)
    misfits.push(`the state ${node.id} has a region that is not stored: ${named(missing)}`);
  if (node.type === 'compound' && parts.length === 0)
    misfits.push(`the state ${node.id} has states of its own, and none of them is stored`);
}

function timersThatDiffer(active: Node[], timers: Stored['timers']): string[] {
  const wanted = new Set(active.flatMap(({ after }) => after.map(({ eventType }) => eventType)));
  const stored = new Set(timers.map(({ event }) => event));
  const fresh = [...wanted].filter((event) => !stored.has(event));
  const stray = [...stored].filter((event) => !wanted.has(event));
  return [
    ...fresh.map((event) => `no timer is stored for ${event} (a new \`after\`, or its delay has another name)`),
    ...stray.map((event) => `the timer ${event} is stored and waited for by nobody (its \`after\` is gone or renamed)`),
  ];
}

function workThatDiffers(active: Node[], invocations: Stored['invocations']): string[] {
  const wanted = active.flatMap(({ invoke }) => invoke.map(({ id, src }) => ({ id, src: String(src) })));
  const fresh = wanted.filter(({ id }) => !invocations.some((one) => one.id === id));
  const stray = invocations.filter(({ id }) => !wanted.some((one) => one.id === id));
  const renamed = invocations.flatMap(({ id, src }) => {
    const other = wanted.find((one) => one.id === id && one.src !== src);
    return other ? [`the invocation ${id} is stored with the actor ${src}, the machine's is ${other.src}`] : [];
  });
  return [
    ...fresh.map(({ id, src }) => `no invocation ${id} of ${src} is stored (a new \`invoke\`)`),
    ...stray.map(({ id, src }) => `the invocation ${id} of ${src} is stored and nobody's (its \`invoke\` is gone)`),
    ...renamed,
  ];
}

/** How what is stored and the machine differ, each as a sentence; nothing when the machine can carry it on. */
export function misfitsOf(machine: AnyStateMachine, stored: Stored): string[] {
  const active: Node[] = [];
  const misfits: string[] = [];
  walk(machine.root, stored.snapshot.value, active, misfits);
  // Of an unknown state nothing more can be said.
  if (misfits.length > 0) return misfits;
  return [...timersThatDiffer(active, stored.timers), ...workThatDiffers(active, stored.invocations)];
}

/** `{"life":{"connected":"fresh"},"key":"none"}` → `life.connected.fresh, key.none` */
export function inWords(value: StateValue): string {
  if (typeof value === 'string') return value;
  const parts = Object.entries(value).map(([name, inner]) => [name, inWords(inner ?? {})].filter(Boolean).join('.'));
  return parts.join(', ');
}

export function mismatch(stored: Stored, misfits: string[], cause?: unknown): MachineMismatch {
  const { id, version, snapshot, timers, invocations } = stored;
  const about = [
    `Account ${id ?? '(unnamed)'} is in ${inWords(snapshot.value)}`,
    ...(version === undefined ? [] : [`written by machine version ${version}`]),
    `with the timers ${named(timers.map(({ event }) => event))}`,
    `and the work ${named(invocations.map((one) => `${one.id} of ${one.src}`))}.`,
  ].join(', ');
  const toDo =
    'Nothing was written. Write a migration step (src/machines/versions.ts), or run the machine it was written by.';
  return new MachineMismatch(`${about} The machine does not fit it: ${misfits.join('; ')}. ${toDo}`, misfits, {
    cause,
  });
}

const changedUnseen = (version: number, theirs: string, ours: string): string =>
  `it was written by another machine of the same version ${version} (shape ${theirs}, ours is ${ours}): a delay or a state was changed without a new MACHINE_VERSION`;

/** Throws MachineMismatch too when the machine was changed and its version was not: then a delay may mean another time. */
export function assertSameShape(definition: { version: number; shape?: string }, stored: Stored): void {
  const { version, shape } = stored;
  if (version !== definition.version || shape === undefined || shape === null || definition.shape === undefined) return;
  if (shape !== definition.shape) throw mismatch(stored, [changedUnseen(version, shape, definition.shape)]);
}

/** Throws MachineMismatch, which names the state, what is stored, what is missing, and what to do. */
export function assertFits(machine: AnyStateMachine, stored: Stored): void {
  const misfits = misfitsOf(machine, stored);
  if (misfits.length > 0) throw mismatch(stored, misfits);
}

/** Throws NewerVersion or MachineMismatch for a document that this machine must not touch. */
export function assertCarriedBy<D, V>(definition: Definition<D, V>, document: Document<D, V>): void {
  const { id, version } = document;
  if (version > definition.version)
    throw new NewerVersion(`Account ${id} was written by machine version ${version}; this is ${definition.version}.`);
  assertSameShape(definition, document);
  assertFits(definition.machine, document);
}

export function isCarriedBy<D, V>(definition: Definition<D, V>, document: Document<D, V>): boolean {
  try {
    assertCarriedBy(definition, document);
    return true;
  } catch (error) {
    if (error instanceof NewerVersion || error instanceof MachineMismatch) return false;
    throw error;
  }
}
