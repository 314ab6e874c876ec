/** Opens the test file's own database with indexes; the test closes it in `afterAll`. */

import { connectDb, type Db } from '../../src/db/connection';
import { testDatabase } from '../support/servers';

export const silent = { info: () => {}, warn: () => {} };

export async function openDb(name: string): Promise<Db> {
  const { url } = await testDatabase(name);
  const db = await connectDb(url, { log: silent });
  await db.ensureIndexes();
  return db;
}

/** A clock that only the test moves. */
export function makeClock(at: number) {
  let now = at;
  return {
    now: () => now,
    monotonic: () => now,
    pass: (ms: number) => {
      now += ms;
    },
  };
}
