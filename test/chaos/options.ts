/** The options of a chaos run and their defaults. */

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

export interface ChaosOptions {
  seed: number;
  /** How long faults are injected. */
  lastsMs: number;
  accounts: number;
  /** Processes of each role. */
  processesPerRole: number;
  accessTokenSeconds: number;
  consentTtlSeconds: number;
  /** The longest pause between two faults. */
  gapMs: number;
  longestPauseMs: number;
  longestAwayMs: number;
  /** Whether UPS answers are lost on purpose: an account needs more than a minute to recover from one. */
  losesAnswers: boolean;
  /** How long accounts may take to come to rest; if less than `PATIENT_MS`, one that still waits is not a violation. */
  settleMs: number;
  /** If above 0, the store is away once for so long and a worker is killed meanwhile; no other fault happens. */
  storeAwayMs: number;
}

/** A lost answer is settled after 60 s; work that backed off meanwhile is retried within another 60 s. */
export const PATIENT_MS = 180_000;

const defaults: ChaosOptions = {
  seed: 0,
  lastsMs: 300_000,
  accounts: 20,
  processesPerRole: 2,
  accessTokenSeconds: 25,
  consentTtlSeconds: 30,
  gapMs: 6_000,
  longestPauseMs: 90_000,
  longestAwayMs: 25_000,
  losesAnswers: true,
  settleMs: PATIENT_MS,
  storeAwayMs: 0,
};

export const withDefaults = (given: Partial<ChaosOptions>): ChaosOptions => ({
  ...defaults,
  seed: randomInt(2 ** 31),
  ...given,
});

const numbers = ['minutes', 'accounts', 'seed', 'store-away'] as const;
type Name = (typeof numbers)[number];

const USAGE = 'npm run chaos -- [--minutes N] [--accounts M] [--seed S] [--store-away MINUTES]';

/** Throws an error whose message is meant for the terminal. */
export function readOptions(args: string[]): ChaosOptions {
  const options = Object.fromEntries(numbers.map((name) => [name, { type: 'string' as const }]));
  const values = parseArgs({ args, options }).values as Partial<Record<Name, string>>;
  const read = (name: Name, otherwise: number, least = 0): number => {
    const text = values[name] ?? String(otherwise);
    const number = Number(text);
    if (text.trim() === '' || !Number.isFinite(number) || number < least)
      throw new Error(`--${name} is ${text}: give a number of ${least} or more. ${USAGE}`);
    return number;
  };
  const seed = values.seed === undefined ? {} : { seed: Math.floor(read('seed', 0)) };
  const lastsMs = read('minutes', defaults.lastsMs / 60_000) * 60_000;
  const accounts = Math.floor(read('accounts', defaults.accounts, 1));
  const storeAwayMs = read('store-away', 0) * 60_000;
  // Long-lived tokens, so that only the outage can cost one.
  return withDefaults({
    ...seed,
    lastsMs,
    accounts,
    storeAwayMs,
    ...(storeAwayMs > 0 && { accessTokenSeconds: 7_200 }),
  });
}
