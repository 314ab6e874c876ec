/** Brings processes into the state in which they hold an answer that the store does not take. */

import { readdirSync } from 'node:fs';
import type { Runner } from '../../../src/workers/work';
import { until } from '../../support/until';
import type { TestService, Process } from '../testService';

/** Calls `then` when the next answer to that work has arrived, before the process uses it. */
export function onAnswer(process: Process, src: 'refresh' | 'exchange', then: () => void): void {
  const runner = process.runners[src] as Runner;
  process.runners[src] = async (work) => {
    const outcome = await runner(work);
    process.runners[src] = runner;
    then();
    return outcome;
  };
}

/** The names of an account's answers in a folder. */
export const namesIn = (folder: string, id = ''): string[] => {
  try {
    return readdirSync(folder).filter((name) => name.startsWith(id) && name.endsWith('.json'));
  } catch {
    return [];
  }
};

/** A refresh that UPS has answered and whose process finds the store away. `performing` resolves when the process no longer holds the answer. */
export async function withAnswerInHand(
  service: TestService,
  process: Process,
): Promise<{ id: string; performing: Promise<void> }> {
  const id = await service.connect(process);
  await service.passToUps(id);
  onAnswer(process, 'refresh', () => process.setAway(true));
  const performing = process.performer.perform(id);
  await isKept(process, id);
  return { id, performing };
}

/** On a slow store the answer of the exchange before it may have lain there too. */
const isOfRefresh = (fields: object, id: string): boolean => {
  const { accountId, key = '' } = fields as { accountId?: string; key?: string };
  return accountId === id && key.endsWith('-refresh');
};

export const isKept = (process: Process, id: string) =>
  until('the answer lies in a second place', () =>
    process.logged.some(
      ({ fields, message }) => message.includes('lies in the second place') && isOfRefresh(fields, id),
    ),
  );

/** Acts like kill -9 as others see it: its answers are only in the second place, and it does nothing more. */
export async function crash(process: Process, performing?: Promise<void>): Promise<void> {
  process.setAway(true);
  await process.performer.stop(0);
  await performing;
}

/** The rows of an account that brought it tokens. */
export const answersIn = async (service: TestService, id: string) => {
  const { outbox } = await service.load(id);
  const rows = [...(await service.history(id)), ...outbox.map(({ row }) => row)];
  const bySeq = new Map(rows.map((row) => [row.seq, row]));
  return [...bySeq.values()].filter(({ event }) => /actor\.refresh$|LATE_ANSWER/.test(event.type));
};
