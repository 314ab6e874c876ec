import { spawn } from 'node:child_process';
import path from 'node:path';
import { readOptions, USAGE } from './options';

it('names a wrong option and what to type instead', () => {
  expect(() => readOptions(['--seed', 'abc'])).toThrow('--seed is abc: give a number of 0 or more, such as --seed 5');
  expect(() => readOptions(['--accounts', '0'])).toThrow('--accounts is 0: give a number of 1 or more');
  expect(() => readOptions(['--seed', ''])).toThrow('--seed is :');
  expect(() => readOptions(['--nope'])).toThrow(`Unknown option '--nope': ${USAGE}`);
  expect(() => readOptions(['--minutes'])).toThrow(`Option '--minutes <value>' argument missing: ${USAGE}`);
  expect(readOptions(['--minutes', '0.5', '--jobs', '2'])).toEqual({
    ...{ job: false, outage: false, minutes: 0.5, jobs: 2 },
  });
});

it.each([[['--seed', 'abc']], [['--nope']], [['--minutes']]])(
  'a run of %j prints that sentence alone, and ends with 2',
  async (args) => {
    const run = path.join(__dirname, 'run.ts');
    const child = spawn(process.execPath, ['--import', 'tsx', run, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => void (said += text.toString()));
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect([code, said.trimEnd().split('\n').length]).toEqual([2, 1]);
    expect(said).toContain(args[0]);
  },
  60_000,
);
