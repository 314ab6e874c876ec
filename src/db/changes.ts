/** What a write sends: only the parts that are new objects or new values in the next document. */

import type { Document } from '../durable/types';

export interface Changes {
  $set: Record<string, unknown>;
  $unset?: Record<string, ''>;
}

/** Null there is absence here, so that the partial indexes let go of them. */
const ABSENT_WHEN_NULL = ['wakeAt', 'upsAt', 'upsQueue'];

/** Compared key by key instead of as one. */
const OPENED = ['data', 'view'];

/**
 * What an older machine stored is written whole, so that what its upgrade added is stored too. Else by reference: a part that was changed in place is not seen, so documents are never changed in place.
 * `id` and `tenantId` never change.
 */
export function changesOf<Data extends object, View extends object>(
  before: Document<Data, View>,
  next: Document<Data, View>,
): Changes {
  const { id: _id, tenantId: _tenantId, ...parts } = next;
  const set: Record<string, unknown> = {};
  const unset: Record<string, ''> = {};

  const isOlder = before.version !== next.version;

  function compare(was: object, is: object, prefix: string): void {
    const old = new Map<string, unknown>(Object.entries(was));
    for (const [key, value] of Object.entries(is) as [string, unknown][]) {
      const path = prefix + key;
      if (OPENED.includes(path) && !isOlder) compare(old.get(key) as object, value as object, `${path}.`);
      else if (value === old.get(key) && !isOlder) continue;
      else if (value === undefined || (value === null && ABSENT_WHEN_NULL.includes(path))) unset[path] = '';
      else set[path] = value;
    }
    if (prefix !== '') for (const key of old.keys()) if (!(key in is)) unset[prefix + key] = '';
  }

  compare(before, parts, '');
  return Object.keys(unset).length === 0 ? { $set: set } : { $set: set, $unset: unset };
}
