import { makeStore } from '../../src/db/accounts';
import type { Db } from '../../src/db/connection';
import { describeStore } from '../durable/store.contract';
import { sampleDocument } from '../durable/samples';
import { openDb } from './testDb';

let db: Db;

beforeAll(async () => {
  db = await openDb('accounts');
});
afterAll(() => db.close());

describeStore('MongoDB', async () => makeStore(db));

describe('An account in MongoDB', () => {
  it('sends only what differs, so that a refresh moves no index but upsAt', async () => {
    const store = makeStore(db);
    const before = sampleDocument({ id: 'acc_differs', upsAt: 1 });
    await store.insert(before);
    // Whatever the write did not send keeps what only the database knows.
    await db.accounts.updateOne(
      { _id: before.id },
      { $set: { 'view.name': 'untouched', 'data.createHash': 'untouched', timers: [] } },
    );
    await store.write(before, { ...before, rev: 2, upsAt: 2, data: { ...before.data, usedBy: [] } });
    const { view, data, upsAt } = (await store.load(before.id)) ?? sampleDocument();
    expect({ name: view.name, hash: data.createHash, upsAt }).toEqual({
      name: 'untouched',
      hash: 'untouched',
      upsAt: 2,
    });
  });

  it('is in the indexes of what is due only while something is', async () => {
    const store = makeStore(db);
    const before = sampleDocument({ id: 'acc_partial', wakeAt: 1 });
    await store.insert(before);
    await store.write(before, { ...before, rev: 2, wakeAt: null });
    const stored = (await db.accounts.findOne({ _id: before.id })) ?? {};
    expect(['wakeAt', 'upsAt', 'upsQueue'].filter((field) => field in stored)).toEqual([]);
  });

  it('has its beginnings for search, and new ones when its number changes', async () => {
    const store = makeStore(db);
    const before = sampleDocument({ id: 'acc_terms' });
    await store.insert(before);
    const termsNow = async () => (await db.accounts.findOne({ _id: before.id }))?.terms;
    expect(await termsNow()).toEqual(expect.arrayContaining(['u', 'ups east', 'a1b2c3']));
    await store.write(before, { ...before, rev: 2, view: { ...before.view, accountNumber: 'Z9' } });
    expect(await termsNow()).toEqual(expect.arrayContaining(['u', 'ups east', 'z', 'z9']));
    expect(await termsNow()).not.toContain('a1b2c3');
  });
});
