import { makeRelay, type Relay } from '../../src/durable/relay';
import type { Document, HistoryEntry, Store } from '../../src/durable/types';
import { until } from '../support/until';

type Account = Document<object, object>;

const rowOf = (seq: number, eventId = `event-${seq}`, at = seq) => ({ seq, eventId, at, routine: false });
const holding = (id: string, ...rows: ReturnType<typeof rowOf>[]) =>
  ({ id, tenantId: 'acme', outbox: rows.map((row) => ({ row })) }) as unknown as Account;
const documentOf = (id: string) => holding(id, rowOf(1));
const isRelayed = (relay: Relay<object, object>, document: Account): boolean[] =>
  document.outbox.map(({ row }) => relay.isRelayed(document, row));

/** A store that answers when the test says so. */
function open() {
  const inserts: { size: number; seqs: number[]; answer: () => void }[] = [];
  const appendHistory = (entries: HistoryEntry[]): Promise<void> =>
    new Promise((resolve) => {
      inserts.push({ size: entries.length, seqs: entries.map(({ row }) => row.seq), answer: resolve });
    });
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
    expect(isRelayed(relay, documentOf('acc_4999'))).toEqual([true]);
    expect(isRelayed(relay, documentOf('acc_5000'))).toEqual([false]);
  });
});

describe('a row that history has', () => {
  /** Relayed one after another; the seqs that were sent to history each time. */
  async function relayed(...documents: Account[]): Promise<{ relay: Relay<object, object>; seqs: number[][] }> {
    const { relay, inserts } = open();
    const seqs: number[][] = [];
    for (const document of documents) {
      const before = inserts.length;
      const relaying = relay.relayNow([document]);
      inserts[before]?.answer();
      await relaying;
      seqs.push(inserts.slice(before).flatMap((one) => one.seqs));
    }
    return { relay, seqs };
  }

  it('is not inserted again, nor are those before it', async () => {
    const [one, two] = [holding('acc_1', rowOf(1), rowOf(2)), holding('acc_1', rowOf(1), rowOf(2), rowOf(3))];
    const { relay, seqs } = await relayed(one, one, two);
    expect(seqs).toEqual([[1, 2], [], [3]]);
    expect(isRelayed(relay, two)).toEqual([true, true, true]);
  });

  it.each([
    ['another event', rowOf(3, 'after the restore')],
    ['the same event, committed again', rowOf(3, 'event-3', 4_000)],
  ])('is no other of its seq: of a restored account %s is inserted too', async (_, row) => {
    const before = holding('acc_1', rowOf(2), rowOf(3), rowOf(4));
    const restored = holding('acc_1', row);
    const { relay, seqs } = await relayed(before, restored, restored);
    expect(seqs).toEqual([[2, 3, 4], [3], []]);
    expect(isRelayed(relay, restored)).toEqual([true]);
  });

  it('stays known when an older insert is answered last', async () => {
    const { relay, inserts, finish } = open();
    const [older, newer] = [holding('acc_1', rowOf(1)), holding('acc_1', rowOf(1), rowOf(2))];
    const [first, second] = [relay.relayNow([older]), relay.relayNow([newer])];
    inserts[1]?.answer();
    await second;
    inserts[0]?.answer();
    await first;
    expect(isRelayed(relay, newer)).toEqual([true, true]);
    await finish();
  });
});
