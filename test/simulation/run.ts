/**
 * `npm run simulate -- --minutes N`: fresh worlds until the time is over, on all cores (`--jobs J`: on so many), with progress,
 * and a table at the end.
 * `npm run simulate -- --seed S`: that world again, exactly.
 * `npm run simulate -- --outage --accounts 50000`: days of outage over so many accounts.
 */

import { fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import os from 'node:os';
import { simulate, type SimulationResult } from './simulation';
import { readOptions } from './options';
import { simulateOutages } from './outageRun';

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const PROGRESS_MS = 5_000;
const MANY = 5;

async function one(seed: number): Promise<void> {
  const result = await simulate(seed);
  say(`seed ${seed}: ${result.accounts} lives, ${result.steps} steps, trace ${result.trace.slice(0, 16)}`);
  for (const violation of result.violations) say(`  ${violation}`);
  process.exitCode = result.violations.length > 0 ? 1 : 0;
}

type Counts = Record<string, number>;
function add(to: Counts, more: Counts): void {
  for (const [what, count] of Object.entries(more)) to[what] = (to[what] ?? 0) + count;
}

/** Simulates seeds in `jobs` child processes until `nextSeed` returns null. */
async function simulateInJobs(
  jobs: number,
  nextSeed: () => number | null,
  tell: (result: SimulationResult) => void,
): Promise<void> {
  const job = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(process.argv[1] ?? '', ['--job']);
      const give = (): void => {
        const seed = nextSeed();
        if (seed === null) child.disconnect();
        else child.send({ seed });
      };
      child.on('message', (result: SimulationResult) => {
        tell(result);
        give();
      });
      child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error('a process that lived a world ended'))));
      give();
    });
  await Promise.all(Array.from({ length: jobs }, job));
}

function runAsJob(): void {
  process.on('message', ({ seed }: { seed: number }) => {
    simulate(seed).then(
      (result) => process.send?.(result),
      (error: unknown) => {
        process.stderr.write(`world ${seed}: ${error instanceof Error ? (error.stack ?? '') : String(error)}\n`);
        process.exit(1);
      },
    );
  });
}

async function many(minutes: number, from: number, jobs: number): Promise<void> {
  const begun = Date.now();
  const total = { worlds: 0, lives: 0, steps: 0 };
  const faults: Counts = {};
  const applied: Counts = {};
  const failed: SimulationResult[] = [];
  let seed = from;
  let toldAt = begun;
  const seconds = () => (Date.now() - begun) / 1_000;
  const nextSeed = () => (seconds() < minutes * 60 && failed.length < MANY ? seed++ : null);
  await simulateInJobs(jobs, nextSeed, (result) => {
    total.worlds++;
    total.lives += result.accounts;
    total.steps += result.steps;
    add(faults, result.faults);
    add(applied, result.applied);
    if (result.violations.length > 0) {
      failed.push(result);
      say(`seed ${result.seed} fails: ${result.violations[0] ?? ''}`);
    }
    if (Date.now() - toldAt < PROGRESS_MS) return;
    toldAt = Date.now();
    const rate = Math.round((total.lives / seconds()) * 60);
    say(
      `${seconds().toFixed(0)} s: ${total.lives} lives in ${total.worlds} worlds, ${rate} lives a minute, ${failed.length} failed`,
    );
  });
  const sorted = (counts: Counts) => Object.entries(counts).sort(([a], [b]) => a.localeCompare(b));
  const rows = [...Object.entries(total), ...sorted(faults), ...sorted(applied)];
  say('');
  for (const [what, count] of rows) say(`${what.padEnd(22)} ${String(count).padStart(12)}`);
  say(`${'violations'.padEnd(22)} ${String(failed.flatMap(({ violations }) => violations).length).padStart(12)}`);
  for (const one of failed) {
    say(`\nseed ${one.seed}; again by: npm run simulate -- --seed ${one.seed}`);
    for (const violation of one.violations) say(`  ${violation}`);
  }
  process.exitCode = failed.length > 0 ? 1 : 0;
}

async function runOutages(accounts: number): Promise<void> {
  const begun = Date.now();
  let toldAt = 0;
  const seconds = () => ((Date.now() - begun) / 1_000).toFixed(0);
  const progress = (stage: string, share: number): void => {
    if (Date.now() - toldAt < PROGRESS_MS) return;
    toldAt = Date.now();
    say(`${seconds()} s: ${stage}, ${(share * 100).toFixed(0)} %`);
  };
  const { stages, lost, revoked, violations } = await simulateOutages({ accounts, progress });
  const list = (counts: Record<string, number>): string =>
    Object.entries(counts)
      .map(([what, count]) => `${what} ${count}`)
      .join(', ') || 'nothing';
  say(`\n${accounts} accounts, ${seconds()} s`);
  for (const { name, hours, accounts: standing, sends, told } of stages) {
    say(`\n${name} (${hours} h): ${sends} refresh tokens sent`);
    say(`  accounts: ${list(standing)}`);
    say(`  told: ${list(told)}`);
  }
  say(`\nrevoked by their merchants: ${revoked.join(', ')}`);
  say(`not connected at the end: ${lost.map(({ id, reason }) => `${id} (${reason ?? ''})`).join(', ')}`);
  for (const violation of violations) say(`violation: ${violation}`);
  const isRight =
    violations.length === 0 &&
    lost
      .map(({ id }) => id)
      .sort()
      .join() === [...revoked].sort().join();
  process.exitCode = isRight ? 0 : 1;
}

/** Asynchronous, so that a wrong option becomes a rejection too. */
async function run(): Promise<void> {
  const { job, outage, minutes = 1, seed, from, accounts = 1_000, jobs } = readOptions(process.argv.slice(2));
  if (job) return runAsJob();
  if (outage) return runOutages(accounts);
  if (seed !== undefined) return one(seed);
  return many(minutes, from ?? randomInt(2 ** 31), jobs ?? os.availableParallelism());
}

run().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
