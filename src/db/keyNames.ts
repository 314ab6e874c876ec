/** Who acted, by name: history stores `key:<id>`, and the name is looked up when it is read. */

import type { Db } from './connection';
import { answered } from './errors';

const ACTOR = /^key:(key_[0-9a-f]{24})$/;

/**
 * By actor, for those that are keys of this tenant or of the installation and have a name; deleted keys too.
 * One trip, none where no actor is a key. `tenantId` null: of any tenant, for admins.
 */
export async function namesOfActors(
  db: Db,
  actors: readonly string[],
  tenantId: string | null,
): Promise<Map<string, string>> {
  const ids = [...new Set(actors)].flatMap((actor) => ACTOR.exec(actor)?.[1] ?? []);
  if (ids.length === 0) return new Map();
  const owner = tenantId === null ? {} : { tenantId: { $in: [tenantId, null] } };
  const found = db.apiKeys.find({ _id: { $in: ids }, ...owner }).project<{ _id: string; name?: string }>({ name: 1 });
  const named = await answered(found.batchSize(ids.length + 1).toArray());
  return new Map(named.flatMap(({ _id, name }) => (name === undefined ? [] : [[`key:${_id}`, name] as const])));
}
