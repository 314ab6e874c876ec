/**
 * Every connection to Redis is made here, by one policy:
 *
 * 1. A Redis that is away is tried again about once a second; one that answers and refuses after 0.5 s, 1 s, … 30 s.
 * 2. A connection never works in another database than the one REDIS_URL names: when SELECT is refused, it is not used.
 * 3. Every answer is seen here, also to commands that BullMQ sent: what is refused is told to the watch.
 * 4. A connection between two tries can be ended at once.
 */

import { createHash } from 'node:crypto';
import { Redis, type Command, type RedisOptions } from 'ioredis';
import { makeBackoff } from './backoff';
import type { Refusal } from './refusal';
import type { RedisWatch } from './watch';

/** What its users may say of a connection. */
type Own = Pick<
  RedisOptions,
  | 'enableOfflineQueue'
  | 'autoResendUnfulfilledCommands'
  | 'maxRetriesPerRequest'
  | 'lazyConnect'
  | 'connectTimeout'
  | 'commandTimeout'
  | 'connectionName'
>;

export interface ConnectionOptions {
  /** For the log. */
  who: string;
  watch: RedisWatch;
  redis?: Own;
  /** Told of every refusal on this connection and on its duplicates. */
  onRefused?: (refusal: Refusal) => void;
  /** Told of every duplicate that a library makes. */
  onDuplicate?: (redis: Redis) => void;
  /** No further tries. */
  signal?: AbortSignal;
}

const AWAY_LONGEST_MS = 1_000;
/** Commands by which a connection begins; refused, they mean that there is none. */
const HANDSHAKE = new Set(['hello', 'auth', 'select']);
/** What another connection may be spared: the name leads to another server by now, or the login is taken again. */
const WORTH_A_NEW_ONE = new Set(['READONLY', 'NOAUTH', 'MASTERDOWN']);

export function connectRedis(url: string, options: ConnectionOptions): Redis {
  const { who, watch, onRefused, signal } = options;
  const backoff = makeBackoff();
  const renewal = makeBackoff();
  let renewAt = -Infinity;
  let wasRefused = false;

  const redis = new Redis(url, {
    ...options.redis,
    // Whatever a command is answered says more than INFO would, which a login may also be refused.
    enableReadyCheck: false,
    disableClientInfo: true,
    retryStrategy: (times) => {
      if (signal?.aborted) return null;
      return wasRefused ? backoff.next() : Math.min(50 * times, AWAY_LONGEST_MS);
    },
    reconnectOnError: (error) => {
      if (!WORTH_A_NEW_ONE.has(error.message.split(' ', 1)[0] ?? '') || performance.now() < renewAt) return false;
      renewAt = performance.now() + renewal.next();
      return true;
    },
  });

  function failed(error: Error, key?: string): void {
    const refusal = watch.failed(who, error, key);
    wasRefused = refusal !== null && key === undefined;
    if (refusal) onRefused?.(refusal);
  }

  function seen(command: Command): void {
    const isHandshake = HANDSHAKE.has(command.name);
    const sentAt = performance.now();
    void command.promise.then(
      () => {
        if (!isHandshake) watch.worked(who, () => keyOf(command), sentAt);
      },
      (error: unknown) => {
        if (!(error instanceof Error) || error.name !== 'ReplyError') return;
        failed(error, isHandshake ? undefined : keyOf(command));
        // The client would go on in database 0.
        if (command.name === 'select') redis.disconnect(true);
      },
    );
  }

  const known = new WeakSet<Command>();
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, stream) => {
    if (!known.has(command)) seen(command);
    known.add(command);
    return send(command, stream);
  };
  redis.duplicate = (override) => {
    const twin = connectRedis(url, { ...options, redis: { ...options.redis, ...override } });
    options.onDuplicate?.(twin);
    return twin;
  };
  redis.on('error', (error: Error) => {
    // Of commands it was heard already.
    if (error.name !== 'ReplyError') failed(error);
  });
  redis.on('ready', () => {
    wasRefused = false;
    watch.connected(who);
  });
  return redis;
}

/** A script is the same whether it is sent whole or by its hash. */
function keyOf({ name, args }: Command): string {
  const [first] = args;
  if (name === 'evalsha') return `script ${String(first)}`;
  if (name === 'eval') return `script ${createHash('sha1').update(String(first)).digest('hex')}`;
  return name;
}

/** At once, also between two tries: there `disconnect` alone would never emit `end`, which BullMQ waits for. */
export function endConnection(redis: Redis): void {
  if (redis.status === 'end') return;
  const waits = redis.status === 'reconnecting';
  redis.disconnect();
  if (!waits) return;
  redis.connect().catch(() => undefined);
  redis.disconnect();
}
