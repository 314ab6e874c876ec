/**
 * What of a machine a stored account could notice, a line each: its states, their `after`s and what these come to, what
 * they invoke, and how long each delay is in contexts that never change (probes.ts). A delay has a name, so nothing stored
 * tells that its function gives another time now: these lines do.
 */

import type { AnyStateMachine } from 'xstate';

interface Branch {
  target?: readonly { id: string }[] | undefined;
}

interface Node {
  id: string;
  type: string;
  states: Record<string, Node>;
  after: readonly (Branch & { eventType: string; delay: unknown })[];
  invoke: readonly { id: string; src: unknown }[];
  transitions: ReadonlyMap<string, readonly Branch[]>;
}

const nodesOf = (node: Node): Node[] => [node, ...Object.values(node.states).flatMap(nodesOf)];

const targetsOf = (branches: readonly Branch[]): string =>
  [...new Set(branches.flatMap(({ target }) => (target ?? []).map(({ id }) => id)))].sort().join(', ');

function linesOf(node: Node): string[] {
  const to = (event: string) => targetsOf(node.transitions.get(event) ?? []);
  const events = [...new Set(node.after.map(({ eventType }) => eventType))];
  const ends = (id: string) => `done: ${to(`xstate.done.actor.${id}`)}; error: ${to(`xstate.error.actor.${id}`)}`;
  return [
    `${node.id} is ${node.type}`,
    ...events.map((event) => `${node.id} after ${event}: ${to(event)}`),
    ...node.invoke.map(({ id, src }) => `${node.id} invokes ${id} of ${String(src)}: ${ends(id)}`),
  ];
}

/** A context that a delay cannot read is a line too: it must not change unseen either. */
function timeOf(delay: unknown, context: object): string {
  if (typeof delay !== 'function') return String(delay);
  try {
    return String((delay as (args: object) => unknown)({ context, event: { type: 'xstate.probe' } }));
  } catch {
    return 'no time';
  }
}

export function shapeOf(machine: AnyStateMachine, probes: readonly object[]): string[] {
  const delays = Object.entries((machine.implementations as { delays: Record<string, unknown> }).delays);
  const times = delays.map(([name, delay]) => `delay ${name}: ${probes.map((one) => timeOf(delay, one)).join(', ')}`);
  return [...nodesOf(machine.root as unknown as Node).flatMap(linesOf), ...times].sort();
}

/** FNV-1a, twice from different beginnings: it tells apart, and guards nothing. */
export function fingerprintOf(lines: readonly string[]): string {
  const text = lines.join('\n');
  return [0x811c9dc5, 0x7ee3623a]
    .map((basis) => {
      let hash = basis;
      for (let n = 0; n < text.length; n += 1) hash = Math.imul(hash ^ text.charCodeAt(n), 0x01000193);
      return (hash >>> 0).toString(16).padStart(8, '0');
    })
    .join('');
}

export interface ShapeChange {
  gone: string[];
  added: string[];
}

/** What is not as it was pinned; null when it is. */
export function changeOf(pinned: readonly string[], now: readonly string[]): ShapeChange | null {
  const gone = pinned.filter((line) => !now.includes(line));
  const added = now.filter((line) => !pinned.includes(line));
  return gone.length + added.length === 0 ? null : { gone, added };
}
