import { chmodSync } from 'node:fs';
import { findOnPath, runCommand } from '../../src/dev/command';
import { devContext, type TestContext } from '../support/dev-context';

let context: TestContext;
beforeEach(() => {
  context = devContext();
});
afterEach(() => context.dispose());

describe('programs on the PATH', () => {
  it('finds the first name that is there and may be run', () => {
    const second = context.addProgram('second', '');
    expect(findOnPath(['first', 'second'], context.env)).toBe(second);
    const first = context.addProgram('first', '');
    expect(findOnPath(['first', 'second'], context.env)).toBe(first);
    chmodSync(first, 0o644);
    expect(findOnPath(['first', 'second'], context.env)).toBe(second);
    expect(findOnPath(['bin'], { PATH: context.folder })).toBeUndefined();
    expect(findOnPath(['sh'], {})).toBeUndefined();
  });

  it('reports the last words of one that failed', async () => {
    const program = context.addProgram('fails', '#!/bin/sh\necho first\necho the reason >&2\nexit 9\n');
    await expect(runCommand(context, 'failing', [program])).rejects.toThrow(
      /failing failed: it ended with 9[^]*the reason/,
    );
    await expect(runCommand(context, 'missing', ['/nowhere/to/be/found'])).rejects.toThrow('missing failed');
  });

  it('ends with the run it belongs to', async () => {
    const stop = new AbortController();
    const program = context.addProgram('waits', '#!/bin/sh\nexec sleep 600\n');
    const path = process.env['PATH'];
    const run = runCommand({ ...context, env: { PATH: path }, signal: stop.signal }, 'waiting', [program]);
    stop.abort();
    await expect(run).rejects.toThrow('aborted');
  });
});
