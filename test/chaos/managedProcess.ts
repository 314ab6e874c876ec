/** A process of the service that is kept up, as a deployment keeps it: whatever ends it, it is started again. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DevError, type DevContext } from '../../src/dev/context';
import { identify, signalProcess, type ProcessId } from '../../src/dev/processes';
import { startServer, type ServerProcess } from '../../src/dev/server';

const PROGRAM = path.join(__dirname, '..', '..', 'bin', 'upslink.js');
const UP = '"upslink is up"';
const PATIENCE_MS = 60_000;
const AGAIN_MS = 1_000;
/** What a deployment gives a process to end in. */
const GRACE_MS = 40_000;

export interface ManagedProcess {
  name: string;
  /** Its id, while it is up. */
  pid(): number | null;
  isUp(): boolean;
  /** It is started again so much later. False when it is not up, or paused. */
  kill(signal: 'SIGKILL' | 'SIGTERM', downMs: number): boolean;
  /** False when it is not up, or paused already. */
  pause(): boolean;
  resume(): void;
  /** SIGTERM for good, and waits; says how it ended where that was not as it should be. */
  stop(): Promise<void>;
}

export interface ProcessEvents {
  /** Ended without having been told to: nothing here should do that. */
  died(name: string, how: string): void;
  /** SIGTERM was not enough. */
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
  /** How long it is to stay down; null while nobody has ended it. */
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
        // Without a store no process starts: it is tried again until there is one.
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

  /** A process that cannot end in time is killed, as a deployment does it. */
  async function endInTime(ending: ServerProcess): Promise<void> {
    const over = new AbortController();
    const isLate = delay(GRACE_MS, true, { signal: over.signal }).catch(() => false);
    if (await Promise.race([ending.ended.then(() => false), isLate])) {
      tell.killedAfterGrace(name);
      signal('SIGKILL');
    }
    over.abort();
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
