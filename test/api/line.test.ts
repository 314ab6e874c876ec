import { makeLine, type Turn } from '../../src/api/line';
import { makeLookUps } from '../../src/api/lookups';
import { Refusal } from '../../src/api/problems';

const BOUNDS = { running: 8, waiting: 40, waitMs: 600_000 };

/** A read that ends when the test says so. */
function makeReads() {
  const open: { name: string; end: () => void }[] = [];
  const names = () => open.map(({ name }) => name);
  const read = (name: string) => () => new Promise<string>((resolve) => open.push({ name, end: () => resolve(name) }));
  /** Ends the oldest, and lets what follows from it happen. */
  async function endOne(): Promise<void> {
    open.shift()?.end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { open, names, read, endOne };
}

let everybody = new AbortController();
afterEach(() => {
  everybody.abort(new Error('the test is over'));
  everybody = new AbortController();
});
/** Of one that waits, or runs, until the test is over. */
const begin = (asked: Promise<unknown>): void => void asked.catch(() => undefined);

const turn = (holder: string, gone = everybody.signal): Turn => ({
  holder,
  gone,
  refusal: () => new Error('full'),
});

it('runs two of eight for one holder, keeps ten waiting, and refuses the rest', async () => {
  const { names, read } = makeReads();
  const line = makeLine(BOUNDS);
  const asked = Array.from({ length: 20 }, () => line.run(turn('flood'), read('flood')).catch(String));
  expect(names()).toHaveLength(2);
  expect(line.size()).toBe(12);
  expect(await Promise.all(asked.slice(12))).toEqual(Array(8).fill('Error: full'));
});

it('lets holders take turns, so that the first of a new one does not wait behind a flood', async () => {
  const { names, read, endOne } = makeReads();
  const line = makeLine(BOUNDS);
  const flood = ['a', 'b', 'c', 'd'].flatMap((holder) => Array.from({ length: 6 }, () => holder));
  for (const holder of flood) begin(line.run(turn(holder), read(holder)));
  expect(names().sort().join('')).toBe('aabbccdd');
  begin(line.run(turn('new'), read('new')));
  for (let n = 0; n < 5; n++) await endOne();
  expect(names()).toContain('new');
});

it('forgets a client that leaves while it waits, and one that has left already', async () => {
  const { open, read, endOne } = makeReads();
  const line = makeLine(BOUNDS);
  const leaving = new AbortController();
  begin(line.run(turn('one'), read('one')));
  begin(line.run(turn('one'), read('one')));
  const waiting = line.run(turn('one', leaving.signal), read('never'));
  expect(line.size()).toBe(3);
  leaving.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  await expect(line.run(turn('one', leaving.signal), read('never'))).rejects.toThrow('gone');
  expect(line.size()).toBe(2);
  while (open.length > 0) await endOne();
  expect(line.size()).toBe(0);
});

it('refuses one that waited for too long, and goes on after a read that failed', async () => {
  const { read, endOne } = makeReads();
  const line = makeLine({ ...BOUNDS, waitMs: 1 });
  const running = [line.run(turn('one'), read('one')), line.run(turn('one'), read('one'))];
  await expect(line.run(turn('one'), read('never'))).rejects.toThrow('full');
  await endOne();
  await endOne();
  await Promise.all(running);
  await expect(line.run(turn('one'), () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(line.size()).toBe(0);
});

describe('look-ups', () => {
  const gone = () => Promise.reject(new Refusal('link-gone', 'It is over.'));

  it('of what was found before wait behind no flood, until it is not found any more', async () => {
    const { names, read } = makeReads();
    const lookUps = makeLookUps(BOUNDS);
    const find = (secret: string, look: () => Promise<string | null>) =>
      lookUps.run({ kind: 'link', secrets: [secret, `state of ${secret}`] }, turn('shared'), look);
    await find('live', async () => 'found');
    for (let n = 0; n < 12; n++) begin(find(`junk-${n}`, read('junk')));
    expect(lookUps.sizes()).toEqual({ key: 0, link: 12, seen: 0 });
    expect(await find('state of live', async () => 'found')).toBe('found');
    await expect(find('other', async () => 'found')).rejects.toThrow('full');
    await expect(find('live', gone)).rejects.toThrow('It is over.');
    await expect(find('live', async () => 'found')).rejects.toThrow('full');
    expect(names()).toEqual(['junk', 'junk']);
  });

  it('of keys and of links do not wait for each other', async () => {
    const { read } = makeReads();
    const lookUps = makeLookUps(BOUNDS);
    for (let n = 0; n < 12; n++) begin(lookUps.run({ kind: 'key' }, turn('shared'), read('junk')));
    expect(await lookUps.run({ kind: 'link', secrets: ['live'] }, turn('shared'), async () => 'found')).toBe('found');
  });

  it('of a link that lives go on living when the store is away for a moment', async () => {
    const lookUps = makeLookUps(BOUNDS);
    const find = (look: () => Promise<string | null>) =>
      lookUps.run({ kind: 'key', secrets: ['session'] }, turn('one'), look);
    await find(async () => 'found');
    await expect(find(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
    begin(find(() => new Promise(() => undefined)));
    expect(lookUps.sizes()).toEqual({ key: 0, link: 0, seen: 1 });
  });
});
