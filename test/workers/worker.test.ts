import { Redis } from 'ioredis';
import { makeQueues, makeSweep, queueNames, startWorkers } from '../../src/workers';
import { privateRedis, testPrefix, type PrivateServer } from '../support/servers';
import { until } from '../support/until';
import { makeReleases } from '../ups/testServers';
import { openTestService, type TestService, type Process } from './testService';

let service: TestService;
let redis: PrivateServer;
beforeAll(async () => {
  service = await openTestService('worker');
  redis = await privateRedis();
});
const releases = makeReleases();
afterEach(async () => {
  await releases.run();
  await service.clearFaults();
});
afterAll(async () => {
  await redis.dispose();
  await service.release();
});

/** A process with queues, workers and a sweep of its own on the test's Redis. */
function open(given: { prefix?: string; gate?: object } = {}) {
  const { prefix = testPrefix('worker') } = given;
  const process: Process = service.process({ ...(given.gate && { gate: given.gate }) });
  const { performer, log, store, runtime, lease } = process;
  const { clock } = service;
  const queues = makeQueues({ redisUrl: redis.url, prefix, log, patienceMs: 500 });
  releases.add(() => queues.close());
  const stalls = { lockMs: 2_000, lookMs: 300 };
  const workers = startWorkers({
    advance: async () => undefined,
    performer,
    redisUrl: redis.url,
    prefix,
    clock,
    log,
    stalls,
  });
  releases.add(() => workers.stop());
  const sweep = makeSweep({ store, wake: (id) => runtime.wake(id), performer, queues, lease, clock, log });
  releases.add(() => sweep.stop());
  return { ...process, process, queues, workers, sweep, prefix };
}

const generation = async (id: string) => (await service.load(id)).data.current?.generation;
const isRefreshed = (id: string, to = 2) =>
  until(`${id} is refreshed`, async () => (await generation(id)) === to || undefined);
const tellOf = (queues: ReturnType<typeof makeQueues>, id: string) =>
  until('Redis takes the hint', async () => (await queues.hand([{ id, queue: 'token-refresh', at: 0 }])) || undefined);

async function due(process: Process): Promise<string> {
  const id = await service.connect(process);
  await service.passToUps(id);
  return id;
}

it('starts before Redis does, and works as soon as it is there', async () => {
  await redis.stop();
  const { process, queues } = open();
  const id = await due(process);
  await redis.start();
  await tellOf(queues, id);
  await isRefreshed(id);
});

it('goes on when Redis was killed and came back', async () => {
  const { process, queues } = open();
  const [one, other] = [await due(process), await due(process)];
  await tellOf(queues, one);
  await isRefreshed(one);
  await redis.kill();
  await redis.start();
  await tellOf(queues, other);
  await isRefreshed(other);
});

it('loses nothing to FLUSHALL in the middle: what was in hand is stored, what waited is told again', async () => {
  const { process, queues, sweep } = open();
  const [inHand, waiting] = [await due(process), await due(process)];
  await service.fault('refresh', { do: 'delay', ms: 300 });
  await tellOf(queues, inHand);
  await until('it is sent', async () => (await service.load(inHand)).data.current?.sends.length === 1 || undefined);
  for (const queue of queues.all) await queue.pause();
  await tellOf(queues, waiting);
  const admin = new Redis(redis.url);
  await admin.flushall();
  admin.disconnect();
  await isRefreshed(inHand);
  expect(await generation(waiting)).toBe(1);
  await sweep.tick();
  await isRefreshed(waiting);
  expect(await service.gambles()).toEqual([]);
});

it('stops gracefully: a refresh in hand is finished and stored before stop resolves', async () => {
  const { process, queues, workers, performer } = open();
  const [waiting, id] = [await due(process), await due(process)];
  await service.fault('refresh', { do: 'delay', ms: 400 });
  await tellOf(queues, id);
  await until('it is sent', async () => (await service.load(id)).data.current?.sends.length === 1 || undefined);
  await workers.stop();
  await performer.stop();
  expect(await generation(id)).toBe(2);
  await tellOf(queues, waiting);
  expect(await generation(waiting)).toBe(1);
  expect(await queues.all[1]?.getWaitingCount()).toBe(1);
});

it('stops in seconds although Redis is away, with what was in hand stored', async () => {
  const { process, queues, workers } = open();
  const id = await due(process);
  await service.fault('refresh', { do: 'delay', ms: 400 });
  await tellOf(queues, id);
  await until('it is sent', async () => (await service.load(id)).data.current?.sends.length === 1 || undefined);
  await redis.stop();
  try {
    const started = performance.now();
    await workers.stop();
    expect(performance.now() - started).toBeLessThan(60_000);
    expect(await generation(id)).toBe(2);
  } finally {
    await redis.start();
  }
});

it('stops without a hang while the connections on which BullMQ waits are being tried again', async () => {
  const { workers } = open();
  const admin = new Redis(redis.url);
  const waiting = async (): Promise<string[]> =>
    String(await admin.client('LIST'))
      .split('\n')
      .filter((line) => line.includes('cmd=bzpopmin'))
      .map((line) => /id=(\d+)/.exec(line)?.[1] ?? '');
  const ids = await until('all wait', async () => {
    const found = await waiting();
    return found.length === queueNames.length ? found : undefined;
  });
  await Promise.all(ids.map((id) => admin.client('KILL', 'ID', id)));
  await until('all are gone', async () => (await waiting()).length === 0 || undefined);
  const started = performance.now();
  await workers.stop();
  expect(performance.now() - started).toBeLessThan(60_000);
  admin.disconnect();
});

describe('a Redis that takes no writes', () => {
  let admin: Redis;
  beforeEach(async () => {
    admin = new Redis(redis.url);
  });
  afterEach(async () => {
    await admin.replicaof('NO', 'ONE');
    admin.disconnect();
  });

  async function openRefused() {
    const opened = open();
    const id = await due(opened.process);
    await tellOf(opened.queues, id);
    await isRefreshed(id);
    await admin.replicaof('127.0.0.1', '1');
    const refusals = () => opened.logged.filter(({ fields }) => 'refused' in fields);
    await until('it is refused', () => refusals().length > 0 || undefined);
    return opened;
  }

  it('is left alone, and works again by itself when it takes them', async () => {
    const { process, queues } = await openRefused();
    await admin.replicaof('NO', 'ONE');
    const id = await due(process);
    await tellOf(queues, id);
    await isRefreshed(id);
  });

  it('does not hold up the end', async () => {
    const { workers } = await openRefused();
    await workers.stop();
    const clients = String(await admin.client('LIST')).split('\n');
    expect(clients.filter((line) => line.includes('cmd=bzpopmin'))).toEqual([]);
  });
});

it('a job that BullMQ takes for stalled runs twice at once, and its account is refreshed once', async () => {
  const first = open();
  const next = open({ prefix: first.prefix });
  const id = await due(first.process);
  await service.fault('refresh', { do: 'delay', ms: 2_000 });
  const before = await service.refreshes();
  await tellOf(first.queues, id);
  await until('it is sent', async () => (await service.load(id)).data.current?.sends.length === 1 || undefined);
  const readsBefore = first.counts.reads + next.counts.reads;
  await releaseLock(first.prefix);
  // Whoever takes the job over reads the account while the first one's request is still out.
  await until('it was taken over', () => first.counts.reads + next.counts.reads > readsBefore || undefined);
  expect(await generation(id)).toBe(1);
  await isRefreshed(id);
  expect(await service.refreshes()).toBe(before + 1);
  expect(await service.gambles()).toEqual([]);
});

/** As if its worker had been silent for too long. */
async function releaseLock(prefix: string): Promise<void> {
  const admin = new Redis(redis.url);
  const locks = await admin.keys(`${prefix}:token-refresh:*:lock`);
  expect(locks).toHaveLength(1);
  await admin.del(...locks);
  admin.disconnect();
}

it('a bug fails the job, which is kept for people to look at, and is no reason to stop', async () => {
  const { process, queues, runtime, logged } = open();
  const [broken, fine] = [await due(process), await due(process)];
  const { fire } = runtime;
  runtime.fire = (document, about) =>
    document.id === broken ? Promise.reject(new TypeError('SECRET')) : fire(document, about);
  await tellOf(queues, broken);
  await until('it failed', async () => (await queues.all[1]?.getFailedCount()) === 1 || undefined);
  await tellOf(queues, fine);
  await isRefreshed(fine);
  expect(logged).toContainEqual(
    expect.objectContaining({ fields: { queue: 'token-refresh', accountId: broken, error: 'TypeError' } }),
  );
  expect(JSON.stringify(logged)).not.toContain('SECRET');
});

it('keeps jobs back while the gate is shut, and costs the store nothing meanwhile', async () => {
  const gate = { client: { threshold: 1, openMs: 500, longestOpenMs: 500 } };
  const { process, queues, counts, forgetCounts, gate: itsGate } = open({ gate });
  const [shutter, id] = [await due(process), await due(process)];
  await service.fault('refresh', { do: 'status', status: 401, code: '250002' });
  await tellOf(queues, shutter);
  await until('the gate is shut', () => !itsGate.peek('refresh').ok || undefined);
  forgetCounts();
  await tellOf(queues, id);
  await until('it is taken', async () => (await queues.all[1]?.getActiveCount()) === 1 || undefined);
  expect(counts.reads).toBe(0);
  await isRefreshed(id);
});
