/** What a run of the simulation is told. */

import { parseArgs } from 'node:util';

export interface SimulationOptions {
  /** A process that lives the worlds another one names. */
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

/** Of nobody, and on no process, nothing is lived. */
const LEAST: Partial<Record<Name, number>> = { accounts: 1, jobs: 1 };

export const USAGE =
  'npm run simulate -- [--minutes N] [--seed S] [--from S] [--jobs J], or npm run simulate -- --outage [--accounts M]';

function parsed(args: string[]) {
  const options = Object.fromEntries(numbers.map((name) => [name, { type: 'string' as const }]));
  try {
    return parseArgs({ args, options: { ...options, job: { type: 'boolean' }, outage: { type: 'boolean' } } });
  } catch (error) {
    // Its first sentence says what; the rest is about what nobody here has.
    const [what = ''] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/);
    throw new Error(`${what}: ${USAGE}`, { cause: error });
  }
}

/** Throws with a sentence for the person at the terminal. */
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
