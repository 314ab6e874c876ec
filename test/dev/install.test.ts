import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ensureInstalled, type Installation, isMarked, mark, moveInPlace } from '../../src/dev/install';
import { devContext, type TestContext } from '../support/dev-context';

let context: TestContext;
beforeEach(() => {
  context = devContext();
});
afterEach(() => context.dispose());

function thing(install: (folder: string) => Promise<void>): Installation {
  const folder = path.join(context.folder, 'cache', 'thing');
  return { name: 'thing', folder, isThere: () => isMarked(folder), install: () => install(folder) };
}

describe('ensureInstalled', () => {
  it('installs once when two ask at the same time', async () => {
    let installs = 0;
    let finish = (): void => undefined;
    const isFinished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const it = thing(async (folder) => {
      installs += 1;
      await isFinished;
      mkdirSync(folder, { recursive: true });
      mark(folder);
    });
    const both = Promise.all([ensureInstalled(context, it), ensureInstalled({ ...context, say: () => finish() }, it)]);
    await both;
    expect(installs).toBe(1);
  });

  it('does not take a half-finished installation for a finished one', async () => {
    const it = thing(async (folder) => {
      expect(existsSync(path.join(folder, 'half'))).toBe(false);
      mkdirSync(folder, { recursive: true });
      mark(folder);
    });
    mkdirSync(it.folder, { recursive: true });
    writeFileSync(path.join(it.folder, 'half'), '');
    await ensureInstalled(context, it);
    expect(it.isThere()).toBe(true);
  });

  it('lets the next one try after one that failed', async () => {
    const failing = thing(() => Promise.reject(new Error('no network')));
    await expect(ensureInstalled(context, failing)).rejects.toThrow('no network');
    const working = thing(async (folder) => {
      mkdirSync(`${folder}.new`, { recursive: true });
      mark(`${folder}.new`);
      moveInPlace(`${folder}.new`, folder);
    });
    await ensureInstalled(context, working);
    expect(working.isThere()).toBe(true);
  });

  it('refuses an installation that left nothing', async () => {
    await expect(
      ensureInstalled(
        context,
        thing(async () => undefined),
      ),
    ).rejects.toThrow('is not complete there');
  });
});
