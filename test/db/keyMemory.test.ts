import { makeKeyMemory } from '../../src/db/keyMemory';
import type { StoredApiKey } from '../../src/db/schemas';
import { makeClock } from './testDb';

const keyOf = (id: string): StoredApiKey => ({ _id: id, tenantId: 'acme', role: 'reader', keyHash: '', createdAt: 0 });

/** A store whose answers the test gives. */
function open() {
  const clock = makeClock(0);
  const asked: { id: string; answer: (stored: StoredApiKey | null) => void; fail: (error: Error) => void }[] = [];
  const read = (id: string) =>
    new Promise<StoredApiKey | null>((resolve, reject) => asked.push({ id, answer: resolve, fail: reject }));
  const memory = makeKeyMemory({ read, freshMs: 2_000, monotonic: () => clock.monotonic() });
  async function learn(id: string, stored: StoredApiKey | null): Promise<void> {
    const found = memory.find(id);
    asked.pop()?.answer(stored);
    await found;
  }
  return { clock, asked, memory, learn };
}

it('loses no key that exists to a flood of made-up ones, and does not remember all of those', async () => {
  const { asked, memory, learn } = open();
  await learn('real', keyOf('real'));
  for (let n = 0; n < 20_000; n++) await learn(`junk-${n}`, null);
  expect(await memory.find('real')).toEqual(keyOf('real'));
  expect(await memory.find('junk-19999')).toBeNull();
  expect(asked).toHaveLength(0);
  expect(memory.knows('junk-0')).toBe(false);
});

it('does not remember what a read found that began before the key was deleted or made', async () => {
  const { asked, memory } = open();
  const [before, junk] = [memory.find('deleted'), memory.find('made')];
  memory.forget('deleted');
  memory.forget('made');
  asked[0]?.answer(keyOf('deleted'));
  asked[1]?.answer(null);
  expect([await before, await junk]).toEqual([keyOf('deleted'), null]);
  const after = memory.find('deleted');
  asked[2]?.answer(null);
  expect(await after).toBeNull();
  expect(memory.knows('made')).toBe(false);
});

it('reads again after a read that failed, and remembers nothing of it', async () => {
  const { asked, memory } = open();
  const both = Promise.allSettled([memory.find('one'), memory.find('one')]);
  expect(asked).toHaveLength(1);
  asked[0]?.fail(new Error('away'));
  expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const again = memory.find('one');
  asked[1]?.answer(keyOf('one'));
  expect(await again).toEqual(keyOf('one'));
});
