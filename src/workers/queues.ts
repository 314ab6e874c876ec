/**
 * The queues as producers see them (BullMQ on Redis): hints that an account has something due, nothing more. A job holds
 * an account's id. Redis holds no truth: when it is away or empty, the sweep finds everything again in the store.
 *
 * A fresh job id per hand-over and BullMQ's deduplication by account: while a job of an account waits, telling of it again
 * adds nothing; while one runs, one more is kept for afterwards; a job that is over, however it ended, swallows nothing,
 * so finished ones may stay for people to look at. (A job id made from the account would be swallowed as long as a
 * finished job of that name is kept.)
 */

import { Queue as BullQueue } from 'bullmq';
import type { Queue } from '../durable/types';
import { within } from '../within';
import { connectRedis, endConnection, makeBackoff, makeRedisWatch, refusalOf, type RedisWatch } from './redis';
import { nameOf, type WorkLog } from './work';

/** Of accounts with something due that needs UPS. */
export const upsQueues = ['authorization', 'token-refresh'] as const;
/** Of campaigns that are to be looked at. */
export const CAMPAIGNS = 'access-key-migration';
export const queueNames = [...upsQueues, CAMPAIGNS] as const;
export type QueueName = (typeof queueNames)[number];

export interface Job {
  /** In the queue of campaigns a campaign's id. */
  accountId: string;
}

export interface QueuesOptions {
  redisUrl: string;
  /** Before every key in Redis; no `:`. */
  prefix?: string;
  log: WorkLog;
  /** Of the process; without one, its own. */
  watch?: RedisWatch;
  /** So many jobs may wait in a queue; what is beyond is told again when there is room. */
  waitingMax?: number;
  /** How long Redis may take before it counts as away. */
  patienceMs?: number;
}

export interface Offer {
  /** Redis answered. */
  reached: boolean;
  /** Queues that had no room for all they were offered. */
  full: string[];
}

export interface Queues extends Queue {
  /** As `hand`, and tells which queues are deep enough. Never rejects, never waits longer than `patienceMs`. */
  offer(items: { id: string; queue: string }[]): Promise<Offer>;
  /** For those who look at queues. */
  readonly all: readonly BullQueue<Job>[];
  close(): Promise<void>;
}

export const DEFAULT_PREFIX = 'upslink';
const WAITING_MAX = 5_000;
const PATIENCE_MS = 1_000;
const KEPT = { removeOnComplete: { count: 100 }, removeOnFail: { count: 1_000 } };

/** Needs no Redis to start: it is used as soon as it is there. */
export function makeQueues(options: QueuesOptions): Queues {
  const { log, prefix = DEFAULT_PREFIX, waitingMax = WAITING_MAX, patienceMs = PATIENCE_MS } = options;
  const backoff = makeBackoff();
  let tryAt = -Infinity;
  const redis = connectRedis(options.redisUrl, {
    who: 'producers',
    watch: options.watch ?? makeRedisWatch(log),
    // Without an offline queue a command fails at once while Redis is away, instead of waiting for it.
    redis: { enableOfflineQueue: false },
    // Hints are lost by then: what is due is found by the sweep.
    onRefused: () => {
      if (performance.now() >= tryAt) tryAt = performance.now() + backoff.next();
    },
  });
  const queues = new Map(queueNames.map((name) => [name as string, makeQueue(name)]));

  function makeQueue(name: string): BullQueue<Job> {
    const queue = new BullQueue<Job>(name, {
      connection: redis,
      prefix,
      // Both: with the first alone the queue waits for a version check that a Redis away at the start never answers.
      skipWaitingForReady: true,
      skipVersionCheck: true,
      defaultJobOptions: KEPT,
      streams: { events: { maxLen: 1_000 } },
    });
    queue.on('error', () => undefined); // the connection's own, told by it already
    return queue;
  }

  async function add(queue: BullQueue<Job>, ids: string[]): Promise<boolean> {
    const room = waitingMax - (await queue.getWaitingCount());
    const fitting = ids.slice(0, Math.max(0, room));
    if (fitting.length > 0) await queue.addBulk(fitting.map(jobFor));
    return fitting.length === ids.length;
  }

  async function offer(items: { id: string; queue: string }[]): Promise<Offer> {
    if (redis.status !== 'ready' || performance.now() < tryAt) return { reached: false, full: [] };
    const full: string[] = [];
    const adding = [...queues].map(async ([name, queue]) => {
      const ids = items.filter((item) => item.queue === name).map(({ id }) => id);
      if (ids.length > 0 && !(await add(queue, ids))) full.push(name);
      return true;
    });
    const all = Promise.all(adding).catch((error: unknown) => {
      if (refusalOf(error) === null)
        log.warn({ error: nameOf(error) }, 'Redis did not take jobs; the sweep will tell of them again.');
      return null;
    });
    return { reached: (await within(patienceMs, all)) !== null, full };
  }

  return {
    offer,
    hand: async (items) => (await offer(items)).reached,
    all: [...queues.values()],
    async close() {
      // Not by BullMQ's close, which would wait for a Redis that is away.
      endConnection(redis);
      await Promise.all(
        [...queues.values()].map((queue) =>
          within(
            patienceMs,
            queue.close().catch(() => undefined),
          ),
        ),
      );
    },
  };
}

const jobFor = (id: string) => ({
  name: 'perform',
  data: { accountId: id },
  opts: { deduplication: { id, keepLastIfActive: true } },
});
