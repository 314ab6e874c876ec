/** A process of the service that is restarted whenever it ends, as a deployment does it. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DevError, type DevContext } from '../../src/dev/context';
import { identify, signalProcess, type ProcessId } from '../../src/dev/processes';
import { startServer, type ServerProcess } from '../../src/dev/server';
import { within } from '../../src/within';

const PROGRAM = path.join(__dirname, '..', '..', 'bin', 'upslink.js');
const UP = '"upslink is up"';
const PATIENCE_MS = 60_000;
const AGAIN_MS = 1_000;
/** How long a deployment waits for a process to end. */
const GRACE_MS = 40_000;

export interface ManagedProcess {
  name: string;
  /** The process id while it is up. */
  pid(): number | null;
  isUp(): boolean;
  /** Restarts it after `downMs`. Returns false when it is not up, or paused. */
  kill(signal: 'SIGKILL' | 'SIGTERM', downMs: number): boolean;
  /** Returns false when it is not up, or already paused. */
  pause(): boolean;
  resume(): void;
  /** Sends SIGTERM, waits for the end, and does not restart it. */
  stop(): Promise<void>;
}

export interface ProcessEvents {
  /** It ended without being told to, which is a fault of the service. */
  died(name: string, how: string): void;
  /** It did not end in time after SIGTERM and was killed. */
  killedAfterGrace(name: string): void;
}

export function startManagedProcess(
  context: DevContext,
  { name, env, tell }: { name: string; env: Record<string, string>; tell: ProcessEvents },
): ManagedProcess {
  let server: ServerProcess | null = null;
  let starts = 0;
  let isWanted = true;
  let isPaused = false;
  /** How long it stays down; null unless it was ended on purpose. */
  let downMs: number | null = null;

  const id = (): ProcessId | undefined => (server === null ? undefined : identify(server.pid));
  const signal = (which: NodeJS.Signals): void => {
    const now = id();
    if (now) signalProcess(now, which);
  };

  async function start(): Promise<ServerProcess> {
    starts += 1;
    const logFile = path.join(context.folder, 'logs', `${name}.${String(starts).padStart(3, '0')}.log`);
    const answers = async (): Promise<boolean> => readFileSync(logFile, 'utf8').includes(UP);
    const program = { name, command: process.execPath, args: [PROGRAM, 'serve'], env, logFile, answers };
    return startServer(context, { ...program, patienceMs: PATIENCE_MS });
  }

  async function keepUp(): Promise<void> {
    while (isWanted) {
      try {
        server = await start();
      } catch (error) {
        // A process cannot start without a store, so it is retried until there is one.
        if (!(error instanceof DevError) && !context.signal.aborted) throw error;
        await wait(AGAIN_MS);
        continue;
      }
      const how = await server.ended;
      server = null;
      isPaused = false;
      if (downMs === null && isWanted) tell.died(name, how);
      await wait(downMs ?? AGAIN_MS);
      downMs = null;
    }
  }

  const wait = (ms: number) => delay(ms, undefined, { signal: context.signal }).catch(() => undefined);
  const kept = keepUp();

  /** Kills a process that does not end in time, as a deployment does. */
  async function endInTime(ending: ServerProcess): Promise<void> {
    const ended = ending.ended.then(() => true);
    if ((await within(GRACE_MS, ended)) !== null) return;
    tell.killedAfterGrace(name);
    signal('SIGKILL');
  }

  return {
    name,
    pid: () => server?.pid ?? null,
    isUp: () => server !== null && !isPaused && downMs === null,
    kill(which, forMs) {
      if (server === null || isPaused || downMs !== null) return false;
      downMs = forMs;
      signal(which);
      if (which === 'SIGTERM') void endInTime(server);
      return true;
    },
    pause() {
      if (server === null || isPaused || downMs !== null) return false;
      isPaused = true;
      signal('SIGSTOP');
      return true;
    },
    resume() {
      if (isPaused) signal('SIGCONT');
      isPaused = false;
    },
    async stop() {
      isWanted = false;
      this.resume();
      if (server !== null) {
        signal('SIGTERM');
        await endInTime(server);
      }
      await kept;
    },
  };
}
