/**
 * Long work on bytes from outside, a few milliseconds at a time. A loop that awaits only what is there already never lets
 * the event loop come round: no other request is read, no timer fires, and nobody notices that the client has gone.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

export interface TurnOptions {
  /** How long the work may go on before everything else has a turn. */
  everyMs?: number;
  /** Ends the work: waiting for a turn then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

const EVERY_MS = 8;

/** To be awaited in every round of a loop; costs next to nothing until a turn is due. */
export function makeTurns({ everyMs = EVERY_MS, signal }: TurnOptions = {}): () => Promise<void> {
  let since = performance.now();
  return async () => {
    signal?.throwIfAborted();
    if (performance.now() - since < everyMs) return;
    await nextTurn();
    signal?.throwIfAborted();
    since = performance.now();
  };
}

/** The same items, with a turn for everything else whenever one is due. */
export async function* yielding<T>(
  items: Iterable<T> | AsyncIterable<T>,
  turn: () => Promise<void> = makeTurns(),
): AsyncGenerator<T, void> {
  for await (const item of items) {
    await turn();
    yield item;
  }
}
