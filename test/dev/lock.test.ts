import { spawn } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { tryLock, waitForLock } from '../../src/dev/lock';

const someFile = (): string => path.join(os.tmpdir(), randomUUID());

describe('a lock', () => {
  it('has one holder at a time, and is free again when released', async () => {
    const file = someFile();
    const lock = await tryLock(file);
    expect(lock).toBeDefined();
    expect(await tryLock(file)).toBeUndefined();
    await lock?.release();
    const again = await tryLock(file);
    expect(again).toBeDefined();
    await again?.release();
  });

  it('gives up after the patience it was given', async () => {
    const file = someFile();
    const lock = await tryLock(file);
    const onWait = jest.fn();
    expect(await waitForLock(file, { patienceMs: 1, onWait })).toBeUndefined();
    expect(onWait).toHaveBeenCalledTimes(1);
    await lock?.release();
  });

  it('is free the moment its holder is killed with -9', async () => {
    const file = someFile();
    const lockFile = JSON.stringify(path.join(__dirname, '..', '..', 'src', 'dev', 'lock.ts'));
    const program = `require('tsx/cjs'); require(${lockFile}).tryLock(${JSON.stringify(file)}).then((lock) => {
      console.log(lock ? 'locked' : 'refused'); setInterval(() => lock, 1000); });`;
    const holder = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = (await once(holder.stdout, 'data')) as [Buffer];
    expect(said.toString()).toContain('locked');
    expect(await tryLock(file)).toBeUndefined();
    holder.kill('SIGKILL');
    await once(holder, 'close');
    const lock = await tryLock(file);
    expect(lock).toBeDefined();
    await lock?.release();
  });
});
