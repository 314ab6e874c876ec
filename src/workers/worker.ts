/** Workers on the queues: a job is the word that an account has something due, and the performer does whatever it is. */

import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../durable/types';
import type { Performer } from './performer';
import { CAMPAIGNS, DEFAULT_PREFIX, errorLogger, queueNames, type Job, type QueueName } from './queues';
import { within } from './within';
import { codeOf, nameOf, type WorkLog } from './work';

export interface WorkersOptions {
  performer: Performer;
  /** One step of a campaign. */
  advance: (campaignId: string) => Promise<void>;
  redisUrl: string;
  prefix?: string;
  clock: Clock;
  log: WorkLog;
  concurrency?: Partial<Record<QueueName, number>>;
  /** How long BullMQ lets a worker be silent before it gives its job to another, and how often it looks. */
  stalls?: { lockMs: number; lookMs: number };
}

export interface RunningWorkers {
  /** Takes no new jobs and waits for those in hand. Safe to call twice. */
  stop(): Promise<void>;
}

const CONCURRENCY: Record<QueueName, number> = { authorization: 20, 'token-refresh': 50, [CAMPAIGNS]: 2 };

/** While UPS will not be asked a job waits here, up to so long: the queue fills up and the sweep stops telling of more. */
const GATE_PATIENCE_MS = 5_000;

/** How long closing may take once nothing is in hand; a Redis that is away must not hold up the end of the process. */
const CLOSE_MS = 3_000;
const RETRY_MAX_MS = 1_000;
/** A try at a Redis that is there or not takes so long. */
const GIVE_UP_MS = 200;

export function startWorkers(options: WorkersOptions): RunningWorkers {
  const { performer, clock, log, prefix = DEFAULT_PREFIX } = options;
  const leaving = new AbortController();
  // Every job that waits at the gate listens to it.
  setMaxListeners(0, leaving.signal);
  const working = new Set<Promise<void>>();
  // BullMQ wants its workers' commands to wait for Redis for as long as it is away. Its second connection, on which
  // a worker waits for jobs, takes these options over.
  // When the last of them is tried again, in the time that their own timers go by.
  let triedAgainAt = 0;
  const redis = new Redis(options.redisUrl, {
    maxRetriesPerRequest: null,
    retryStrategy: (n) => {
      if (leaving.signal.aborted) return null;
      const pauseMs = Math.min(50 * n, RETRY_MAX_MS);
      triedAgainAt = Math.max(triedAgainAt, performance.now() + pauseMs);
      return pauseMs;
    },
  });
  const told = errorLogger(log, 'workers');
  redis.on('error', told);

  async function gateOpens(queue: string): Promise<void> {
    const giveUpAt = clock.monotonic() + GATE_PATIENCE_MS;
    for (;;) {
      const gate = performer.peek(queue);
      const leftMs = giveUpAt - clock.monotonic();
      if (gate.ok || leftMs <= 0 || leaving.signal.aborted) return;
      const waitMs = Math.min(leftMs, Math.max(10, gate.retryAt - clock.now()));
      await delay(waitMs, undefined, { signal: leaving.signal }).catch(() => undefined);
    }
  }

  async function process(queue: string, accountId: string): Promise<void> {
    if (queue === CAMPAIGNS) return advance(accountId);
    await gateOpens(queue);
    await performer.perform(accountId);
  }

  /** A store that is away is no bug: the campaign is due still, and told of again. */
  async function advance(campaignId: string): Promise<void> {
    await options.advance(campaignId).catch((error: unknown) => {
      if (codeOf(error) === null) throw error;
      log.info({ campaignId, code: codeOf(error) }, 'A campaign is left alone for now.');
    });
  }

  const workers = queueNames.map((name) => {
    const worker = new Worker<Job>(
      name,
      async ({ data }) => {
        const one = process(name, data.accountId);
        const ended = one.catch(() => undefined).finally(() => working.delete(ended));
        working.add(ended);
        await one;
      },
      {
        connection: redis,
        prefix,
        autorun: false,
        skipVersionCheck: true,
        // After a lost connection; BullMQ's own 15 s would also be waited for at the end.
        runRetryDelay: RETRY_MAX_MS,
        concurrency: options.concurrency?.[name] ?? CONCURRENCY[name],
        ...(options.stalls && { lockDuration: options.stalls.lockMs, stalledInterval: options.stalls.lookMs }),
      },
    );
    worker.on('error', told);
    worker.on('failed', (job, error) => {
      log.error({ queue: name, accountId: job?.data.accountId, error: nameOf(error) }, 'A job failed: this is a bug.');
    });
    worker.run().catch(told);
    return worker;
  });

  let stopped: Promise<void> | null = null;
  async function stop(): Promise<void> {
    leaving.abort();
    // BullMQ would wait for ever for the end of a connection between two tries: let each come back or give up.
    await delay(Math.max(0, triedAgainAt + GIVE_UP_MS - performance.now()));
    const closing = Promise.allSettled(workers.map((worker) => worker.close()));
    while (working.size > 0) await Promise.all(working);
    await within(CLOSE_MS, closing);
    redis.disconnect();
  }
  return { stop: () => (stopped ??= stop()) };
}
