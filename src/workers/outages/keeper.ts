/** Once a second, in every process: what is out of order is read by all, and told by whoever finds it. */

import type { OutageStore } from '../../db/outages';
import { unlessMissing } from '../../durable/errors';
import type { Runtime } from '../../durable/runtime';
import type { AccountData } from '../../machines/data';
import type { AccountView } from '../../machines/definition';
import type { Gate } from '../../ups';
import { startLoop, type Loop } from '../loop';
import type { WorkLog } from '../work';
import type { SharedCircuits } from './circuits';
import type { Waves } from './waves';

export interface OutagesParts {
  outages: OutageStore;
  gate: Pick<Gate, 'circuit'>;
  circuits: SharedCircuits;
  waves: Waves;
  runtime: Pick<Runtime<AccountData, AccountView>, 'dispatch'>;
  log: WorkLog;
  /** Whether held accounts are tried from here: schedulers do, and any number of them tries one account at a time. */
  triesHeld: boolean;
}

const LOOK_MS = 1_000;

/** One look: one read, and a write for what is new. */
export async function lookAtOutages({
  outages,
  gate,
  circuits,
  waves,
  runtime,
  triesHeld,
}: OutagesParts): Promise<void> {
  const read = await outages.read();
  await circuits.look(gate, read);
  await waves.look(read);
  if (triesHeld) await waves.tryCanaries(tryHeld);

  async function tryHeld(accountId: string): Promise<boolean> {
    const tried = runtime.dispatch(accountId, { type: 'TRY_HELD' }, { actor: 'machine' });
    const verdict = await tried.catch(unlessMissing);
    return verdict?.verdict === 'applied';
  }
}

export const startOutages = (parts: OutagesParts): Loop =>
  startLoop('outages', { intervalMs: LOOK_MS, tick: () => lookAtOutages(parts), log: parts.log });
