import { Worker, type Job as BullJob } from 'bullmq';
import { Redis } from 'ioredis';
import { makeQueues, type Job, type Queues } from '../../src/workers';
import { describeQueue } from '../durable/store.contract';
import { privateRedis, testPrefix, testRedis, type PrivateServer } from '../support/servers';
import { until } from '../support/until';
import { makeReleases } from '../ups/testServers';

const releases = makeReleases();
afterAll(() => releases.run());

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const hint = (id: string, queue = 'token-refresh') => ({ id, queue, at: 0 });

function openQueues(redisUrl: string, prefix: string, more: object = {}): Queues {
  const queues = makeQueues({ redisUrl, prefix, log: silent, ...more });
  releases.add(() => queues.close());
  return queues;
}

const refreshes = (queues: Queues) => {
  const queue = queues.all.find(({ name }) => name === 'token-refresh');
  if (!queue) throw new Error('no queue token-refresh');
  return queue;
};
const reached = (queues: Queues, id: string) =>
  until('Redis takes a job', async () => ((await queues.hand([hint(id)])) ? true : undefined));

/** A worker that does as the test says with each job, and notes whom it was told of. */
function openWorker(redisUrl: string, prefix: string, work: (job: BullJob<Job>) => Promise<void>, more: object = {}) {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  connection.on('error', () => {});
  const seen: string[] = [];
  const worker = new Worker<Job>(
    'token-refresh',
    async (job) => {
      seen.push(job.data.accountId);
      await work(job);
    },
    { connection, prefix, concurrency: 5, ...more },
  );
  worker.on('error', () => {});
  const close = async () => {
    await worker.close(true);
    connection.disconnect();
  };
  releases.add(close);
  return { seen, close };
}

describeQueue('BullMQ', async () => {
  const redis = await privateRedis();
  releases.add(() => redis.dispose());
  const queues = openQueues(redis.url, testPrefix('queues'));
  await reached(queues, 'acc_first');
  const taken = async () => {
    const waiting = await Promise.all(queues.all.map((queue) => queue.getWaiting()));
    await Promise.all(queues.all.map((queue) => queue.drain()));
    return waiting.flat().map(({ data, queueName }) => ({ id: data.accountId, queue: queueName }));
  };
  await taken();
  return { queue: queues, taken, goAway: () => redis.stop(), comeBack: () => redis.start() };
});

describe('a job says whose account, and swallows nothing', () => {
  let url: string;
  beforeAll(async () => {
    url = await testRedis();
  });

  it('holds the id and no more, in the queue of its name', async () => {
    const queues = openQueues(url, testPrefix('queues'));
    await reached(queues, 'acc_a');
    await queues.hand([hint('acc_b', 'authorization'), hint('acc_c', 'no-such-queue')]);
    const [job] = await refreshes(queues).getWaiting();
    expect(job?.data).toEqual({ accountId: 'acc_a' });
    const counts = await Promise.all(queues.all.map((queue) => queue.getWaitingCount()));
    expect(counts).toEqual([1, 1, 0]);
  });

  it('is there once, however often it is told of while it waits', async () => {
    const queues = openQueues(url, testPrefix('queues'));
    for (let n = 0; n < 5; n++) await reached(queues, 'acc_a');
    await queues.hand([hint('acc_a'), hint('acc_a'), hint('acc_b')]);
    expect(await refreshes(queues).getWaitingCount()).toBe(2);
  });

  it('is done again after it completed, and after it failed, while both are kept to be looked at', async () => {
    const prefix = testPrefix('queues');
    const queues = openQueues(url, prefix);
    let fails = false;
    const { seen } = openWorker(url, prefix, async () => {
      if (fails) throw new Error('as the test asked');
    });
    await reached(queues, 'acc_a');
    await until('it completed', async () => (await refreshes(queues).getCompletedCount()) === 1 || undefined);
    fails = true;
    await queues.hand([hint('acc_a')]);
    await until('it failed', async () => (await refreshes(queues).getFailedCount()) === 1 || undefined);
    fails = false;
    await queues.hand([hint('acc_a')]);
    await until('it was done again', () => seen.length === 3 || undefined);
    expect(await refreshes(queues).getFailedCount()).toBe(1);
  });

  it('told of while it runs is done once more afterwards', async () => {
    const prefix = testPrefix('queues');
    const queues = openQueues(url, prefix);
    let finish = () => {};
    const { seen } = openWorker(url, prefix, () => new Promise((resolve) => (finish = resolve)));
    await reached(queues, 'acc_a');
    await until('it runs', () => seen.length === 1 || undefined);
    for (let n = 0; n < 3; n++) await queues.hand([hint('acc_a')]);
    expect(seen).toEqual(['acc_a']);
    finish();
    await until('it runs once more', () => seen.length === 2 || undefined);
    finish();
    await until('all is done', async () => (await refreshes(queues).getCompletedCount()) === 2 || undefined);
    expect(await refreshes(queues).getJobCountByTypes('waiting', 'active', 'delayed')).toBe(0);
  });

  it('whose worker died, and that was given up as stalled, is done again when told of', async () => {
    const prefix = testPrefix('queues');
    const queues = openQueues(url, prefix);
    const stalls = { lockDuration: 150, stalledInterval: 100, maxStalledCount: 0 };
    await reached(queues, 'acc_a');
    const dying = openWorker(url, prefix, () => new Promise(() => {}), { ...stalls, skipLockRenewal: true });
    await until('it runs', () => dying.seen.length === 1 || undefined);
    await dying.close();
    const next = openWorker(url, prefix, async () => {}, stalls);
    await until('it stalled out', async () => (await refreshes(queues).getFailedCount()) === 1 || undefined);
    const [failed] = await refreshes(queues).getFailed();
    expect(failed?.failedReason).toMatch(/stalled/);
    const before = next.seen.length;
    await queues.hand([hint('acc_a')]);
    await until('it is done again', () => next.seen.length === before + 1 || undefined);
  });

  it('is not taken when so many wait that more would only cost memory, and the caller is told', async () => {
    const queues = openQueues(url, testPrefix('queues'), { waitingMax: 3 });
    await reached(queues, 'acc_0');
    const items = ['acc_1', 'acc_2', 'acc_3', 'acc_4'].map((id) => hint(id));
    expect(await queues.offer([...items, hint('acc_9', 'authorization')])).toEqual({
      reached: true,
      full: ['token-refresh'],
    });
    expect(await queues.hand([hint('acc_5')])).toBe(true);
    expect(await refreshes(queues).getWaitingCount()).toBe(3);
    expect(await queues.all[0]?.getWaitingCount()).toBe(1);
  });

  it('keeps a bounded number of those that failed', async () => {
    const queues = openQueues(url, testPrefix('queues'));
    expect(refreshes(queues).defaultJobOptions).toMatchObject({
      removeOnFail: { count: expect.any(Number) as number },
      removeOnComplete: { count: expect.any(Number) as number },
    });
  });
});

describe('Redis may go at any moment', () => {
  let redis: PrivateServer;
  beforeAll(async () => {
    redis = await privateRedis();
  });
  afterAll(() => redis.dispose());

  const quick = async <T>(work: Promise<T>): Promise<T> => {
    const started = performance.now();
    const answer = await work;
    expect(performance.now() - started).toBeLessThan(20_000);
    return answer;
  };

  it('is not there yet: a hint is refused at once, and taken when it comes', async () => {
    await redis.stop();
    const queues = openQueues(redis.url, testPrefix('queues'));
    expect(await quick(queues.hand([hint('acc_a')]))).toBe(false);
    await redis.start();
    await reached(queues, 'acc_a');
    expect(await refreshes(queues).getWaitingCount()).toBe(1);
  });

  it('is killed and started again: the same queues go on', async () => {
    const queues = openQueues(redis.url, testPrefix('queues'));
    await reached(queues, 'acc_a');
    await redis.kill();
    await until('it is missed', async () => !(await quick(queues.hand([hint('acc_b')]))) || undefined);
    await redis.start();
    await reached(queues, 'acc_b');
  });

  it('is emptied: nothing remembers a job that is gone', async () => {
    const prefix = testPrefix('queues');
    const queues = openQueues(redis.url, prefix);
    await reached(queues, 'acc_a');
    const { seen } = openWorker(redis.url, prefix, async () => {});
    await until('it was done', () => seen.length === 1 || undefined);
    await refreshes(queues).pause();
    await queues.hand([hint('acc_b')]);
    const admin = new Redis(redis.url);
    await admin.flushall();
    admin.disconnect();
    expect(await queues.hand([hint('acc_b'), hint('acc_a')])).toBe(true);
    await until('both were done', () => seen.length === 3 || undefined);
  });

  it('hangs: nobody waits longer than the patience for it', async () => {
    const queues = openQueues(redis.url, testPrefix('queues'), { patienceMs: 200 });
    await reached(queues, 'acc_a');
    const admin = new Redis(redis.url);
    const pid = /process_id:(\d+)/.exec(await admin.info('server'))?.[1] ?? '';
    admin.disconnect();
    process.kill(Number(pid), 'SIGSTOP');
    try {
      expect(await quick(queues.hand([hint('acc_b')]))).toBe(false);
      await quick(queues.close());
    } finally {
      process.kill(Number(pid), 'SIGCONT');
    }
  });
});
