/** The picture's parts: an account's life, its token while connected, the merchant's trip to UPS, and an old access key. */

import { isLifeState, type Counts, type Lifecycle, type State, type Transition } from './model';

export interface Panel {
  title: string;
  nodes: { id: string; label: string; count: number | null }[];
  /** One per pair of nodes, with a line for everything that leads that way. */
  edges: { from: string; to: string; lines: string[] }[];
}

interface Cut {
  title: string;
  region: string;
  /** The states shown are those directly below it; what lies deeper counts as the state it lies in. */
  below: string;
}

const cuts: Cut[] = [
  { title: 'life: what an account is', region: 'life', below: '' },
  { title: 'token: inside connected', region: 'life', below: 'connected' },
  { title: 'consent: the merchant’s trip to UPS, or a check of the grant in use', region: 'consent', below: '' },
  { title: 'key: an access key of the XML era, from its import to its receipt', region: 'key', below: '' },
  { title: 'horizon: how near the end of the refresh token is', region: 'horizon', below: '' },
];

/** The shown state a name lies in, or null when it lies elsewhere. */
function shownAs(name: string, below: string): string | null {
  const prefix = below === '' ? '' : `${below}.`;
  if (!name.startsWith(prefix)) return null;
  return prefix + (name.slice(prefix.length).split('.')[0] ?? '');
}

const GUARDS_SHOWN = 4;

/** `CONSENT_ENDED: denied, rejected`: what differs only by its guard stands on one line. */
function linesOf(transitions: Transition[]): string[] {
  const byEvent = new Map<string, string[]>();
  for (const { event, guard } of transitions) {
    const guards = byEvent.get(event) ?? [];
    byEvent.set(event, guard === null || guards.includes(guard) ? guards : [...guards, guard]);
  }
  return [...byEvent].flatMap(([event, guards]) => {
    if (guards.length === 0) return [event];
    const rows: string[] = [];
    for (let n = 0; n < guards.length; n += GUARDS_SHOWN) rows.push(guards.slice(n, n + GUARDS_SHOWN).join(', '));
    return rows.map((row, n) => (n === 0 ? `${event}: ${row}` : row));
  });
}

function edgesOf(states: State[], below: string): Panel['edges'] {
  const found = new Map<string, { from: string; to: string; transitions: Transition[] }>();
  for (const { name, transitions } of states) {
    const from = shownAs(name, below);
    for (const transition of transitions) {
      const to = transition.to === null ? null : shownAs(transition.to, below);
      if (from === null || to === null || from === to) continue;
      const edge = found.get(`${from} ${to}`) ?? { from, to, transitions: [] };
      edge.transitions.push(transition);
      found.set(`${from} ${to}`, edge);
    }
  }
  return [...found.values()].map(({ from, to, transitions }) => ({ from, to, lines: linesOf(transitions) }));
}

export function panelsOf(lifecycle: Lifecycle, counts: Counts | null): Panel[] {
  return cuts.map(({ title, region, below }) => {
    const inside = lifecycle.states.filter((state) => state.region === region && state.name !== below);
    const ids = new Set(inside.flatMap(({ name }) => shownAs(name, below) ?? []));
    const nodes = [...ids].map((id) => ({
      id,
      label: id.split('.').at(-1) ?? id,
      count: counts !== null && region === 'life' && isLifeState(id) ? counts[id] : null,
    }));
    return { title, nodes, edges: edgesOf(inside, below) };
  });
}
