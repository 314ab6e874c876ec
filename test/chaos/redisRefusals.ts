/** Makes Redis refuse commands: changed password, missing permission, replica, full memory, loading data. */

import { Redis } from 'ioredis';
import type { RedisProxy } from '../support/redisProxy';
import type { RestartableServer } from './restartableServer';

export const refusals = ['password', 'permission', 'replica', 'full', 'loading'] as const;
export type Refusal = (typeof refusals)[number];

export const refusalInWords: Record<Refusal, string> = {
  password: 'WRONGPASS: the password was changed',
  permission: 'NOPERM: scripts are forbidden',
  replica: 'READONLY: it became a replica',
  full: 'OOM: its memory is full',
  loading: 'LOADING: it loads its data',
};

/** The user of the service. Faults are injected and repaired as the default user. */
const USER = 'service';
const PASSWORD = 'chaos-redis-0123';

export interface RefusingRedis {
  /** The address for the service, with its login. */
  url: string;
  begin(which: Refusal): Promise<void>;
  mend(which: Refusal): Promise<void>;
  /** How many worker connections wait for jobs. */
  waiting(): Promise<number>;
}

/** Tries once: if Redis is away now it comes back empty, without any of these settings. */
async function asAdmin<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** Redis keeps no users, so this runs after each start. */
export const makeUser = (url: string): Promise<unknown> =>
  asAdmin(url, (redis) => redis.acl('SETUSER', USER, 'reset', 'on', `>${PASSWORD}`, '~*', '&*', '+@all'));

export const withLogin = (url: string): string => url.replace('redis://', `redis://${USER}:${PASSWORD}@`);

export function makeRefusingRedis(server: RestartableServer, proxy: RedisProxy): RefusingRedis {
  const begins: Record<Refusal, (redis: Redis) => Promise<unknown>> = {
    password: async (redis) => {
      await redis.acl('SETUSER', USER, 'resetpass', '>another');
      // Open connections keep the login they began with, so they are closed.
      await redis.client('KILL', 'USER', USER);
    },
    permission: (redis) => redis.acl('SETUSER', USER, '-@scripting'),
    replica: (redis) => redis.replicaof('127.0.0.1', '1'),
    full: (redis) => redis.config('SET', 'maxmemory', '1'),
    loading: async () => proxy.refuse('LOADING Redis is loading the dataset in memory'),
  };
  const mends: Record<Refusal, (redis: Redis) => Promise<unknown>> = {
    password: (redis) => redis.acl('SETUSER', USER, 'resetpass', `>${PASSWORD}`),
    permission: (redis) => redis.acl('SETUSER', USER, '+@all'),
    replica: (redis) => redis.replicaof('NO', 'ONE'),
    full: (redis) => redis.config('SET', 'maxmemory', '0'),
    loading: async () => undefined,
  };
  return {
    url: proxy.url,
    begin: async (which) => void (await asAdmin(server.url, begins[which])),
    async mend(which) {
      if (which === 'loading') proxy.allow();
      if (server.isUp()) await asAdmin(server.url, mends[which]).catch(() => undefined);
    },
    waiting: () =>
      asAdmin(server.url, async (redis) => {
        const clients = String(await redis.client('LIST')).split('\n');
        return clients.filter((line) => line.includes(`user=${USER}`) && line.includes('cmd=bzpopmin')).length;
      }).catch(() => 0),
  };
}
