/** Would this machine carry a document on? Tried in memory: nothing is written, and nobody is told. */

import { advance, allowedIn } from './advance';
import { MachineMismatch } from './errors';
import { assertCarriedBy } from './whole';
import type { Definition, Document, Timer } from './types';

/** A timer rings when it is due, or a little later: here at the latest instant anything in the document knows of. */
function ring<D, V>(definition: Definition<D, V>, document: Document<D, V>, { event, dueAt }: Timer): string | null {
  const { id, data } = document;
  const at = Math.max(dueAt, document.updatedAt);
  const happening = { type: event };
  const facts = definition.facts({ id, at, data, event: happening, attemptId: null });
  const step = advance(definition, document, happening, at, facts);
  return step.taken ? null : `the timer ${event} would not be taken: ${step.why ?? 'unknown here'}`;
}

const said = (error: unknown): string => {
  if (error instanceof MachineMismatch) return error.misfits.join('; ');
  return error instanceof Error ? error.message : String(error);
};

/** Loads it (which runs the migration steps), and rings each of its timers. Why it is refused, or null. */
export function tryOut<D, V>(definition: Definition<D, V>, load: () => Document<D, V>): string | null {
  try {
    const document = load();
    assertCarriedBy(definition, document);
    allowedIn(definition, document);
    const refusals = document.timers.map((timer) => ring(definition, document, timer));
    return refusals.find((why) => why !== null) ?? null;
  } catch (error) {
    return said(error);
  }
}
