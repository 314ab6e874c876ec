/**
 * The machine's shape, walked whole: what XState would let pass in silence is refused here by name.
 * A state nobody leaves, a delay nobody declared, an invocation whose failure nobody handles: each would strand an account.
 */

import type { AnyStateNode } from 'xstate';
import { accountMachine } from '../../src/machines/account';
import { makeAccountDefinition } from '../../src/machines/definition';
import { publicEvents } from '../../src/machines/events';
import { patches } from '../../src/machines/patches';
import { refusals } from '../../src/machines/vocabulary';

const walk = (node: AnyStateNode): AnyStateNode[] => [node, ...Object.values(node.states).flatMap(walk)];
const nodes = walk(accountMachine.root);
const named = nodes.map((node) => [node.id, node] as const);
const implementations = accountMachine.implementations as unknown as Record<
  'guards' | 'actions' | 'delays' | 'actors',
  Record<string, unknown>
>;

interface Branch {
  guard?: unknown;
  target?: unknown;
  reenter?: boolean;
  actions: readonly unknown[];
  source: AnyStateNode;
}

const branches = (node: AnyStateNode, eventType: string) =>
  (node.transitions.get(eventType) ?? []) as unknown as Branch[];
const allBranches = nodes.flatMap(
  (node) => [[...node.transitions.values()].flat(), node.always ?? []].flat() as unknown as Branch[],
);
const nameOf = (thing: unknown): string =>
  typeof thing === 'string' ? thing : String((thing as { type?: string } | undefined)?.type);

/** The last branch always leaves or re-enters the state the event belongs to. */
function endsUnguarded(node: AnyStateNode, eventType: string): void {
  const last = branches(node, eventType).at(-1);
  expect(last).toBeDefined();
  expect(last?.guard).toBeUndefined();
  expect(Array.isArray(last?.target) ? last.target.length : 0).toBeGreaterThan(0);
  const targets = last?.target as AnyStateNode[];
  for (const target of targets) expect(target.id.startsWith(`${node.id}.`) && last?.reenter !== true).toBe(false);
}

describe.each(named)('%s', (_, node) => {
  it('ends every after in an unguarded branch that leaves or re-enters it', () => {
    for (const { eventType } of node.after as readonly { eventType: string }[]) endsUnguarded(node, eventType);
  });

  it('handles the end and the failure of whatever it invokes', () => {
    for (const { id } of node.invoke) {
      endsUnguarded(node, `xstate.done.actor.${id}`);
      endsUnguarded(node, `xstate.error.actor.${id}`);
    }
  });

  it('names its delays, never counts them', () => {
    for (const { delay } of node.after as readonly { delay: unknown }[]) {
      if (typeof delay !== 'string') throw new Error(`a delay that is a ${typeof delay}`);
      expect(implementations.delays).toHaveProperty([delay]);
    }
  });

  it('sets no reason and tells nothing on entry or exit', () => {
    const own = [...node.entry, ...node.exit].map(nameOf).filter((name) => !/^xstate\.(raise|cancel)$/.test(name));
    expect(own).toEqual([]);
  });
});

it('invokes by a name that has a queue, each id in one state only', () => {
  const invoked = nodes.flatMap((node) => node.invoke.map(({ id, src }) => ({ id, src: src as string })));
  expect(new Set(invoked.map(({ id }) => id)).size).toBe(invoked.length);
  const definition = makeAccountDefinition();
  for (const { src } of invoked) {
    expect(implementations.actors).toHaveProperty([src]);
    expect(definition.queueOf(src)).not.toBeNull();
  }
});

it('guards every branch by one name that is declared, and every branch before the last is guarded', () => {
  for (const { guard } of allBranches) {
    if (guard === undefined) continue;
    expect(implementations.guards).toHaveProperty([nameOf(guard)]);
  }
  for (const node of nodes)
    for (const group of node.transitions.values())
      for (const branch of group.slice(0, -1)) expect(branch.guard).toBeDefined();
});

it('uses declared effects only, and each is XState’s own or a patch', () => {
  for (const { actions } of allBranches)
    for (const action of actions) {
      const name = nameOf(action);
      const implementation = implementations.actions[name] as { type?: string } | undefined;
      expect(implementation).toBeDefined();
      const isBuiltIn = /^xstate\.(assign|raise|emit)$/.test(implementation?.type ?? '');
      if (!isBuiltIn) expect(patches).toHaveProperty([name]);
    }
});

it('has no patch that nothing asks for', () => {
  const initial = nodes.flatMap((node) => node.initial?.actions ?? []).map(nameOf);
  const used = new Set([...initial, ...allBranches.flatMap(({ actions }) => actions.map(nameOf))]);
  expect(Object.keys(patches).filter((name) => !used.has(name))).toEqual([]);
});

it('explains the refusal of every guard that can refuse a public event or a setting', () => {
  const outside = [
    ...publicEvents,
    ...['EDIT', 'USE', 'UNUSE', 'CODE_RECEIVED', 'CONSENT_REFUSED', 'ACCESS_KEY_READ', 'DEADLINE_MOVED'],
    ...['CAMPAIGN_MIGRATE', 'LINK_WITHDRAWN'],
    ...['PROFILE_VERIFICATION_OPENED', 'PROFILE_VERIFICATION_ENDED'],
  ];
  for (const node of nodes)
    for (const eventType of outside)
      for (const { guard } of branches(node, eventType))
        if (guard !== undefined) expect(refusals).toHaveProperty([nameOf(guard)]);
});
