/** The real program as a child process, with no environment but what a test gives it. */
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';

const BINARY = path.join(__dirname, '..', '..', 'bin', 'upslink.js');

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  /** What it has said so far. */
  said(): Pick<Ended, 'stdout' | 'stderr'>;
  ended: Promise<Ended>;
}

export function startUpslink(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, [BINARY, ...args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const heard = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => (heard[stream] += text));
  }
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, ...heard })));
  return { child, said: () => ({ ...heard }), ended };
}

export const upslink = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  startUpslink(args, env).ended;

/** stdout, which must be one JSON value. */
export const json = ({ stdout }: Ended): unknown => JSON.parse(stdout);
