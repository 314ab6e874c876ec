import type { Db } from '../../src/db/connection';
import { createSession, deleteSession, findSession } from '../../src/db/sessions';
import { AT } from '../durable/samples';
import { openDb } from './testDb';

let db: Db;
beforeAll(async () => {
  db = await openDb('sessions');
});
afterAll(() => db.close());

it('finds a session by its cookie until it expires, and keeps no cookie', async () => {
  const session = { keyId: 'key_1', expiresAt: AT + 1_000 };
  await createSession(db, 'a-cookie', session);
  expect(await findSession(db, 'a-cookie', AT)).toEqual(session);
  expect(await findSession(db, 'another', AT)).toBeNull();
  expect(await findSession(db, 'a-cookie', AT + 1_000)).toBeNull();
  expect(JSON.stringify(await db.sessions.find().toArray())).not.toContain('a-cookie');
});

it('forgets a session that was ended', async () => {
  await createSession(db, 'ended', { keyId: 'key_1', expiresAt: AT + 1_000 });
  await deleteSession(db, 'ended');
  expect(await findSession(db, 'ended', AT)).toBeNull();
});
