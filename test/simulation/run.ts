/**
 * `npm run simulate -- --minutes N`: fresh worlds until the time is over, with progress, and a table at the end.
 * `npm run simulate -- --seed S`: that world again, exactly.
 * `npm run simulate -- --outage --accounts 50000`: days of outage over so many accounts.
 */

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { live, type Lived } from './life';
import { liveThroughOutages } from './outage';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    from: { type: 'string' },
    outage: { type: 'boolean' },
    accounts: { type: 'string' },
  },
});
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const PROGRESS_MS = 5_000;
const MANY = 5;

function numberOf(name: 'minutes' | 'seed' | 'from' | 'accounts'): number | null {
  const text = values[name];
  if (text === undefined) return null;
  const number = Number(text);
  if (!Number.isFinite(number) || number < 0)
    throw new Error(`--${name} is ${text}: give a number, such as --${name} 5`);
  return number;
}

async function one(seed: number): Promise<void> {
  const lived = await live(seed);
  say(`seed ${seed}: ${lived.accounts} lives, ${lived.steps} steps, trace ${lived.trace.slice(0, 16)}`);
  for (const violation of lived.violations) say(`  ${violation}`);
  process.exitCode = lived.violations.length > 0 ? 1 : 0;
}

async function many(minutes: number, from: number): Promise<void> {
  const begun = Date.now();
  const total = { worlds: 0, lives: 0, steps: 0 };
  const faults: Record<string, number> = {};
  const failed: Lived[] = [];
  let toldAt = begun;
  const seconds = () => (Date.now() - begun) / 1_000;
  for (let seed = from; seconds() < minutes * 60 && failed.length < MANY; seed++) {
    const lived = await live(seed);
    total.worlds++;
    total.lives += lived.accounts;
    total.steps += lived.steps;
    for (const [what, count] of Object.entries(lived.faults)) faults[what] = (faults[what] ?? 0) + count;
    if (lived.violations.length > 0) {
      failed.push(lived);
      say(`seed ${seed} fails: ${lived.violations[0] ?? ''}`);
    }
    if (Date.now() - toldAt < PROGRESS_MS) continue;
    toldAt = Date.now();
    const rate = Math.round((total.lives / seconds()) * 60);
    say(
      `${seconds().toFixed(0)} s: ${total.lives} lives in ${total.worlds} worlds, ${rate} lives a minute, ${failed.length} failed`,
    );
  }
  const rows = [...Object.entries(total), ...Object.entries(faults).sort(([a], [b]) => a.localeCompare(b))];
  say('');
  for (const [what, count] of rows) say(`${what.padEnd(18)} ${String(count).padStart(12)}`);
  say(`${'violations'.padEnd(18)} ${String(failed.flatMap(({ violations }) => violations).length).padStart(12)}`);
  for (const { seed, violations } of failed) {
    say(`\nseed ${seed}; again by: npm run simulate -- --seed ${seed}`);
    for (const violation of violations) say(`  ${violation}`);
  }
  process.exitCode = failed.length > 0 ? 1 : 0;
}

async function outage(accounts: number): Promise<void> {
  const begun = Date.now();
  let toldAt = 0;
  const seconds = () => ((Date.now() - begun) / 1_000).toFixed(0);
  const progress = (stage: string, share: number): void => {
    if (Date.now() - toldAt < PROGRESS_MS) return;
    toldAt = Date.now();
    say(`${seconds()} s: ${stage}, ${(share * 100).toFixed(0)} %`);
  };
  const { stages, lost, revoked, violations } = await liveThroughOutages({ accounts, progress });
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

function run(): Promise<void> {
  const seed = numberOf('seed');
  if (values.outage) return outage(numberOf('accounts') ?? 1_000);
  return seed === null ? many(numberOf('minutes') ?? 1, numberOf('from') ?? randomInt(2 ** 31)) : one(seed);
}

run().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
