/** A short chaos run with a random seed; `npm run chaos` makes long ones. */

import { runChaos } from './chaosRun';
import { PATIENT_MS, readOptions, withDefaults } from './options';
import { faultKinds, makeFaultPlan } from './faultPlan';
import { refusals } from './redisRefusals';
import { formatReport } from './report';

const never = () => new AbortController().signal;

/**
 * Shorter token lives and pauses, and no answers lost on purpose: an account needs more than a minute to recover from one.
 * An account whose answer was lost by a kill may still be waiting when the checks run.
 */
const short = withDefaults({
  lastsMs: 14_000,
  accounts: 4,
  gapMs: 2_000,
  longestPauseMs: 6_000,
  longestAwayMs: 4_000,
  losesAnswers: false,
  consentTtlSeconds: 8,
  settleMs: 20_000,
});

it('nothing accepted is lost, no token is gambled and nobody is disconnected, whatever is killed', async () => {
  const said: string[] = [];
  const output = { say: (line: string) => void said.push(line), progress: () => {} };
  const report = await runChaos(short, output, { stop: never(), abandon: never() });
  const text = [...said, formatReport(report)].join('\n');
  expect({ violations: report.violations, text }).toEqual({ violations: [], text });
  expect(report.figures['accounts']).toBe(short.accounts);
  expect(report.figures['events with a verdict']).toBeGreaterThan(0);
  expect(report.incidents.length).toBeGreaterThan(0);
}, 240_000);

it('makes the same plan from the same seed, and another plan from another seed', () => {
  const plan = (seed: number) => makeFaultPlan(withDefaults({ seed }));
  expect(plan(7)).toEqual(plan(7));
  expect(plan(8)).not.toEqual(plan(7));
});

it('plans every kind of fault within five minutes, kills most often', () => {
  const plan = makeFaultPlan(withDefaults({ seed: 3 }));
  const counts = faultKinds.map((kind) => plan.filter((one) => one.kind === kind).length);
  expect(Math.min(...counts)).toBeGreaterThan(1);
  expect(Math.max(...counts)).toBe(counts[0]);
});

it('plans every kind of Redis refusal before it repeats one', () => {
  const plan = makeFaultPlan(withDefaults({ seed: 5, lastsMs: 600_000 }));
  const ways = plan.filter(({ kind }) => kind === 'refused').map(({ refusal }) => refusal);
  expect(new Set(ways.slice(0, refusals.length)).size).toBe(refusals.length);
});

it('names a wrong option and what to type instead', () => {
  expect(() => readOptions(['--minutes', 'ten'])).toThrow(
    '--minutes is ten: give a number of 0 or more. npm run chaos',
  );
  for (const few of ['0', '-3', '0.5', 'none'])
    expect(() => readOptions([`--accounts=${few}`])).toThrow(
      `--accounts is ${few}: give a number of 1 or more. npm run`,
    );
  expect(readOptions(['--minutes', '2', '--seed', '9'])).toMatchObject({
    lastsMs: 120_000,
    seed: 9,
    settleMs: PATIENT_MS,
  });
});
