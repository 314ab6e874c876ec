/** Something done again and again in a scheduler, one time after the other, until it is stopped. */

import { setTimeout as delay } from 'node:timers/promises';
import { codeOf, nameOf, type WorkLog } from './work';

export interface Loop {
  /** Waits for the time under way. */
  stop(): Promise<void>;
}

/** A time that fails is told and followed by the next. `tick` hears when it is to end early. */
export function startLoop(
  what: string,
  { intervalMs, tick, log }: { intervalMs: number; tick: (leaving: AbortSignal) => Promise<unknown>; log: WorkLog },
): Loop {
  const leaving = new AbortController();
  async function run(): Promise<void> {
    while (!leaving.signal.aborted) {
      await tick(leaving.signal).catch((error: unknown) =>
        log.warn({ what, error: codeOf(error) ?? nameOf(error) }, 'It is tried again.'),
      );
      await delay(intervalMs, undefined, { signal: leaving.signal }).catch(() => undefined);
    }
  }
  const running = run();
  return {
    async stop() {
      leaving.abort();
      await running;
    },
  };
}
