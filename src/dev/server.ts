/** A child process that answers on a port: started, awaited, stopped, and heard when it dies. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DevError, type DevContext } from './context';
import { identify, type ProcessId, stopProcess } from './processes';
import { STOP_GRACE_MS } from './running';

export interface ServerProgram {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly logFile: string;
  /** True once it answers. Called again and again until then. */
  readonly answers: () => Promise<boolean>;
  readonly patienceMs: number;
}

export interface ServerProcess {
  readonly pid: number;
  /** Resolves with a sentence that ends in its last words. */
  readonly ended: Promise<string>;
  readonly stop: () => Promise<void>;
}

/** Resolves when it answers; throws DevError with its last words when it ends before or takes too long. */
export async function startServer(context: DevContext, program: ServerProgram): Promise<ServerProcess> {
  const server = spawnServer(context, program);
  try {
    await untilAnswers(context, program, server);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function spawnServer(context: DevContext, program: ServerProgram): ServerProcess {
  mkdirSync(path.dirname(program.logFile), { recursive: true });
  const log = openSync(program.logFile, 'a', 0o600);
  const child = spawn(program.command, program.args, {
    env: program.env ?? context.env,
    stdio: ['ignore', log, log],
    // Its own process group: Ctrl-C in the terminal reaches us alone, and we stop everything in order.
    detached: true,
    ...(program.cwd === undefined ? {} : { cwd: program.cwd }),
  });
  closeSync(log);
  const ended = endOf(child, program);
  const id = child.pid === undefined ? undefined : identify(child.pid);
  // A test run must see what the tests left open, and only that; the janitor stops the servers if we cannot.
  if (context.data === 'thrown-away') child.unref();
  if (id !== undefined) context.running.add(program.name, id);
  let stopping: Promise<void> | undefined;
  return { pid: child.pid ?? 0, ended, stop: () => (stopping ??= stop(context, child, id, ended)) };
}

async function stop(
  context: DevContext,
  child: ChildProcess,
  id: ProcessId | undefined,
  ended: Promise<string>,
): Promise<void> {
  if (id === undefined) return;
  child.ref();
  await stopProcess(id, STOP_GRACE_MS);
  await ended;
  context.running.remove(id);
}

function endOf(child: ChildProcess, program: ServerProgram): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`${program.name} could not be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      const how = `${program.name} ended with ${signal ?? `exit code ${code ?? 'unknown'}`}`;
      resolve([`${how}; its last words, from ${program.logFile}:`, ...lastWords(program.logFile)].join('\n  '));
    });
  });
}

async function untilAnswers(context: DevContext, program: ServerProgram, server: ServerProcess): Promise<void> {
  const began = performance.now();
  let hasEnded: string | undefined;
  void server.ended.then((sentence) => (hasEnded = sentence));
  let nextSignOfLife = 5_000;
  while (!(await program.answers())) {
    const waited = performance.now() - began;
    if (hasEnded !== undefined) throw new DevError(hasEnded);
    if (waited > program.patienceMs) {
      const seconds = Math.round(program.patienceMs / 1000);
      throw new DevError(
        [`${program.name} does not answer after ${seconds} s:`, ...lastWords(program.logFile)].join('\n  '),
      );
    }
    if (waited > nextSignOfLife) {
      context.say(`${program.name}: waiting until it answers, ${Math.round(waited / 1000)} s …`);
      nextSignOfLife += 5_000;
    }
    await delay(25, undefined, { signal: context.signal });
  }
  // Somebody else may be the one who answers.
  if (hasEnded !== undefined) throw new DevError(hasEnded);
}

function lastWords(logFile: string): string[] {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-10);
  } catch {
    return ['(it said nothing)'];
  }
}
