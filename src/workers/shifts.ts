/**
 * When BullMQ's workers run: from the first moment Redis takes commands until it refuses one. A worker that is refused asks
 * again at once, for ever, and one whose connection ends before it was ever up does so without leaving the event loop. So
 * all of them are given up then, with their connections, and new ones begin after a pause that grows.
 */

import type { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis, endConnection, makeBackoff, type RedisWatch } from './redis';

export interface ShiftsOptions {
  redisUrl: string;
  watch: RedisWatch;
  /** They run when this returns, on `connection` and on duplicates of it. */
  makeWorkers: (connection: Redis) => Worker[];
}

export interface Shifts {
  /** No job is taken any more; resolves when BullMQ has closed its workers, which may be never. */
  stop(): Promise<void>;
  /** Ends every connection. */
  end(): void;
}

interface Shift {
  /** As BullMQ closes: with what is in hand reported to Redis, if Redis is there. */
  close(): Promise<void>;
  end(): void;
}

export function startShifts(options: ShiftsOptions): Shifts {
  const backoff = makeBackoff();
  let current: Shift | null = null;
  let pause: NodeJS.Timeout | undefined;
  let isStopping = false;

  function begin(): void {
    const shift = openShift(options, () => {
      if (isStopping || current !== shift) return;
      current = null;
      shift.end();
      pause = setTimeout(begin, backoff.next());
    });
    current = shift;
  }
  begin();

  return {
    async stop() {
      isStopping = true;
      clearTimeout(pause);
      await current?.close();
    },
    end: () => current?.end(),
  };
}

function openShift({ redisUrl, watch, makeWorkers }: ShiftsOptions, onRefused: () => void): Shift {
  const leaving = new AbortController();
  const connections: Redis[] = [];
  let workers: Worker[] = [];
  const redis = connectRedis(redisUrl, {
    who: 'workers',
    watch,
    // BullMQ wants its workers' commands to wait for Redis for as long as it is away.
    redis: { maxRetriesPerRequest: null },
    onRefused,
    onDuplicate: (twin) => void connections.push(twin),
    signal: leaving.signal,
  });
  connections.push(redis);
  redis.once('ready', () => {
    if (!leaving.signal.aborted) workers = makeWorkers(redis);
  });

  function endThose(which: (one: Redis) => boolean): void {
    for (const one of connections) if (which(one)) endConnection(one);
  }

  return {
    async close() {
      leaving.abort();
      const closing = Promise.allSettled(workers.map((worker) => worker.close()));
      // BullMQ would wait for ever for the end of a connection between two tries.
      endThose(({ status }) => status !== 'ready');
      await closing;
    },
    end() {
      leaving.abort();
      // First the workers, which would ask on without a connection.
      for (const worker of workers) void worker.close(true).catch(() => undefined);
      endThose(() => true);
    },
  };
}
