import { inLanes } from '../src/lanes';

const numbers = Array.from({ length: 10 }, (_, n) => n);

/** Lets every callback that is ready run. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

it('answers in the order of the items, whichever is done first', async () => {
  const answers = await inLanes(numbers, 3, async (item, n) => {
    for (let left = item % 3; left > 0; left--) await turn();
    return [item * 2, n];
  });
  expect(answers).toEqual(numbers.map((n) => [n * 2, n]));
});

it('works on as many at once as there are lanes, no more', async () => {
  let running = 0;
  let most = 0;
  await inLanes(numbers, 4, async () => {
    most = Math.max(most, ++running);
    await turn();
    running -= 1;
  });
  expect(most).toBe(4);
});

it('takes each item once, also undefined ones', async () => {
  expect(await inLanes([undefined, undefined, undefined], 2, async (_, n) => n)).toEqual([0, 1, 2]);
});

it('answers nothing for no items and does not ask whether to go on', async () => {
  const goesOn = jest.fn(() => true);
  expect(await inLanes([], 3, async () => 1, goesOn)).toEqual([]);
  expect(goesOn).not.toHaveBeenCalled();
});

it('rejects with the first failure', async () => {
  const failing = inLanes(numbers, 2, async (item) => {
    if (item === 3) throw new Error('3 failed');
  });
  await expect(failing).rejects.toThrow('3 failed');
});

describe('with a condition', () => {
  it('begins nothing more once it says no, and waits for what was begun', async () => {
    const done: number[] = [];
    const work = async (item: number) => {
      await turn();
      done.push(item);
      return item;
    };
    const answers = await inLanes(numbers, 3, work, () => done.length === 0);
    expect(answers).toEqual([0, 1, 2]);
    expect(done).toEqual([0, 1, 2]);
  });

  it('stops every lane with the first no, and asks no more, whatever it would say later', async () => {
    let asked = 0;
    const goesOn = async () => {
      const nth = ++asked;
      await turn();
      return nth !== 2;
    };
    const begun: number[] = [];
    await inLanes(numbers, 3, async (item) => void begun.push(item), goesOn);
    // The lanes ask in turn: the first was told yes before the second was told no.
    expect(begun).toEqual([0]);
    expect(asked).toBeLessThanOrEqual(4);
  });

  it('answers for the first items without a gap, although lanes are told at different times', async () => {
    let asked = 0;
    const goesOn = async () => {
      const nth = ++asked;
      for (let left = nth % 4; left > 0; left--) await turn();
      return nth <= 6;
    };
    const answers = await inLanes(numbers, 3, async (item) => item, goesOn);
    expect(answers).toEqual(numbers.slice(0, answers.length));
    expect(answers.length).toBeLessThanOrEqual(6);
  });

  it('rejects when it fails', async () => {
    const goesOn = () => Promise.reject(new Error('the store is away'));
    await expect(inLanes(numbers, 2, async () => 1, goesOn)).rejects.toThrow('the store is away');
  });
});
