/** Redis answers and refuses: a login that was changed, rights taken away, a replica, a full memory, data being loaded. */

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

/** The service's own; everything here that mends comes as the default user. */
const USER = 'service';
const PASSWORD = 'chaos-redis-0123';

export interface RefusingRedis {
  /** For the service, with its login. */
  url: string;
  begin(which: Refusal): Promise<void>;
  mend(which: Refusal): Promise<void>;
  /** How many connections of workers wait for jobs. */
  waiting(): Promise<number>;
}

/** One try: a Redis that is away now is back without any of this, for it comes back empty. */
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

/** To be made each time Redis starts: it keeps no users. */
export const makeUser = (url: string): Promise<unknown> =>
  asAdmin(url, (redis) => redis.acl('SETUSER', USER, 'reset', 'on', `>${PASSWORD}`, '~*', '&*', '+@all'));

export const withLogin = (url: string): string => url.replace('redis://', `redis://${USER}:${PASSWORD}@`);

export function makeRefusingRedis(server: RestartableServer, proxy: RedisProxy): RefusingRedis {
  const begins: Record<Refusal, (redis: Redis) => Promise<unknown>> = {
    password: async (redis) => {
      await redis.acl('SETUSER', USER, 'resetpass', '>another');
      // Connections keep the login they began with.
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
