import { StoreUnavailable } from '../../src/durable/errors';
import type { AccountData } from '../../src/machines/data';
import type { AccountView } from '../../src/machines/definition';
import { type Fault, makeMemoryQueue, makeMemoryStore } from './memoryStore';
import { sampleDocument, sampleEntry, sampleRow } from './samples';
import { describeQueue, describeStore } from './store.contract';

const make = (fault: () => Fault | null = () => null) => makeMemoryStore<AccountData, AccountView>(fault);

describeStore('The store in memory', async () => make());

describeQueue('The queue in memory', async () => {
  const queue = makeMemoryQueue();
  return {
    queue,
    taken: async () => queue.take(),
    goAway: async () => queue.goAway(),
    comeBack: async () => queue.comeBack(),
  };
});

describe('The faults of the store in memory', () => {
  let fault: Fault | null;
  const store = make(() => fault);
  const document = sampleDocument();

  beforeEach(() => {
    fault = null;
  });

  it('loses a write on the way, or only its answer', async () => {
    await store.insert(document);
    fault = 'before';
    expect(await store.write(document, { ...document, rev: 2 })).toBe('unknown');
    expect(store.documents()[0]?.rev).toBe(1);
    fault = 'after';
    expect(await store.write(document, { ...document, rev: 2 })).toBe('unknown');
    expect(store.documents()[0]?.rev).toBe(2);
  });

  it('answers a load as before the latest write', async () => {
    fault = 'stale';
    expect((await store.load(document.id))?.rev).toBe(1);
    fault = null;
    expect((await store.load(document.id))?.rev).toBe(2);
  });

  it('lets history be appended without an answer', async () => {
    fault = 'after';
    await expect(store.appendHistory([sampleEntry(document.id, sampleRow(1))])).rejects.toThrow(StoreUnavailable);
    expect(store.history(document.id)).toHaveLength(1);
  });

  it('does not see a part that was changed in place, as the real one does not', async () => {
    const before = sampleDocument({ id: 'acc_in_place' });
    await store.insert(before);
    const data = before.data;
    data.createHash = 'changed in place';
    await store.write(before, { ...before, rev: 2, data });
    expect((await store.load(before.id))?.data.createHash).toBe('hash');
  });
});
