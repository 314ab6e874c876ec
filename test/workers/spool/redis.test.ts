import { Redis } from 'ioredis';
import { makeRedisPlace, type RedisPlace } from '../../../src/workers/spool/redis';
import { privateRedis, testPrefix, type PrivateServer } from '../../support/servers';
import { until } from '../../support/until';
import { aSealedAnswer } from './samples';

let server: PrivateServer;
let admin: Redis;
let place: RedisPlace;
let prefix: string;
const log = { info: () => {}, warn: () => {}, error: () => {} };

beforeAll(async () => {
  server = await privateRedis();
});
beforeEach(async () => {
  prefix = testPrefix('spool');
  place = makeRedisPlace({ redisUrl: server.url, prefix, log });
  admin = new Redis(server.url);
  await isThere(place);
});
afterEach(() => {
  place.close();
  admin.disconnect();
});
afterAll(() => server.dispose());

const isThere = (one: RedisPlace) =>
  until('Redis is there', () =>
    one.all().then(
      () => true,
      () => undefined,
    ),
  );
const byId = (a: { eventId: string }, b: { eventId: string }) => (a.eventId < b.eventId ? -1 : 1);
const keys = async () => (await admin.keys(`${prefix}:*`)).sort();

it('keeps answers, finds those of an account, and leaves no key behind when they are taken out', async () => {
  const [mine, next, other] = [aSealedAnswer(), aSealedAnswer(), aSealedAnswer({ accountId: 'acc_two' })];
  for (const answer of [mine, next, other, mine]) await place.put(answer);
  expect((await place.find('acc_one')).answers.sort(byId)).toEqual([mine, next].sort(byId));
  expect((await place.all()).answers.sort(byId)).toEqual([mine, next, other].sort(byId));
  await place.remove(mine);
  await place.remove(mine);
  expect((await place.all()).answers.sort(byId)).toEqual([next, other].sort(byId));
  await place.remove(next);
  await place.remove(other);
  expect(await keys()).toEqual([]);
});

it('keeps them for days, not for ever', async () => {
  await place.put(aSealedAnswer());
  const ttlMs = await admin.pttl(`${prefix}:{answers}:acc_one`);
  expect(ttlMs).toBeGreaterThan(86_400_000);
  expect(ttlMs).toBeLessThanOrEqual(7 * 86_400_000);
});

it('forgets the account of an answer that Redis forgot', async () => {
  await place.put(aSealedAnswer());
  await admin.del(`${prefix}:{answers}:acc_one`);
  await admin.zadd(`${prefix}:{answers}`, '1', 'acc_one');
  expect((await place.all()).answers).toEqual([]);
  expect(await keys()).toEqual([]);
});

it('is one command when there is nothing', async () => {
  const seen: string[] = [];
  const monitor = await admin.monitor();
  monitor.on('monitor', (_time: string, [command = '', key = '']: string[]) => {
    if (key.startsWith(prefix)) seen.push(command.toLowerCase());
  });
  expect(await place.all()).toEqual({ answers: [], unreadable: [] });
  await until('it was seen', () => seen.length > 0);
  monitor.disconnect();
  expect(seen).toEqual(['zrange']);
});

it('names what it cannot read, and leaves it', async () => {
  const answer = aSealedAnswer();
  await place.put(answer);
  await admin.hset(`${prefix}:{answers}:acc_one`, 'older', JSON.stringify({ ...answer, format: 0 }));
  expect(await place.all()).toEqual({ answers: [answer], unreadable: ['acc_one.older'] });
  expect(await place.find('acc_one')).toEqual({ answers: [answer], unreadable: ['acc_one.older'] });
  expect(await place.find('acc_two')).toEqual({ answers: [], unreadable: [] });
  expect(await admin.hlen(`${prefix}:{answers}:acc_one`)).toBe(2);
});

it('fails at once while Redis is away, and works when it is back on what it had', async () => {
  const [before, after] = [aSealedAnswer(), aSealedAnswer()];
  await place.put(before);
  await admin.call('WAITAOF', '1', '0', '2000').catch(() => undefined);
  await server.kill();
  await until('it is noticed', () =>
    place.all().then(
      () => undefined,
      () => true,
    ),
  );
  const started = performance.now();
  await expect(place.put(after)).rejects.toThrow();
  await expect(place.find('acc_one')).rejects.toThrow();
  await expect(place.remove(before)).rejects.toThrow();
  expect(performance.now() - started).toBeLessThan(20_000);
  await server.start();
  await isThere(place);
  await place.put(after);
  expect((await place.find('acc_one')).answers.map(({ eventId }) => eventId)).toContain(after.eventId);
});

it('is emptied by FLUSHALL without an error', async () => {
  const answer = aSealedAnswer();
  await place.put(answer);
  await admin.flushall();
  expect(await place.all()).toEqual({ answers: [], unreadable: [] });
  await place.remove(answer);
});
