/** Programs on the PATH, run to their end, with a sign of life while they run. */
import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { DevError, type DevContext, type Environment } from './context';

const SIGN_OF_LIFE_MS = 5_000;

/** The file that would run, or undefined. */
export function findOnPath(names: readonly string[], env: Environment): string | undefined {
  const folders = (env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => path.join(folder, name))).find(isProgram);
}

export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** How to read its last line as progress; by default as it is. */
  readonly progress?: (lines: readonly string[]) => string;
}

/** Says `label` every few seconds with how far it is; throws DevError with its last words when it fails. */
export async function runCommand(
  context: Pick<DevContext, 'env' | 'say' | 'signal'>,
  label: string,
  [command, ...args]: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<void> {
  const began = performance.now();
  const lines: string[] = [];
  const child = spawn(command, args, {
    env: { ...context.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: context.signal,
  });
  const take = (chunk: Buffer) =>
    lines.push(
      ...chunk
        .toString()
        .split(/[\r\n]+/)
        .filter((line) => line.trim() !== ''),
    );
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const progress = options.progress ?? ((all: readonly string[]) => all.at(-1)?.trim().slice(0, 100) ?? '');
  const timer = setInterval(() => {
    context.say(`${label}: ${Math.round((performance.now() - began) / 1000)} s … ${progress(lines)}`);
  }, SIGN_OF_LIFE_MS);
  const end = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : `it ended with ${signal ?? code}`));
  }).finally(() => clearInterval(timer));
  context.signal.throwIfAborted();
  if (end === undefined) return;
  throw new DevError([`${label} failed: ${end}.`, ...lines.slice(-8)].join('\n  '));
}
