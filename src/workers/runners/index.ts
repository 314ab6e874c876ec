import type { Runners } from '../work';
import { makeExchange } from './exchange';
import type { RunnerParts } from './parts';
import { makeRefresh } from './refresh';
import { makeVerify } from './verify';

export type { RunnerParts } from './parts';

/** One file a job, by the `src` the machine names it with. */
export const makeRunners = (parts: RunnerParts): Runners => ({
  exchange: makeExchange(parts),
  verify: makeVerify(parts),
  refresh: makeRefresh(parts),
});
