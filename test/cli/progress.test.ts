import type { Output } from '../../src/cli/output';
import { makeProgress, type Reached } from '../../src/cli/progress';

/** What is shown of a command that says every so often how far it is. */
function shown(isTerminal: boolean, everyMs: number, reached: Reached[]): string[] {
  const lines: string[] = [];
  const out: Output = {
    width: 80,
    result: () => undefined,
    head: () => undefined,
    row: () => undefined,
    remark: (text) => lines.push(`line: ${text}`),
    remarkInPlace: (text) => lines.push(`in place: ${text}`),
  };
  let now = 1_000;
  const progress = makeProgress(out, 'lines', { isTerminal, now: () => now });
  for (const one of reached) {
    now += everyMs;
    progress.reached(one);
  }
  progress.end();
  return lines;
}

const steps = (count: number): Reached[] =>
  Array.from({ length: count }, (_, n) => ({ done: 10 * (n + 1), share: (n + 1) / count }));

it('says nothing of a run that takes less than two seconds, where there is no terminal', () => {
  expect(shown(false, 199, steps(10))).toEqual([]);
});

it('says a line after two seconds and every five seconds from then on, where there is no terminal', () => {
  expect(shown(false, 1_000, steps(16))).toEqual([
    'line: ███░░░░░░░░░░░░░░░░░░░░░ 13 %, 20 lines, 10 a second, about 14 s left',
    'line: ███████████░░░░░░░░░░░░░ 44 %, 70 lines, 10 a second, about 9 s left',
    'line: ██████████████████░░░░░░ 75 %, 120 lines, 10 a second, about 4 s left',
  ]);
});

it('rewrites its line on a terminal, and takes it away at the end', () => {
  const lines = shown(true, 100, steps(3));
  expect(lines).toHaveLength(4);
  expect(lines[2]).toMatch(/^in place: █{24} 100 %, 30 lines, 100 a second, about 0 s left$/);
  expect(lines[3]).toBe('in place: ');
});

it('draws no bar where nobody knows the whole', () => {
  expect(shown(false, 2_000, [{ done: 40, share: null }])).toEqual(['line: 40 lines, 20 a second']);
});
