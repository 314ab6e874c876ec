/**
 * A tenant has a hundred places for keys, and a key is inserted into one of them. A unique index over tenant and place holds
 * the bound with that one write: creators that race cannot exceed it, and a crash leaves nothing to correct. A count after the
 * insert would need a second write to take a key back, and a reader of events could see the key in between.
 * An expired key keeps its place until it is deleted. Keys that belong to no tenant share a hundred places of their own.
 */

import { randomInt } from 'node:crypto';
import type { Db } from './connection';
import { answered, isDuplicate } from './errors';
import { firstOf } from './page';
import type { StoredApiKey } from './schemas';

export const KEYS_MAX = 100;

export class TooManyKeys extends Error {
  constructor() {
    super(`There are ${KEYS_MAX} API keys already.`);
  }
}

const allPlaces = [...Array(KEYS_MAX).keys()];

/** One trip. Without the index nothing would hold the bound, so the hint fails where it is missing. */
async function freePlaces(db: Db, tenantId: string | null): Promise<number[]> {
  const found = db.apiKeys
    .find({ tenantId, place: { $gte: 0 } })
    .project<{ place: number }>({ _id: 0, place: 1 })
    .hint('places');
  const taken = new Set((await firstOf(found, KEYS_MAX)).map(({ place }) => place));
  return allPlaces.filter((place) => !taken.has(place));
}

/** Two trips, and three more for each place that somebody else took first. False: there is a key of that id, living or not. */
export async function insertKey(db: Db, key: Omit<StoredApiKey, 'place'>): Promise<boolean> {
  for (;;) {
    const free = await freePlaces(db, key.tenantId);
    // Any of the free ones, so that creators that race rarely choose the same.
    const place = free.length > 0 ? free[randomInt(free.length)] : undefined;
    if (place === undefined) throw new TooManyKeys();
    try {
      await answered(db.apiKeys.insertOne({ ...key, place }));
      return true;
    } catch (error) {
      if (!isDuplicate(error)) throw error;
      if ((await answered(db.apiKeys.findOne({ _id: key._id }))) !== null) return false;
    }
  }
}
