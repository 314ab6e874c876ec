/**
 * A line in front of the store, for reads that anybody may cause.
 *
 * 1. A bounded number of reads run at the same time, and a bounded number wait. More are refused.
 * 2. One holder has a quarter of both at most, and holders take turns: a flood from one address delays itself.
 * 3. A read waits for `waitMs` at most. A client that leaves frees its place in the line at once.
 */

import { makeTally, quarterOf } from './tally';

export interface LineBounds {
  running: number;
  waiting: number;
  waitMs: number;
}

export interface Turn {
  /** A client's address, or whatever else is to get a quarter at most. */
  holder: string;
  /** Aborted when the client leaves. */
  gone: AbortSignal;
  /** The error for a turn that cannot be had. */
  refusal: () => Error;
}

export interface Line {
  /** Rejects with the turn's refusal, with the reason of `gone`, or as `read` does. */
  run<T>(turn: Turn, read: () => Promise<T>): Promise<T>;
  /** How many run or wait. */
  size(): number;
}

export function makeLine({ running: most, waiting: mostWaiting, waitMs }: LineBounds): Line {
  const running = makeTally();
  const waiting = makeTally();
  /** Those who wait, by holder; the holder whose turn is next comes first. */
  const queues = new Map<string, Set<() => void>>();

  const isFree = (holder: string): boolean => running.all() < most && running.of(holder) < quarterOf(most);

  function startNext(): void {
    for (const [holder, queue] of queues) {
      const [start] = queue;
      if (start === undefined || !isFree(holder)) continue;
      queues.delete(holder);
      if (queue.size > 1) queues.set(holder, queue);
      start();
    }
  }

  function queueOf(holder: string): Set<() => void> {
    const queue = queues.get(holder) ?? new Set();
    queues.set(holder, queue);
    return queue;
  }

  function wait({ holder, gone, refusal }: Turn): Promise<() => void> {
    if (waiting.all() >= mostWaiting || waiting.of(holder) >= quarterOf(mostWaiting)) throw refusal();
    return new Promise((resolve, reject) => {
      const stepOut = waiting.add(holder);
      const leave = (): void => {
        stepOut();
        clearTimeout(tooLong);
        gone.removeEventListener('abort', giveUp);
        const queue = queues.get(holder);
        queue?.delete(start);
        if (queue?.size === 0) queues.delete(holder);
      };
      const start = (): void => {
        leave();
        resolve(running.add(holder));
      };
      const giveUp = (): void => {
        leave();
        reject(gone.aborted ? (gone.reason as Error) : refusal());
      };
      const tooLong = setTimeout(giveUp, waitMs);
      gone.addEventListener('abort', giveUp);
      queueOf(holder).add(start);
    });
  }

  return {
    async run(turn, read) {
      turn.gone.throwIfAborted();
      const giveBack = isFree(turn.holder) ? running.add(turn.holder) : await wait(turn);
      try {
        return await read();
      } finally {
        giveBack();
        startNext();
      }
    },
    size: () => running.all() + waiting.all(),
  };
}
