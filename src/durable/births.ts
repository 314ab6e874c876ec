/** New accounts. An insert is the commit: the id is unique, so one of two equal births wins, and the other finds it. */

import { inLanes } from '../lanes';
import { TRIES, tooBusy } from './commit';
import { decideCreation, type Change, type Surroundings } from './decide';
import type { Relay } from './relay';
import type { Definition, Document, Grave, Happening, Row, Secrets, Store } from './types';

export interface BirthOf<D> {
  id: string;
  tenantId: string;
  data: D;
}

export interface Birth<D> extends BirthOf<D> {
  event: Happening;
  /** Beside the event: sealed by the same write. */
  secrets?: Secrets;
}

export interface Born<D, V> {
  created: boolean;
  document: Document<D, V>;
}

export interface BirthParts<D, V> {
  definition: Definition<D, V>;
  store: Store<D, V>;
  relay: Relay<D, V>;
  around: () => Surroundings;
  findApplied: (document: Document<D, V>, eventId: string) => Promise<Row | null>;
  /** What an acknowledged write sets in motion. */
  committed: (document: Document<D, V>) => void;
  pause: (tries: number) => Promise<void>;
  report: (error: unknown) => void;
}

/** A store asked for hundreds at once would leave the last of them unanswered. */
const LANES = 16;

export function makeBirths<D, V>(parts: BirthParts<D, V>) {
  const { definition, store, relay, around, committed } = parts;

  /** A new account, or the one that is there under that id already. */
  async function create({ id, tenantId, data }: BirthOf<D>, change: Change): Promise<Born<D, V>> {
    let grave: Grave | null = null;
    for (let tries = 1; tries <= TRIES; tries++) {
      const document = decideCreation(definition, { id, tenantId, data }, change, around(), grave);
      if ((await store.insert(document, grave)) === 'done') {
        committed(document);
        return { created: true, document };
      }
      const found = await store.load(id, tenantId);
      if (found) {
        const isOurs = (await parts.findApplied(found, change.eventId)) !== null;
        if (isOurs) committed(found);
        return { created: isOurs, document: found };
      }
      grave = await store.findGrave(id);
      if (grave === null) await parts.pause(tries);
    }
    throw tooBusy();
  }

  /** Many of them: four trips for all, and one more for each that was there already. */
  async function createMany(births: { about: BirthOf<D>; change: Change }[]): Promise<Born<D, V>[]> {
    const decided = births.map(({ about, change }) => decideCreation(definition, about, change, around()));
    const written = await store.insertMany(decided);
    const inserted = decided.filter((_, n) => written[n] === 'done');
    await relay.relayNow(inserted).catch(parts.report);
    return inLanes(births, LANES, async ({ about, change }, n) => {
      const document = decided[n];
      if (document && written[n] === 'done') return { created: true, document };
      // There before: it was not this change that made it.
      const found = written[n] === 'lost' ? await store.load(about.id, about.tenantId) : null;
      return found ? { created: false, document: found } : create(about, change);
    });
  }

  return { create, createMany };
}
