/** The machine as data, and how many accounts are in each state. */

import { countByState } from '../../db/queries';
import { isLifeState, makeLifecycle, type Counts, type Lifecycle } from '../lifecycle/model';
import type { Caller } from '../roles';
import { action } from './action';

export interface LifecycleNow {
  lifecycle: Lifecycle;
  counts: Counts;
}

export const readLifecycle = action(
  'read',
  async ({ db }, { tenantId }: Caller, _input: Record<string, never>): Promise<LifecycleNow> => ({
    lifecycle: makeLifecycle(),
    counts: await countByState(db, tenantId),
  }),
);

export function presentLifecycle({ lifecycle, counts }: LifecycleNow) {
  const states = lifecycle.states.map((state) => ({
    ...state,
    count: state.region === 'life' && isLifeState(state.name) ? counts[state.name] : null,
  }));
  return { ...lifecycle, states, counts };
}
