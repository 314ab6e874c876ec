/** One try at Redis, for the start and for the doctor: does it answer, and does it take us. */

import { within } from '../../within';
import { endConnection, connectRedis } from './connection';
import type { Refusal } from './refusal';
import { makeRedisWatch } from './watch';

const PATIENCE_MS = 3_000;
const silent = { info: () => undefined, warn: () => undefined };

export type Asked = { kind: 'answer'; text: string } | { kind: 'refused'; refusal: Refusal } | { kind: 'away' };

/** What `command` is answered. Never rejects. */
export async function askRedis(url: string, command: 'info' | 'ping'): Promise<Asked> {
  const refusals: Refusal[] = [];
  const redis = connectRedis(url, {
    who: 'one try',
    watch: makeRedisWatch(silent),
    redis: { lazyConnect: true, connectTimeout: PATIENCE_MS, commandTimeout: PATIENCE_MS, maxRetriesPerRequest: 0 },
    onRefused: (refusal) => void refusals.push(refusal),
    signal: AbortSignal.abort(),
  });
  try {
    const asked = redis.connect().then(() => redis[command]());
    const text = await within(
      PATIENCE_MS,
      asked.catch(() => null),
    );
    const [refusal] = refusals;
    if (refusal) return { kind: 'refused', refusal };
    return text === null ? { kind: 'away' } : { kind: 'answer', text };
  } finally {
    endConnection(redis);
  }
}

/** Redis will never take this login, or has no such database: only REDIS_URL can be mended. */
export class RedisRefused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.sentence);
  }
}

/** A Redis that is away, or that refuses for now, is no reason not to start: it holds no truth. */
export async function assertTakesUs(url: string): Promise<void> {
  const asked = await askRedis(url, 'ping');
  if (asked.kind === 'refused' && asked.refusal.isOfLogin) throw new RedisRefused(asked.refusal);
}
