import { type Counter, checkOnce, lostWrites, withCounter } from '../../src/dev/storecheck';
import type { Engine } from '../../src/dev/engine';
import { devContext } from '../support/dev-context';
import { testDatabase } from '../support/servers';

describe('the short form of the store contract', () => {
  it('is passed by the server the tests run on', async () => {
    const { url } = await testDatabase('storecheck');
    expect(await withCounter(url, lostWrites)).toBe(0);
  });

  it('counts the writes of a store that does not compare', async () => {
    let document = { n: 0, rev: 0 };
    const careless: Counter = {
      read: async () => document,
      write: async (_ifRev, next) => {
        document = next;
        return true;
      },
    };
    expect(await lostWrites(careless)).toBeGreaterThan(0);
  });

  it('is asked once per build of a server, and refuses by name one that loses a write', async () => {
    const context = devContext();
    const engine: Engine = {
      id: 'mongod',
      name: 'some server',
      program: context.addProgram('server', 'one'),
      args: () => [],
    };
    const none = jest.fn(async () => 0);
    const some = async () => 3;
    await expect(checkOnce(engine, context, some)).rejects.toThrow(/some server is refused: of 400 .* it lost 3/);
    await checkOnce(engine, context, none);
    await checkOnce(engine, context, none);
    expect(none).toHaveBeenCalledTimes(1);
    context.addProgram('server', 'another build');
    await expect(checkOnce(engine, context, some)).rejects.toThrow('is refused');
    context.dispose();
  });
});
