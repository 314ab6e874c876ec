/** What a person or a script is told when a command cannot do its work: one sentence with the way out, never a stack. */

import type { ConfigError } from '../config';

/** The code a process ends with. */
export const EXIT = { done: 0, failed: 1, wrongUsage: 2 } as const;

/** The command was understood and could not be done. */
export class CliError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** What was typed makes no sense, and could be seen before anything was opened. */
export class UsageError extends CliError {
  constructor(message: string) {
    super('wrong-usage', message);
  }
}

/** A command that did its work and found a fault: everything about it has been printed. */
export class FoundFault extends Error {}

export interface Failure {
  code: string;
  message: string;
}

const MONGODB_REFUSALS: Record<number, string> = {
  13: 'The login in MONGODB_URL lacks a right: give it readWrite on the database of MONGODB_URL.',
  18: 'MongoDB refused the login in MONGODB_URL: set the right user, password and authSource.',
  8000: 'MongoDB refused the login in MONGODB_URL: set the right user, password and authSource.',
};

/** The host of a mongodb+srv URL, asked of DNS before any server is. */
const isDnsFault = (error: Error): boolean => 'syscall' in error && /^query(Srv|Txt)$/.test(String(error.syscall));

/** By name and code, not by class: importing the classes would load the driver for `--help`. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CliError) return { code: error.code, message: error.message };
  if (!(error instanceof Error)) return { code: 'unexpected', message: 'Something unexpected went wrong.' };
  const code = 'code' in error ? error.code : undefined;
  if (code === 'invalid-config') return { code, message: (error as ConfigError).message };
  if (code === 'store-unavailable' || isDnsFault(error))
    return {
      code: 'store-unavailable',
      message: 'MongoDB did not answer: start it, or correct MONGODB_URL. Run `upslink doctor` for details.',
    };
  if (typeof code === 'number' && MONGODB_REFUSALS[code] !== undefined)
    return { code: 'store-refused', message: MONGODB_REFUSALS[code] };
  if (code === 'port-taken' || code === 'port-not-allowed') return { code, message: error.message };
  const seen = withoutLogins(error.message.split('\n', 1)[0] ?? '');
  return { code: 'unexpected', message: `Something unexpected went wrong: ${seen || error.name}` };
}

/** `scheme://user:password@host` → `scheme://host` */
const withoutLogins = (text: string): string => text.replace(/(:\/\/)[^\s/@]*@/g, '$1');
