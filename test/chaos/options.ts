/** What a run is told, and what it goes by where it is told nothing. */

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

export interface ChaosOptions {
  seed: number;
  /** How long things go wrong. */
  lastsMs: number;
  accounts: number;
  /** Processes of each role. */
  processesPerRole: number;
  accessTokenSeconds: number;
  consentTtlSeconds: number;
  /** Between one thing that goes wrong and the next, at most. */
  gapMs: number;
  longestPauseMs: number;
  longestAwayMs: number;
  /** Answers that UPS gives and nobody hears: their accounts need more than a minute to find out. */
  losesAnswers: boolean;
  /** After the healing; with less than `PATIENT_MS` an account that still waits for its time is no fault. */
  settleMs: number;
  /** The store is away once for so long, and a worker is killed meanwhile; nothing else goes wrong. */
  storeAwayMs: number;
}

/** A lost answer is settled after 60 s, and whoever backed off meanwhile tries again within as much. */
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

export const USAGE = 'npm run chaos -- [--minutes N] [--accounts M] [--seed S] [--store-away MINUTES]';

/** Throws with a sentence for the person at the terminal. */
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
  // Then nothing but the outage shall end a token.
  return withDefaults({
    ...seed,
    lastsMs,
    accounts,
    storeAwayMs,
    ...(storeAwayMs > 0 && { accessTokenSeconds: 7_200 }),
  });
}
