import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Entry } from '../../src/sandbox/entries';
import { openJournal } from '../../src/sandbox/journal';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'upslink-journal-'));
  file = path.join(folder, 'journal.jsonl');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const fact = (n: number): Entry => ({ t: 'use', n, at: n, endpoint: 'rate' });

async function open(facts: () => Entry[] = () => []) {
  const seen: Entry[] = [];
  const journal = await openJournal(folder, (entry) => seen.push(entry), facts);
  return { journal, seen };
}

test('gives back what was appended, in order', async () => {
  const first = await open();
  first.journal.append([fact(0), fact(1)]);
  first.journal.append([fact(2)]);
  await first.journal.synced();
  await first.journal.close();
  const second = await open();
  expect(second.seen).toEqual([fact(0), fact(1), fact(2)]);
  await second.journal.close();
});

test.each(['{"t":"use","n":1', '{"t":"use","n":1,"at":1,"endpoint":"rate"}', '{"t":"us\n'])(
  'cuts off a torn last line and goes on after the good ones: %j',
  async (torn) => {
    const first = await open();
    first.journal.append([fact(0)]);
    await first.journal.close();
    await appendFile(file, torn);
    const second = await open();
    expect(second.seen).toEqual([fact(0)]);
    second.journal.append([fact(1)]);
    await second.journal.close();
    const third = await open();
    expect(third.seen).toEqual([fact(0), fact(1)]);
    await third.journal.close();
  },
);

test('refuses a file that is broken in its middle, by name and line', async () => {
  await writeFile(file, `${JSON.stringify(fact(0))}\nbroken\n${JSON.stringify(fact(1))}\n`);
  await expect(open()).rejects.toThrow(/journal\.jsonl: line 2 is no JSON/);
});

test('is rewritten at the start when far fewer facts say the same', async () => {
  const first = await open();
  for (let n = 0; n < 1500; n += 1) first.journal.append([fact(n)]);
  await first.journal.close();
  const second = await open(() => [fact(1499)]);
  second.journal.append([fact(1500)]);
  await second.journal.close();
  expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(2);
  const third = await open();
  expect(third.seen).toEqual([fact(1499), fact(1500)]);
  await third.journal.close();
});

test('is left alone when little would be won', async () => {
  const first = await open();
  for (let n = 0; n < 1500; n += 1) first.journal.append([fact(n)]);
  await first.journal.close();
  const second = await open(() => Array.from({ length: 1000 }, (_, n) => fact(n)));
  await second.journal.close();
  expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(1500);
});

test('takes nothing after it was closed', async () => {
  const { journal } = await open();
  await journal.close();
  expect(() => journal.append([fact(0)])).toThrow('has stopped');
  await expect(journal.synced()).rejects.toThrow('has stopped');
});
