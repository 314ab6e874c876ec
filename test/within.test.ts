import { within } from '../src/within';

const LONG_MS = 180_000;

function open<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const work = new Promise<T>((...both) => ([resolve, reject] = both));
  return { work, resolve, reject };
}

it('answers what came of the work in time, and leaves no timer', async () => {
  expect(await within(LONG_MS, Promise.resolve('done'))).toBe('done');
  await expect(within(LONG_MS, Promise.reject(new Error('failed')))).rejects.toThrow('failed');
});

it('tells a failure in time to the caller only', async () => {
  const report = jest.fn();
  await expect(within(LONG_MS, Promise.reject(new Error('failed')), report)).rejects.toThrow('failed');
  expect(report).not.toHaveBeenCalled();
});

it('answers null when the work takes too long, and reports a failure that comes later', async () => {
  const { work, reject } = open<string>();
  const heard = new Promise<unknown>((report) => {
    void within(1, work, report).then((answer) => {
      expect(answer).toBeNull();
      reject(new Error('too late to be heard'));
    });
  });
  expect(await heard).toEqual(new Error('too late to be heard'));
});

it('lets a late failure pass that nobody wants to hear of', async () => {
  const unhandled = jest.fn();
  process.on('unhandledRejection', unhandled);
  try {
    const { work, reject } = open<string>();
    expect(await within(1, work)).toBeNull();
    reject(new Error('nobody asked'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).not.toHaveBeenCalled();
  } finally {
    process.off('unhandledRejection', unhandled);
  }
});
