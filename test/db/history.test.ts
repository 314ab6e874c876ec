import type { Db } from '../../src/db/connection';
import { appendHistory, latestCheckpoint, readEvents, readHistory } from '../../src/db/history';
import { AT, checkpointAt, sampleEntry, sampleRow } from '../durable/samples';
import { openDb } from './testDb';

const DAY_MS = 24 * 3_600_000;

let db: Db;
let made = 0;
const newAccount = () => ({ id: `acc_history${++made}`, tenantId: 'acme', outbox: [], firstSeq: 1 });

beforeAll(async () => {
  db = await openDb('history');
});
afterAll(() => db.close());

const seqs = (rows: { seq: number }[]) => rows.map(({ seq }) => seq);

it('reads rows in order of seq, a page at a time, of one account and tenant', async () => {
  const account = newAccount();
  const rows = Array.from({ length: 105 }, (_, n) => sampleEntry(account.id, sampleRow(n + 1)));
  await appendHistory(db, [...rows.reverse(), sampleEntry(`${account.id}0`, sampleRow(1))]);
  const first = await readHistory(db, account, 0);
  expect(seqs(first)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
  expect(seqs(await readHistory(db, account, 100))).toEqual([101, 102, 103, 104, 105]);
  expect(await readHistory(db, { ...account, tenantId: 'globex' }, 0)).toEqual([]);
});

it('reads what waits in the outbox too, each row once and in its place', async () => {
  const account = newAccount();
  await appendHistory(
    db,
    [1, 2, 4].map((seq) => sampleEntry(account.id, sampleRow(seq))),
  );
  const outbox = [3, 4, 5].map((seq) => ({ row: sampleRow(seq), checkpoint: null }));
  expect(seqs(await readHistory(db, { ...account, outbox }, 1))).toEqual([2, 3, 4, 5]);
  expect(seqs(await readHistory(db, { ...account, outbox }, 1, 2))).toEqual([2, 3]);
});

it('tells the world once, however often a row is appended, and of its own tenant only', async () => {
  const account = newAccount();
  const outgoing = [
    { type: 'account.connected', data: { reason: null } },
    { type: 'account.migrated', data: {} },
  ];
  const entries = [sampleEntry(account.id, sampleRow(7, { outgoing }))];
  await appendHistory(db, entries);
  await appendHistory(db, entries);
  const [first, ...others] = await readEvents(db, account, 0);
  expect(first).toEqual({
    id: `${account.id}:0000000007:0`,
    type: 'account.connected',
    at: AT + 7,
    tenantId: 'acme',
    accountId: account.id,
    seq: 7,
    data: { reason: null },
  });
  expect(others.map(({ type }) => type)).toEqual(['account.migrated']);
  expect(await readEvents(db, account, 7)).toEqual([]);
  expect(await readEvents(db, { ...account, tenantId: 'globex' }, 0)).toEqual([]);
});

it('lets routine rows expire 35 days after a checkpoint that covers them, and none without one', async () => {
  const account = newAccount();
  const routine = (seq: number) => sampleEntry(account.id, sampleRow(seq, { routine: true }));
  await appendHistory(db, [sampleEntry(account.id, sampleRow(1)), routine(2), routine(3)]);
  const expiring = async () =>
    (await db.history.find({ accountId: account.id, expireAt: { $exists: true } }).toArray()).map(({ seq }) => seq);
  expect(await expiring()).toEqual([]);
  const atThree = { ...routine(4), checkpoint: checkpointAt(3) };
  await appendHistory(db, [atThree]);
  expect(await expiring()).toEqual([2, 3]);
  const row = await db.history.findOne({ _id: `${account.id}:0000000003` });
  expect(row?.expireAt).toEqual(new Date(AT + 3 + 35 * DAY_MS));
});

it('starts a replay at the newest checkpoint, and lets the older ones expire', async () => {
  const account = newAccount();
  expect(await latestCheckpoint(db, account)).toBeNull();
  const withCheckpoint = (seq: number) => sampleEntry(account.id, sampleRow(seq), checkpointAt(seq));
  await appendHistory(db, [withCheckpoint(9)]);
  await appendHistory(db, [withCheckpoint(10)]);
  await appendHistory(db, [withCheckpoint(9)]);
  expect(await latestCheckpoint(db, account)).toEqual(checkpointAt(10));
  expect(await latestCheckpoint(db, { ...account, tenantId: 'globex' })).toBeNull();
  const stored = await db.checkpoints.find({ accountId: account.id }).sort({ _id: 1 }).toArray();
  expect(stored.map(({ expireAt }) => expireAt !== undefined)).toEqual([true, false]);
});
