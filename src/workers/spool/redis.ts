/**
 * The second place in Redis: a hash an account (event id → answer) and an index of the accounts that have one, so that a
 * look costs one command when there is nothing. All keys share a hash tag: a cluster keeps them on one server, and each
 * change is one transaction.
 *
 * Redis is never waited for: a command fails at once while it is away. What it forgets lies on the disk.
 */

import { DAY_MS } from '../../durations';
import { within } from '../../within';
import { DEFAULT_PREFIX } from '../queues';
import { connectRedis, endConnection, makeRedisWatch, type RedisWatch } from '../redis';
import type { WorkLog } from '../work';
import { readSealedAnswer, type SealedAnswer } from './answer';
import type { Found, SecondPlace } from './place';

/** Far above any claim and any outage somebody lets pass; afterwards Redis forgets what nobody came for. */
const KEPT_MS = 7 * DAY_MS;

const CONNECTING_MS = 500;

/** In one step, or an answer put in between would not be listed. */
const REMOVE = `
redis.call('HDEL', KEYS[1], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('ZREM', KEYS[2], ARGV[2]) end`;

export interface RedisPlaceOptions {
  redisUrl: string;
  prefix?: string;
  log: WorkLog;
  /** Of the process; without one, its own. */
  watch?: RedisWatch;
}

export interface RedisPlace extends SecondPlace {
  close(): void;
}

/** What a pipeline brought; rejects for the first that failed. */
function repliesOf(replies: [Error | null, unknown][] | null): unknown[] {
  return (replies ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}

function read(hashes: { accountId: string; entries: Record<string, string> }[]): Found {
  const found: Found = { answers: [], unreadable: [] };
  for (const { accountId, entries } of hashes)
    for (const [eventId, text] of Object.entries(entries)) {
      const answer = readSealedAnswer(text);
      if (typeof answer === 'string') found.unreadable.push(`${accountId}.${eventId}`);
      else found.answers.push(answer);
    }
  return found;
}

/** Needs no Redis to start, but waits for a moment until the connection is there: a look at the start should see something. */
export function makeRedisPlace({ redisUrl, prefix = DEFAULT_PREFIX, log, watch }: RedisPlaceOptions): RedisPlace {
  const redis = connectRedis(redisUrl, {
    who: 'second place',
    watch: watch ?? makeRedisWatch(log),
    redis: { enableOfflineQueue: false, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 },
  });
  const ready = new Promise<void>((resolve) => void redis.once('ready', resolve));
  const started = within(CONNECTING_MS, ready);
  const index = `${prefix}:{answers}`;
  const keyOf = (accountId: string) => `${index}:${accountId}`;

  async function put(answer: SealedAnswer): Promise<void> {
    await started;
    const { accountId, eventId } = answer;
    const expiresAt = Date.now() + KEPT_MS;
    const transaction = redis
      .multi()
      .hset(keyOf(accountId), eventId, JSON.stringify(answer))
      .pexpire(keyOf(accountId), KEPT_MS)
      .zadd(index, String(expiresAt), accountId);
    repliesOf(await transaction.exec());
  }

  async function all(): Promise<Found> {
    await started;
    const accountIds = await redis.zrange(index, '0', '-1');
    if (accountIds.length === 0) return { answers: [], unreadable: [] };
    const pipeline = redis.pipeline();
    pipeline.zremrangebyscore(index, '-inf', String(Date.now()));
    for (const accountId of accountIds) pipeline.hgetall(keyOf(accountId));
    const [, ...hashes] = repliesOf(await pipeline.exec()) as [unknown, ...Record<string, string>[]];
    return read(accountIds.map((accountId, n) => ({ accountId, entries: hashes[n] ?? {} })));
  }

  return {
    name: 'redis',
    put,
    all,
    async remove({ accountId, eventId }) {
      await started;
      await redis.eval(REMOVE, 2, keyOf(accountId), index, eventId, accountId);
    },
    async find(accountId) {
      await started;
      return read([{ accountId, entries: await redis.hgetall(keyOf(accountId)) }]);
    },
    close: () => endConnection(redis),
  };
}
