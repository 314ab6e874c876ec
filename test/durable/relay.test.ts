import { makeRelay } from '../../src/durable/relay';
import type { Document, HistoryEntry, Store } from '../../src/durable/types';
import { until } from '../support/until';

type Account = Document<object, object>;

const documentOf = (id: string, routine = false) =>
  ({ id, tenantId: 'acme', outbox: [{ row: { seq: 1, routine } }] }) as unknown as Account;

/** A store that answers when the test says so. */
function open() {
  const inserts: { size: number; answer: () => void }[] = [];
  const appendHistory = (entries: HistoryEntry[]): Promise<void> =>
    new Promise((resolve) => inserts.push({ size: entries.length, answer: resolve }));
  const store = { appendHistory } as unknown as Store<object, object>;
  const relay = makeRelay<object, object>(store, async () => undefined, fail);
  let isOver = false;
  /** Answers everything from now on. */
  async function finish(): Promise<void> {
    const done = relay.idle().then(() => (isOver = true));
    while (!isOver) {
      for (const { answer } of inserts) answer();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await done;
  }
  return { relay, inserts, finish };
}

const fail = (error: unknown): never => {
  throw error;
};

describe('while the store is slow', () => {
  it('four inserts are under way at most, and the rows of all others wait for the next', async () => {
    const { relay, inserts, finish } = open();
    for (let n = 1; n <= 4; n++) {
      relay.offer(documentOf(`acc_${n}`));
      await until('its row is on its way', () => inserts.length === n);
    }
    for (let n = 5; n <= 60; n++) {
      relay.offer(documentOf(`acc_${n}`));
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    expect(inserts.length).toBe(4);
    inserts[0]?.answer();
    await until('the others follow together', () => inserts.length === 5);
    expect(inserts[4]?.size).toBe(56);
    await finish();
  });

  it('five thousand accounts wait at most, a thousand go at a time, and those beyond are left to the sweep', async () => {
    const { relay, inserts, finish } = open();
    for (let n = 0; n < 5_300; n++) relay.offer(documentOf(`acc_${n}`));
    await finish();
    expect(inserts.map(({ size }) => size)).toEqual([1_000, 1_000, 1_000, 1_000, 1_000]);
    expect(relay.isRelayed('acc_4999', 1)).toBe(true);
    expect(relay.isRelayed('acc_5000', 1)).toBe(false);
  });
});
