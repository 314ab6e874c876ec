/** Takes rows out of outboxes that history is known to have. Losing the race is fine: the winner's rows stay. */

import { TRIES } from './commit';
import { schedule } from './decide';
import type { Relay } from './relay';
import type { Definition, Document, Store } from './types';

interface DropParts<D, V> {
  definition: Definition<D, V>;
  store: Pick<Store<D, V>, 'write' | 'writeMany'>;
  load: (id: string) => Promise<Document<D, V>>;
  isRelayed: Relay<D, V>['isRelayed'];
}

export function makeDrop<D, V>({ definition, store, load, isRelayed }: DropParts<D, V>) {
  /** The next document without them; null when there are none. */
  function withoutRelayed(before: Document<D, V>): { before: Document<D, V>; next: Document<D, V> } | null {
    const outbox = before.outbox.filter(({ row }) => !isRelayed(before, row));
    if (outbox.length === before.outbox.length) return null;
    return { before, next: schedule(definition, { ...before, outbox, rev: before.rev + 1 }) };
  }

  async function dropOne(document: Document<D, V>): Promise<void> {
    for (let now = document, tries = 1; tries <= TRIES; tries++) {
      const change = withoutRelayed(now);
      if (change === null || (await store.write(now, change.next)) === 'done') return;
      now = await load(document.id);
    }
  }

  /** Many at once are tried once: of a race that is lost the sweep hears by the row's relayAt. */
  return async function drop(documents: Document<D, V>[]): Promise<void> {
    const [first, ...others] = documents;
    if (first === undefined) return;
    if (others.length === 0) return dropOne(first);
    const changes = documents.flatMap((before) => withoutRelayed(before) ?? []);
    if (changes.length > 0) await store.writeMany(changes);
  };
}
