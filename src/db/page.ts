/** Lists are read a page at a time, in order of `_id` or of what an index says, and each page in one trip. */

import type { mongo } from 'mongoose';
import { answered } from './errors';

export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

/** One trip: without a batch size the server would answer 101 and wait to be asked again. */
export const firstOf = <Stored>(cursor: mongo.FindCursor<Stored>, count: number): Promise<Stored[]> =>
  answered(
    cursor
      .limit(count)
      .batchSize(count + 1)
      .toArray(),
  );

/** One trip. The one more than asked for tells whether there is a next page. */
export async function pageOf<Stored extends { _id: string }, Item>(
  cursor: mongo.FindCursor<Stored>,
  limit: number,
  itemFrom: (stored: Stored) => Item,
): Promise<Page<Item>> {
  const found = await firstOf(cursor, limit + 1);
  const shown = found.slice(0, limit);
  return { items: shown.map(itemFrom), nextCursor: found.length > limit ? (shown.at(-1)?._id ?? null) : null };
}
