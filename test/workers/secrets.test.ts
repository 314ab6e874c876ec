/**
 * Nothing that was sealed lies anywhere in plain text (invariant 8): not in the store, in Redis or in a log. What was sealed is
 * heard at the vault itself, so no secret is forgotten to be looked for.
 */

import { Redis } from 'ioredis';
import type { mongo } from 'mongoose';
import type { Vault } from '../../src/db/vault';
import { makeQueues } from '../../src/workers';
import { accountData } from '../machines/accountBuilder';
import { testPrefix, testRedis } from '../support/servers';
import { until } from '../support/until';
import { makeReleases } from '../ups/testServers';
import { openTestService, TENANT, type TestService, type Process } from './testService';

let service: TestService;
const releases = makeReleases();
beforeAll(async () => {
  service = await openTestService('secrets');
});
afterAll(async () => {
  await releases.run();
  await service.release();
});

interface Heard {
  vault: Vault;
  secrets: Map<string, string>;
}

function listen(vault: Vault): Heard {
  const secrets = new Map<string, string>();
  return {
    secrets,
    vault: {
      ...vault,
      seal: (secret, about) => {
        secrets.set(secret, `${about.field} ${about.generation}`);
        return vault.seal(secret, about);
      },
    },
  };
}

/** Every document of every collection. */
async function stored(): Promise<string> {
  const collections = Object.values(service.db).filter(
    (one) => typeof one === 'object',
  ) as unknown as mongo.Collection[];
  return JSON.stringify(await Promise.all(collections.map((one) => one.find({}).toArray())));
}

/** Every key of the test's queues, with what is in it. */
async function queued(url: string, prefix: string): Promise<string> {
  const redis = new Redis(url);
  try {
    const keys = await redis.keys(`${prefix}*`);
    const read = async (key: string): Promise<unknown> => {
      const type = await redis.type(key);
      if (type === 'hash') return redis.hgetall(key);
      if (type === 'list') return redis.lrange(key, 0, -1);
      if (type === 'zset') return redis.zrange(key, '0', '-1');
      if (type === 'stream') return redis.xrange(key, '-', '+');
      return redis.get(key);
    };
    return JSON.stringify([keys, await Promise.all(keys.map(read))]);
  } finally {
    redis.disconnect();
  }
}

/** From an imported key over a migration to a rotated grant, so that everything there is to seal was sealed. */
async function live(on: Process): Promise<{ id: string; code: string }> {
  const accessKey = { sealed: null, fingerprint: 'f1', deadlineAt: service.clock.now() + 86_400_000 };
  const birth = {
    id: 'acc_secrets',
    tenantId: TENANT,
    data: accountData('eager', accessKey),
    event: { type: 'IMPORT' },
  };
  await on.runtime.createMany([{ ...birth, secrets: { accessKey: 'licence-user-password-0123456789' } }], {
    actor: 'key:test',
  });
  await service.control('POST', 'profiles', {
    ...{ username: 'secretive', password: 'pass', accounts: [{ accountNumber: 'A1B2C3' }] },
  });
  const { consentId, code } = await service.consent(on, birth.id, 'secretive');
  const event = { type: 'CODE_RECEIVED', consentId } as never;
  const options = { actor: 'merchant', claimBy: on.performer.by };
  const { document, claimed } = await on.runtime.dispatch(birth.id, event, options);
  await on.performer.carry(document, claimed, { code, since: service.clock.monotonic() });
  await service.passToUps(birth.id);
  await on.performer.perform(birth.id);
  await on.runtime.relay.idle();
  return { id: birth.id, code };
}

it('is in no document, job or line of a log', async () => {
  const { vault, secrets } = listen(service.vault);
  const [redisUrl, prefix] = [await testRedis(), testPrefix('secrets')];
  const queues = makeQueues({ redisUrl, prefix, log: service.process().log });
  releases.add(() => queues.close());
  const process = service.process({ vault, queue: queues });
  await until('Redis is there', async () => (await queues.offer([])).reached || undefined);
  const { id, code } = await live(process);
  await queues.hand([{ id, queue: 'token-refresh', at: 0 }]);
  expect((await service.load(id)).data.current?.generation).toBe(2);
  expect(new Set(secrets.values())).toEqual(
    new Set(['accessKey 0', 'verifier 0', 'access 1', 'refresh 1', 'access 2', 'refresh 2']),
  );

  const places = {
    store: await stored(),
    queues: await queued(redisUrl, prefix),
    log: JSON.stringify(process.logged),
  };
  expect(places.store).toContain('xstate.done.actor.refresh');
  expect(places.queues).toContain(id);
  const found = [...secrets.keys(), code].flatMap((secret) =>
    Object.entries(places).flatMap(([place, text]) =>
      text.includes(secret) ? [`${secrets.get(secret) ?? 'code'} in ${place}`] : [],
    ),
  );
  expect(found).toEqual([]);
});
