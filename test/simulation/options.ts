/** The options of `npm run simulate`. */

import { parseArgs } from 'node:util';

export interface SimulationOptions {
  /** Runs as a child process that simulates the seeds its parent sends. */
  job: boolean;
  outage: boolean;
  minutes?: number;
  seed?: number;
  from?: number;
  accounts?: number;
  jobs?: number;
}

const numbers = ['minutes', 'seed', 'from', 'accounts', 'jobs'] as const;
type Name = (typeof numbers)[number];

/** Numbers that must be at least 1. */
const LEAST: Partial<Record<Name, number>> = { accounts: 1, jobs: 1 };

export const USAGE =
  'npm run simulate -- [--minutes N] [--seed S] [--from S] [--jobs J], or npm run simulate -- --outage [--accounts M]';

function parsed(args: string[]) {
  const options = Object.fromEntries(numbers.map((name) => [name, { type: 'string' as const }]));
  try {
    return parseArgs({ args, options: { ...options, job: { type: 'boolean' }, outage: { type: 'boolean' } } });
  } catch (error) {
    // Only the first sentence is about the mistake.
    const [what = ''] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/);
    throw new Error(`${what}: ${USAGE}`, { cause: error });
  }
}

/** Throws an error whose message is meant for the terminal. */
export function readOptions(args: string[]): SimulationOptions {
  const values = parsed(args).values as Partial<Record<Name, string>> & { job?: boolean; outage?: boolean };
  const read = (name: Name): Partial<Record<Name, number>> => {
    const text = values[name];
    if (text === undefined) return {};
    const [number, least] = [Number(text), LEAST[name] ?? 0];
    if (text.trim() === '' || !Number.isFinite(number) || number < least)
      throw new Error(`--${name} is ${text}: give a number of ${least} or more, such as --${name} 5`);
    return { [name]: number };
  };
  const given = numbers.reduce<Partial<Record<Name, number>>>((all, name) => ({ ...all, ...read(name) }), {});
  return { job: values.job === true, outage: values.outage === true, ...given };
}
