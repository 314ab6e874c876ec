/** Workers on the queues: a job is the word that an account has something due, and the performer does whatever it is. */

import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../durable/types';
import { within } from '../within';
import type { Performer } from './performer';
import { CAMPAIGNS, DEFAULT_PREFIX, queueNames, type Job, type QueueName } from './queues';
import { makeRedisWatch, type RedisWatch } from './redis';
import { startShifts } from './shifts';
import { codeOf, nameOf, type WorkLog } from './work';

export interface WorkersOptions {
  performer: Performer;
  /** One step of a campaign. */
  advance: (campaignId: string) => Promise<void>;
  redisUrl: string;
  prefix?: string;
  clock: Clock;
  log: WorkLog;
  /** Of the process; without one, its own. */
  watch?: RedisWatch;
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

/** How long closing may take once nothing is in hand; Redis must not hold up the end of the process. */
const CLOSE_MS = 3_000;
/** After a lost connection; BullMQ's own 15 s would also be waited for at the end. */
const RETRY_MS = 1_000;

export function startWorkers(options: WorkersOptions): RunningWorkers {
  const { performer, clock, log, prefix = DEFAULT_PREFIX } = options;
  const leaving = new AbortController();
  // Every job that waits at the gate listens to it.
  setMaxListeners(0, leaving.signal);
  const working = new Set<Promise<void>>();
  const watch = options.watch ?? makeRedisWatch(log);

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

  function makeWorker(name: QueueName, connection: Redis): Worker<Job> {
    const worker = new Worker<Job>(
      name,
      async ({ data }) => {
        const one = process(name, data.accountId);
        const ended = one.catch(() => undefined).finally(() => working.delete(ended));
        working.add(ended);
        await one;
      },
      {
        connection,
        prefix,
        autorun: false,
        skipVersionCheck: true,
        runRetryDelay: RETRY_MS,
        concurrency: options.concurrency?.[name] ?? CONCURRENCY[name],
        ...(options.stalls && { lockDuration: options.stalls.lockMs, stalledInterval: options.stalls.lookMs }),
      },
    );
    worker.on('error', () => undefined); // the connections' own, told by them already
    worker.on('failed', (job, error) => {
      log.error({ queue: name, accountId: job?.data.accountId, error: nameOf(error) }, 'A job failed: this is a bug.');
    });
    worker.run().catch(() => undefined);
    return worker;
  }

  const shifts = startShifts({
    redisUrl: options.redisUrl,
    watch,
    makeWorkers: (connection) => queueNames.map((name) => makeWorker(name, connection)),
  });

  let stopped: Promise<void> | null = null;
  async function stop(): Promise<void> {
    leaving.abort();
    const closing = shifts.stop();
    while (working.size > 0) await Promise.all(working);
    await within(CLOSE_MS, closing);
    shifts.end();
  }
  return { stop: () => (stopped ??= stop()) };
}
