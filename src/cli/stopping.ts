/** The life of a command that stays: until SIGTERM or SIGINT, stopped once, in order; another signal does not wait. */

import { setTimeout as delay } from 'node:timers/promises';
import { EXIT } from './failure';

export interface Stoppable {
  stop(): Promise<void>;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** One Ctrl-C often arrives twice: from the terminal, and from the npm that started us. */
const SAME_SIGNAL_MS = 250;
const LINGER_MS = 2_000;

/** A signal that comes while it starts is obeyed when it has: half a start cannot be stopped in order. */
export async function runUntilStopped(
  start: () => Promise<Stoppable>,
  onAbandoned: (signal: NodeJS.Signals) => void,
): Promise<void> {
  let hear: (signal: NodeJS.Signals) => void = () => undefined;
  let firstAt: number | null = null;
  const requested = new Promise<void>((resolve) => {
    hear = (signal) => {
      if (firstAt !== null && performance.now() - firstAt > SAME_SIGNAL_MS) {
        onAbandoned(signal);
        process.exit(EXIT.failed);
      }
      firstAt ??= performance.now();
      resolve();
    };
  });
  for (const signal of SIGNALS) process.on(signal, hear);
  // They stay to the end, and the end waits for the twin of the signal: else it would kill what has stopped well.
  const service = await start();
  await requested;
  await service.stop();
  await delay(Math.max(0, (firstAt ?? 0) + SAME_SIGNAL_MS - performance.now()));
  // Stopped means stopped: whatever still holds the process open does not keep it for long.
  setTimeout(() => process.exit(), LINGER_MS).unref();
}
