/** The stored accounts by kind: what a machine looks at when it loads one, and how many there are of each. */

import type { StateValue } from 'xstate';
import { HOUR_MS } from '../durations';
import type { StoredAccount } from './schemas';
import { isErased } from './accounts';
import type { Db } from './connection';
import { answered } from './errors';

/** All that decides whether a machine can carry an account on, and which fields a migration step finds in it. */
export interface Kind {
  version: number;
  shape: string | null;
  /** Absent in a damaged one, as null is. */
  value?: StateValue | null;
  /** Their events. */
  timers: string[];
  invocations: string[];
  sources: string[];
  count: number;
  /** The first of them by id. */
  exampleId: string;
}

interface Grouped {
  _id: Omit<Kind, 'count' | 'exampleId'> & { shape?: string };
  count: number;
  exampleId: string;
}

/** `{a: 1, b: null}` → `[['a', 'int'], ['b', 'null']]`, so that a step meets one of each it could tell apart. */
const typesIn = (field: string) => ({
  $map: {
    input: { $objectToArray: field },
    as: 'one',
    in: ['$$one.k', { $cond: [{ $isNumber: '$$one.v' }, 'number', { $type: '$$one.v' }] }],
  },
});

/**
 * One aggregate over every document, streamed: memory is that of the kinds, of which a machine has some hundreds, however
 * many accounts there are. A collection scan: for a command, never for a request.
 */
export async function* kindsOf(db: Db): AsyncGenerator<Kind> {
  const cursor = db.accounts.aggregate<Grouped>(
    [
      { $match: { erasedAt: { $exists: false } } },
      {
        $group: {
          _id: {
            version: '$version',
            shape: '$shape',
            value: '$snapshot.value',
            timers: '$timers.event',
            invocations: '$invocations.id',
            sources: '$invocations.src',
            context: typesIn('$snapshot.context'),
            data: typesIn('$data'),
          },
          count: { $sum: 1 },
          exampleId: { $min: '$_id' },
        },
      },
    ],
    { allowDiskUse: true, maxTimeMS: SCAN_MS },
  );
  try {
    for (let next = await answered(cursor.next()); next; next = await answered(cursor.next())) {
      const { _id, count, exampleId } = next;
      yield { ..._id, shape: _id.shape ?? null, count, exampleId };
    }
  } finally {
    await cursor.close();
  }
}

/** Hours, if need be: nobody waits for it but who asked. */
const SCAN_MS = 4 * HOUR_MS;

/** One trip from the collection's own figures. */
export const countAccounts = (db: Db): Promise<number> => answered(db.accounts.estimatedDocumentCount());

/** As it is stored, of whatever version; null when it is gone by now. One trip. */
export async function loadStored(db: Db, id: string): Promise<StoredAccount | null> {
  const stored = await answered(db.accounts.findOne({ _id: id }));
  return stored && !isErased(stored) ? stored : null;
}
