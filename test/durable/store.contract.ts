/** What every Store and every Queue must do, run on the pair in memory and on the real ones. */

import { setTimeout as delay } from 'node:timers/promises';
import type { AccountData } from '../../src/machines/data';
import type { AccountView } from '../../src/machines/definition';
import type { DueItem, Queue, Store } from '../../src/durable/types';
import { AT, sampleDocument, sampleEntry, sampleRow } from './samples';

/** `make` is called once, after the file's servers are there; each test works on ids of its own. */
export function describeStore(name: string, make: () => Promise<Store<AccountData, AccountView>>): void {
  describe(`${name}, as a Store`, () => {
    let store: Store<AccountData, AccountView>;
    let made = 0;
    const newId = () => `acc_contract${String(++made).padStart(4, '0')}`;

    beforeAll(async () => {
      store = await make();
    });

    async function inserted(over: Parameters<typeof sampleDocument>[0] = {}) {
      const document = sampleDocument({ id: newId(), ...over });
      expect(await store.insert(document)).toBe('done');
      return document;
    }

    it('gives back what was inserted, empty objects and nulls included', async () => {
      const document = await inserted({ wakeAt: AT, upsAt: AT + 1, upsQueue: 'token-refresh' });
      expect(await store.load(document.id)).toEqual(document);
    });

    it('inserts an id once', async () => {
      const document = await inserted();
      expect(await store.insert({ ...document, rev: 9 })).toBe('lost');
      expect((await store.load(document.id))?.rev).toBe(1);
    });

    it('inserts many in one go, and tells which were there', async () => {
      const [there, one, two] = [await inserted(), sampleDocument({ id: newId() }), sampleDocument({ id: newId() })];
      expect(await store.insertMany([one, { ...there, rev: 9 }, two])).toEqual(['done', 'lost', 'done']);
      expect(await store.insertMany([])).toEqual([]);
      expect([await store.load(one.id), (await store.load(there.id))?.rev]).toEqual([one, 1]);
    });

    it('writes many in one go, each over its own revision only', async () => {
      const [one, two] = [await inserted(), await inserted()];
      const change = (before: typeof one) => ({ before, next: { ...before, rev: 2, seq: 2 } });
      await store.write(two, { ...two, rev: 2, seq: 5 });
      await store.writeMany([change(one), change(two)]);
      expect([(await store.load(one.id))?.seq, (await store.load(two.id))?.seq]).toEqual([2, 5]);
    });

    it('finds no grave of what lives or never was, and inserts over none', async () => {
      const document = await inserted();
      expect(await store.findGrave(document.id)).toBeNull();
      expect(await store.findGrave('acc_nobody')).toBeNull();
      expect(await store.insert({ ...document, rev: 3 }, { rev: 2, seq: 1 })).toBe('lost');
    });

    it('knows no document that is not there, and none of another tenant', async () => {
      const document = await inserted();
      expect(await store.load('acc_nobody')).toBeNull();
      expect(await store.load(document.id, 'globex')).toBeNull();
      expect((await store.load(document.id, 'acme'))?.id).toBe(document.id);
    });

    it('writes over the revision it was decided on, and over no other', async () => {
      const before = await inserted();
      const next = { ...before, rev: 2, seq: 2, updatedAt: AT + 5 };
      expect(await store.write(before, next)).toBe('done');
      expect(await store.write(before, { ...before, rev: 2, seq: 99 })).toBe('lost');
      expect(await store.load(before.id)).toEqual(next);
    });

    it('does not write a document that is not there', async () => {
      const nobody = sampleDocument({ id: newId() });
      expect(await store.write(nobody, { ...nobody, rev: 2 })).toBe('lost');
      expect(await store.load(nobody.id)).toBeNull();
    });

    it('loses none of the writes of 8 writers on one document', async () => {
      const { id } = await inserted({ seq: 0 });
      const writesEach = 25;
      async function writer() {
        for (let done = 0; done < writesEach;) {
          const before = await store.load(id);
          if (!before) throw new Error('The document is gone.');
          const written = await store.write(before, { ...before, rev: before.rev + 1, seq: before.seq + 1 });
          if (written === 'done') done++;
        }
      }
      await Promise.all(Array.from({ length: 8 }, writer));
      expect(await store.load(id)).toMatchObject({ seq: 8 * writesEach, rev: 1 + 8 * writesEach });
    });

    it('writes every part that differs, whole or by its field', async () => {
      const before = await inserted({ wakeAt: AT });
      const next = {
        ...before,
        rev: 2,
        snapshot: { ...before.snapshot, context: { empty: {}, 'a.dotted.key': { $dollar: [] } }, historyValue: {} },
        timers: [{ id: 't', event: 'xstate.after.x', dueAt: AT }],
        data: { ...before.data, usedBy: [{ kind: 'store' as const, ref: 'st_1' }], createHash: 'other' },
        view: { ...before.view, state: 'connected' as const, externalId: 'carrier-77' },
        wakeAt: null,
        upsAt: AT + 7,
        upsQueue: 'authorization',
      };
      expect(await store.write(before, next)).toBe('done');
      expect(await store.load(before.id)).toEqual(next);
    });

    it('takes away a field that the next document does not have', async () => {
      const extra = { more: { a: 1 } };
      const { data } = sampleDocument();
      const before = await inserted({ data: { ...data, ...extra } });
      expect(await store.write(before, { ...before, rev: 2, data })).toBe('done');
      expect((await store.load(before.id))?.data).toEqual(data);
    });

    it('stores no undefined', async () => {
      const { data } = sampleDocument();
      const before = await inserted({ data: { ...data, ...{ nothing: undefined } } });
      const next = { ...before, rev: 2, data: { ...data, ...{ lastUps: undefined } } };
      expect(Object.keys((await store.load(before.id))?.data ?? {})).not.toContain('nothing');
      // @ts-expect-error undefined is against the types too
      expect(await store.write(before, next)).toBe('done');
      expect(Object.keys((await store.load(before.id))?.data ?? {})).not.toContain('lastUps');
    });

    it('keeps a large document whole', async () => {
      const text = 'é'.repeat(20_000);
      const before = await inserted();
      const links = Array.from({ length: 40 }, (_, n) => ({ ...sampleLink, consentId: `${n}-${text}` }));
      const next = { ...before, rev: 2, data: { ...before.data, links } };
      expect(await store.write(before, next)).toBe('done');
      expect((await store.load(before.id))?.data.links).toEqual(links);
    });

    it('tells what is due in order of instant and id, and where that id goes', async () => {
      const queue = 'token-refresh';
      const [a, b, c] = [newId(), newId(), newId()];
      await inserted({ id: b, upsAt: 1_000, upsQueue: queue });
      await inserted({ id: a, upsAt: 1_000, upsQueue: queue });
      await inserted({ id: c, upsAt: 999, upsQueue: 'authorization' });
      await inserted({ upsAt: 1_001, upsQueue: queue });
      expect(await store.due({ kind: 'ups', now: 1_000, after: null, limit: 10 })).toEqual([
        { id: c, at: 999, queue: 'authorization' },
        { id: a, at: 1_000, queue },
        { id: b, at: 1_000, queue },
      ]);
    });

    it('pages through many that fall due at one instant, each once', async () => {
      const ids: string[] = [];
      for (let n = 0; n < 7; n++) ids.push((await inserted({ wakeAt: n < 6 ? 500 : 501 })).id);
      const seen: string[] = [];
      let after: DueItem | null = null;
      for (;;) {
        const page: DueItem[] = await store.due({ kind: 'wake', now: 600, after, limit: 2 });
        if (page.length === 0) break;
        expect(page.every(({ queue }) => queue === null)).toBe(true);
        seen.push(...page.map(({ id }) => id));
        after = page.at(-1) ?? null;
      }
      expect(seen).toEqual(ids);
    });

    it('forgets what is due no more', async () => {
      const before = await inserted({ wakeAt: 400, upsAt: 400, upsQueue: 'authorization' });
      const isDue = async (kind: 'wake' | 'ups') =>
        (await store.due({ kind, now: 400, after: null, limit: 50 })).some(({ id }) => id === before.id);
      expect([await isDue('wake'), await isDue('ups')]).toEqual([true, true]);
      await store.write(before, { ...before, rev: 2, wakeAt: null, upsAt: null, upsQueue: null });
      expect([await isDue('wake'), await isDue('ups')]).toEqual([false, false]);
    });

    it('takes a row twice and keeps it once, with the new ones beside it', async () => {
      const id = newId();
      const [first, second] = [sampleEntry(id, sampleRow(1)), sampleEntry(id, sampleRow(2))];
      await store.appendHistory([first]);
      await store.appendHistory([first, second]);
      await store.appendHistory([]);
      expect(await store.findApplied(id, 'event-1')).toEqual(first.row);
      expect(await store.findApplied(id, 'event-2')).toEqual(second.row);
    });

    it('finds an applied event by its id, within its account', async () => {
      const [one, other] = [newId(), newId()];
      const row = sampleRow(3, { eventId: 'mine', outgoing: [{ type: 'account.connected', data: {} }] });
      await store.appendHistory([sampleEntry(one, row), sampleEntry(other, sampleRow(3, { eventId: 'theirs' }))]);
      expect(await store.findApplied(one, 'mine')).toEqual(row);
      expect(await store.findApplied(one, 'theirs')).toBeNull();
      expect(await store.findApplied(other, 'mine')).toBeNull();
    });
  });
}

const sampleLink = {
  consentId: '',
  linkHash: 'l',
  stateHash: 's',
  cookieHash: 'c',
  verifier: null,
  returnTo: null,
  openedAt: AT,
  expiresAt: AT + 1,
  usedAt: null,
  outcome: null,
  reason: null,
};

export interface QueueUnderTest {
  queue: Queue;
  /** What was handed over since the last call, in any order. */
  taken(): Promise<{ id: string; queue: string }[]>;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

/** A request never waits for a queue; the bound is against hanging, so that a busy machine keeps it. */
const AT_ONCE_MS = 20_000;

export function describeQueue(name: string, make: () => Promise<QueueUnderTest>): void {
  describe(`${name}, as a Queue`, () => {
    let made: QueueUnderTest;
    const item = { id: 'acc_1', queue: 'token-refresh', at: AT };

    beforeAll(async () => {
      made = await make();
    });

    async function handAtOnce(items: (typeof item)[]): Promise<boolean> {
      const before = performance.now();
      const handed = await made.queue.hand(items);
      expect(performance.now() - before).toBeLessThan(AT_ONCE_MS);
      return handed;
    }

    it('takes what it is handed, to the queue that is named', async () => {
      const another = { id: 'acc_2', queue: 'authorization', at: AT };
      expect(await handAtOnce([item, another])).toBe(true);
      const taken = (await made.taken()).sort((a, b) => a.id.localeCompare(b.id));
      expect(taken).toMatchObject([item, another].map(({ id, queue }) => ({ id, queue })));
      expect(taken).toHaveLength(2);
    });

    it('takes nothing gladly', async () => {
      expect(await handAtOnce([])).toBe(true);
    });

    it('says so at once when it is away, and takes again when it is back', async () => {
      await made.goAway();
      expect(await handAtOnce([item])).toBe(false);
      expect(await handAtOnce([item])).toBe(false);
      await made.comeBack();
      while (!(await made.queue.hand([item]))) await delay(20);
      expect(await made.taken()).toContainEqual(expect.objectContaining({ id: item.id, queue: item.queue }));
    });
  });
}
