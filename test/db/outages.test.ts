import { makeOutageStore } from '../../src/db/outages';
import type { Db } from '../../src/db/connection';
import { makeMemoryOutages } from '../simulation/memoryOutages';
import { openDb } from './testDb';
import { describeOutageStore } from './outages.contract';

let db: Db;
beforeAll(async () => {
  db = await openDb('outage-store');
});
afterAll(() => db.close());

describeOutageStore('MongoDB', async () => makeOutageStore(db));
describeOutageStore('The one in memory', async () => makeMemoryOutages());
