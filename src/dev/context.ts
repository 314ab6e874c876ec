/** What everything in src/dev is given: development and tests only, nothing here runs in a deployment. */
import os from 'node:os';
import path from 'node:path';
import type { Running } from './running';

export type Environment = Readonly<Record<string, string | undefined>>;

/** One line for the person at the terminal. */
export type Say = (line: string) => void;

export interface DevContext {
  readonly env: Environment;
  readonly say: Say;
  /** Data, logs and the record of what runs; belongs to one run at a time. */
  readonly folder: string;
  readonly running: Running;
  /** Ends installs and waits when the person says stop. */
  readonly signal: AbortSignal;
  /** `kept`: data outlives the run (npm start). `thrown-away`: tests. */
  readonly data: 'kept' | 'thrown-away';
}

/** A server that answers: ours, or one the environment named. */
export interface DevServer {
  /** For people: what it is and where it came from. */
  readonly name: string;
  readonly url: string;
  /** Resolves with a sentence when a server of ours ends; never for one that is not ours. */
  readonly ended: Promise<string>;
  readonly stop: () => Promise<void>;
}

/** A reason for the person at the terminal, with the way out in it. */
export class DevError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DevError';
  }
}

/** Downloads and builds that every clone of this user shares. */
export function cacheFolder(env: Environment): string {
  const base = env['XDG_CACHE_HOME'] || path.join(env['HOME'] || os.homedir(), '.cache');
  return path.join(base, 'upslink');
}

export const notOurs = (name: string, url: string): DevServer => ({
  name,
  url,
  ended: new Promise<string>(() => undefined),
  stop: async () => undefined,
});
