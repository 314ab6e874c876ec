/**
 * One commit: a compare-and-set write under `rev`, tried until it is written, until there is nothing to write, or until it is
 * found to be written although its answer was lost.
 */

import { StoreUnavailable, TooBusy } from './errors';
import type { Relay } from './relay';
import type { Document, Store } from './types';

/** The next document, or null when there is nothing to write; `answer` is told in either case. */
export interface Attempt<D, V, R> {
  next: Document<D, V> | null;
  answer: R;
}

export interface Commit<D, V, R> {
  /** In hand; null: it is read first. */
  document: Document<D, V> | null;
  reload: () => Promise<Document<D, V>>;
  attempt: (document: Document<D, V>) => Attempt<D, V, R>;
  /** What is in the document, or in history, if this was written before. `unanswered`: a write of this very commit may have been. */
  findWritten: (document: Document<D, V>, unanswered: boolean) => Promise<R | null>;
  /** It may have been written before this commit began. */
  unsure?: boolean;
  /** Others may write the same: a lost race may have been lost to it. */
  isShared?: boolean;
}

export interface CommitParts<D, V> {
  store: Pick<Store<D, V>, 'write'>;
  relay: Pick<Relay<D, V>, 'relayNow'>;
  /** Waits before another try: longer each time, with chance in it. */
  pause: (tries: number) => Promise<void>;
}

export const TRIES = 5;

/** Above this an outbox is emptied before the next event, so that a document stays bounded. */
const OUTBOX_MAX = 64;

/** A store that is away for a moment costs one of the tries, not the event. */
function unlessAway(error: unknown): null {
  if (error instanceof StoreUnavailable) return null;
  throw error;
}

export const tooBusy = (): TooBusy =>
  new TooBusy('The account could not be written in time: try again in a few seconds.');

/** Errors: TooBusy after the last try, StoreUnavailable, and those of `reload` and `attempt`. */
export async function commit<D, V, R>(
  { store, relay, pause }: CommitParts<D, V>,
  { document, reload, attempt, findWritten, unsure = false, isShared = false }: Commit<D, V, R>,
): Promise<Attempt<D, V, R> & { document: Document<D, V> }> {
  let inHand: Document<D, V> | null = document ?? (await reload());
  let unanswered = false;
  for (let tries = 1; tries <= TRIES; tries++) {
    let now: Document<D, V> | null = inHand ?? (await reload().catch(unlessAway));
    if (now !== null) {
      const found = unsure ? await findWritten(now, unanswered) : null;
      if (found !== null) return { document: now, next: null, answer: found };
      if (now.outbox.length >= OUTBOX_MAX) {
        await relay.relayNow([now]);
        now = await reload();
      }
      const { next, answer } = attempt(now);
      if (next === null) return { document: now, next, answer };
      const written = await store.write(now, next);
      if (written === 'done') return { document: next, next, answer };
      unanswered ||= written === 'unknown';
      unsure ||= unanswered || isShared;
    }
    inHand = null;
    await pause(tries);
  }
  if (unsure) {
    const last = await reload();
    const found = await findWritten(last, unanswered);
    if (found !== null) return { document: last, next: null, answer: found };
  }
  throw tooBusy();
}
