import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
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

  it('is asked once per build of a server', async () => {
    const { url } = await testDatabase('storecheck');
    const context = devContext();
    mkdirSync(path.join(context.folder, 'cache'));
    const program = context.addProgram('server', 'one');
    const engine: Engine = { id: 'mongod', name: 'a server', program, args: () => [] };
    await checkOnce(engine, url, context.env, context.say);
    await checkOnce(engine, url, context.env, context.say);
    expect(context.said).toHaveLength(1);
    rmSync(program);
    context.addProgram('server', 'another build');
    await checkOnce(engine, url, context.env, context.say);
    expect(context.said).toHaveLength(2);
    context.dispose();
  });
});
