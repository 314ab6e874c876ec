/** Circuits and waves of refusals: looked at by admins, who may end a wave before it ends by itself. */

import { namesOfActors } from '../../db/keyNames';
import { readOutages, type StoredCircuit, type StoredOutage, type StoredWave } from '../../db/outages';
import { CIRCUITS } from '../../ups';
import { stateOf } from '../../workers';
import { instant } from '../present';
import { Refusal } from '../problems';
import { actorOf, type Caller } from '../roles';
import type { OutagesJson, WaveAction, WaveJson } from '../schemas/outages';
import { action } from './action';

const isCircuit = (one: StoredOutage): one is StoredCircuit => one.kind === 'circuit';
const isWave = (one: StoredOutage): one is StoredWave => one.kind === 'wave';

function presentCircuit(name: (typeof CIRCUITS)[number], stored: StoredCircuit | undefined, now: number) {
  if (!stored || stored.openUntil === 0) return { name, state: 'closed' as const, until: null, why: null };
  const isOpen = stored.openUntil > now;
  return {
    name,
    state: isOpen ? ('open' as const) : ('half-open' as const),
    until: isOpen ? instant(stored.openUntil) : null,
    why: stored.why,
  };
}

function presentWave(wave: StoredWave, now: number, names: ReadonlyMap<string, string>): WaveJson[] {
  const state = stateOf(wave, now);
  if (state === null) return [];
  return [
    {
      ...{
        code: wave.code,
        state: state === 'settled' ? 'released' : state,
        since: instant(wave.since),
        decidedBy: wave.decidedBy,
        decidedByName: names.get(wave.decidedBy ?? '') ?? null,
      },
      canaries: wave.canaries.length,
      refusedCanaries: wave.canaries.filter(({ isRefused }) => isRefused).length,
      nextCanaryAt: state === 'held' ? instant(wave.canaryAt) : null,
    },
  ];
}

export const getOutages = action(
  'administer',
  async ({ db, clock }, _caller: Caller, _input: Record<string, never>): Promise<OutagesJson> => {
    const outages = await readOutages(db);
    const now = clock.now();
    const circuits = outages.filter(isCircuit);
    const waves = outages.filter(isWave);
    const deciders = waves.flatMap(({ decidedBy }) => decidedBy ?? []);
    const names = await namesOfActors(db, deciders, null);
    return {
      circuits: CIRCUITS.map((name) =>
        presentCircuit(
          name,
          circuits.find(({ _id }) => _id === `circuit:${name}`),
          now,
        ),
      ),
      waves: waves.flatMap((wave) => presentWave(wave, now, names)),
    };
  },
);

export const decideWave = action(
  'administer',
  async (services, caller: Caller, { code, act }: { code: string; act: WaveAction }): Promise<OutagesJson> => {
    const state = act === 'release' ? 'released' : 'applied';
    const ended = await services.waves.decide(code, state, actorOf(caller));
    if (!ended) throw new Refusal('not-found', `No account is held for ${code}: there is nothing to end.`);
    return getOutages(services, caller, {});
  },
);
