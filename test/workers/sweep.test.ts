import { makeQueues, makeSweep, startSweep, type Queues, type Sweep, type SweepParts } from '../../src/workers';
import { privateRedis, testPrefix, testRedis, type PrivateServer } from '../support/servers';
import { until } from '../support/until';
import { makeReleases } from '../ups/testServers';
import { openTestService, standing, type TestService, type Process } from './testService';

let service: TestService;
let redisUrl: string;
beforeAll(async () => {
  service = await openTestService('sweep');
  redisUrl = await testRedis();
});
/** A slow store on a busy machine would not answer for many in time. */
const BATCH = 50;

async function clear(): Promise<void> {
  const found = await service.db.accounts.find({}, { projection: { _id: 1 } }).toArray();
  for (let from = 0; from < found.length; from += BATCH)
    await service.db.accounts.deleteMany({ _id: { $in: found.slice(from, from + BATCH).map(({ _id }) => _id) } });
}

const releases = makeReleases();
afterEach(async () => {
  await releases.run();
  await clear();
});
afterAll(() => service.release());

interface Scheduler extends Process {
  sweep: Sweep;
  queues: Queues;
}

async function open(given: Partial<SweepParts> & { waitingMax?: number; url?: string } = {}): Promise<Scheduler> {
  const { waitingMax, url = redisUrl, ...more } = given;
  const process = service.process();
  const prefix = testPrefix('sweep');
  const limits = { patienceMs: 500, ...(waitingMax !== undefined && { waitingMax }) };
  const queues = makeQueues({ redisUrl: url, prefix, log: process.log, ...limits });
  releases.add(() => queues.close());
  if (url === redisUrl) await until('Redis is there', async () => (await queues.offer([])).reached || undefined);
  const sweep = makeSweep({ ...partsOf(process, queues), ...more });
  releases.add(() => sweep.stop());
  return { ...process, sweep, queues };
}

function partsOf({ store, runtime, performer, lease, log }: Process, queues: Queues): SweepParts {
  return { store, wake: (id) => runtime.wake(id), performer, queues, lease, clock: service.clock, log };
}

const waitingIn = async (queues: Queues, name: string): Promise<string[]> => {
  const jobs = await queues.all.find((queue) => queue.name === name)?.getWaiting();
  return (jobs ?? []).map(({ data }) => data.accountId).sort();
};

/** Accounts like a connected one, due as said. Their secrets open for nobody: nothing here opens them. */
async function storeDueAccounts(
  on: Process,
  about: { count: number; queue: string; name?: string; upsAt?: number },
): Promise<string[]> {
  const model = await service.db.accounts.findOne({ _id: await service.connect(on) });
  if (!model) throw new Error('there is no model');
  await service.db.accounts.deleteOne({ _id: model._id });
  const { count, queue, name = 'due', upsAt = service.clock.now() - 1_000 } = about;
  const ids = Array.from({ length: count }, (_, n) => `acc_${name}_${String(n).padStart(4, '0')}`);
  const documents = ids.map((_id, n) => ({ ...model, _id, upsAt: upsAt + Math.floor(n / 7), upsQueue: queue }));
  for (let from = 0; from < count; from += BATCH)
    await service.db.accounts.insertMany(documents.slice(from, from + BATCH));
  return ids;
}

describe('a tick', () => {
  it('lets a consent lapse, in this process and without Redis', async () => {
    const scheduler = await open();
    const id = await service.create(scheduler);
    await service.control('POST', 'profiles', { username: 'lapse', password: 'pass', accounts: [] });
    await service.consent(scheduler, id, 'lapse');
    await scheduler.runtime.relay.idle();
    await scheduler.sweep.tick();
    expect(standing(await service.load(id))).toBe('pending-authorization');
    service.pass(1_800_001);
    await scheduler.sweep.tick();
    expect(standing(await service.load(id))).toBe('created');
    expect((await service.load(id)).data.links.at(-1)).toMatchObject({ outcome: 'lapsed' });
  });

  it('relays what the process that wrote it could not', async () => {
    const scheduler = await open();
    const crashed = service.process();
    crashed.store.appendHistory = () => Promise.reject(new Error('it crashed'));
    const id = await service.create(crashed);
    await crashed.runtime.relay.idle();
    expect(await service.history(id)).toEqual([]);
    service.pass(2_001);
    await scheduler.sweep.tick();
    expect(await service.history(id)).toMatchObject([{ seq: 1 }]);
    expect(await service.load(id)).toMatchObject({ outbox: [], wakeAt: null });
  });

  it('pages through the whole backlog, tells each account to its own queue, and writes nothing', async () => {
    const scheduler = await open({ pageSize: 10 });
    const refreshes = await storeDueAccounts(scheduler, { count: 47, queue: 'token-refresh', name: 'r' });
    const checks = await storeDueAccounts(scheduler, { count: 23, queue: 'authorization', name: 'a' });
    scheduler.forgetCounts();
    await scheduler.sweep.tick();
    expect(await waitingIn(scheduler.queues, 'token-refresh')).toEqual(refreshes);
    expect(await waitingIn(scheduler.queues, 'authorization')).toEqual(checks);
    expect(scheduler.counts).toMatchObject({ reads: 0, writes: 0, dues: 1 + 8 });
  });

  it('says nothing twice in a row, and says it again after a while: Redis may have forgotten', async () => {
    const scheduler = await open();
    await storeDueAccounts(scheduler, { count: 5, queue: 'token-refresh' });
    const offered: number[] = [];
    const { offer } = scheduler.queues;
    scheduler.queues.offer = (items) => (offered.push(items.length), offer(items));
    await scheduler.sweep.tick();
    for (const queue of scheduler.queues.all) await queue.obliterate({ force: true });
    await scheduler.sweep.tick();
    expect(offered).toEqual([5]);
    service.pass(5_001);
    await scheduler.sweep.tick();
    expect(offered).toEqual([5, 5]);
    expect(await waitingIn(scheduler.queues, 'token-refresh')).toHaveLength(5);
  });

  it('tells no more than a queue is to hold, and what the other queue waits for all the same', async () => {
    const scheduler = await open({ pageSize: 10, waitingMax: 20 });
    const refreshes = await storeDueAccounts(scheduler, { count: 60, queue: 'token-refresh', name: 'r' });
    const later = service.clock.now() - 100;
    const checks = await storeDueAccounts(scheduler, { count: 5, queue: 'authorization', name: 'a', upsAt: later });
    await scheduler.sweep.tick();
    expect(await waitingIn(scheduler.queues, 'token-refresh')).toEqual(refreshes.slice(0, 20));
    expect(await waitingIn(scheduler.queues, 'authorization')).toEqual(checks);
    for (const queue of scheduler.queues.all) await queue.obliterate({ force: true });
    await scheduler.sweep.tick();
    expect(await waitingIn(scheduler.queues, 'token-refresh')).toEqual(refreshes.slice(20, 40));
  });

  it('looks through so many pages for the other queues once one is full, and leaves what is younger for later', async () => {
    const scheduler = await open({ waitingMax: 1, pageSize: 2 });
    await storeDueAccounts(scheduler, { count: 100, queue: 'token-refresh', name: 'many' });
    scheduler.forgetCounts();
    await scheduler.sweep.tick();
    // One look for what needs no UPS, the page that fills the queue, twenty behind it, and the one that is too many.
    expect(scheduler.counts.dues).toBe(1 + 1 + 20 + 1);
    expect(await waitingIn(scheduler.queues, 'token-refresh')).toEqual(['acc_many_0000']);
  });

  it('costs two index reads when nothing is due, however many accounts there are', async () => {
    const scheduler = await open();
    for (const count of [10, 500]) {
      await clear();
      await storeDueAccounts(scheduler, { count, queue: 'token-refresh', upsAt: service.clock.now() + 3_600_000 });
      scheduler.forgetCounts();
      await scheduler.sweep.tick();
      expect(scheduler.counts).toMatchObject({ reads: 0, writes: 0, finds: 0, dues: 2 });
    }
  });

  it('is not kept from the others by an account that cannot be helped, and does not try it all the time', async () => {
    const asked: string[] = [];
    const scheduler = await open({
      wake: async (id) => {
        asked.push(id);
        if (id.endsWith('0000')) throw new TypeError('SECRET');
      },
    });
    const ids = await storeDueAccounts(scheduler, {
      count: 5,
      queue: 'token-refresh',
      upsAt: service.clock.now() + 3_600_000,
    });
    await service.db.accounts.updateMany({}, { $set: { wakeAt: service.clock.now() - 1 } });
    await scheduler.sweep.tick();
    await scheduler.sweep.tick();
    expect([...asked].sort()).toEqual(ids);
    expect(JSON.stringify(scheduler.logged)).toContain(ids[0]);
    expect(JSON.stringify(scheduler.logged)).not.toContain('SECRET');
  });

  it('ends quietly when the store is away, and the next one finds everything', async () => {
    const scheduler = await open();
    await storeDueAccounts(scheduler, { count: 3, queue: 'token-refresh' });
    scheduler.setAway(true);
    await scheduler.sweep.tick();
    expect(await waitingIn(scheduler.queues, 'token-refresh')).toEqual([]);
    scheduler.setAway(false);
    await scheduler.sweep.tick();
    expect(await waitingIn(scheduler.queues, 'token-refresh')).toHaveLength(3);
  });
});

describe('without Redis', () => {
  let redis: PrivateServer;
  beforeAll(async () => {
    redis = await privateRedis();
    await redis.stop();
  });
  afterAll(() => redis.dispose());

  it('the sweep performs what is due itself', async () => {
    const scheduler = await open({ url: redis.url });
    const ids = [];
    for (let n = 0; n < 3; n++) ids.push(await service.connect(scheduler));
    service.pass(3_000_000);
    await scheduler.sweep.tick();
    for (const id of ids) expect((await service.load(id)).data.current?.generation).toBe(2);
    expect(await service.gambles()).toEqual([]);
  });

  it('it performs a few at a time, a bounded number in a tick, and goes on in the next', async () => {
    let [now, most] = [0, 0];
    const seen = new Set<string>();
    const perform = async (id: string) => {
      most = Math.max(most, ++now);
      seen.add(id);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
    };
    const performer = { perform, peek: () => ({ ok: true as const }) };
    const scheduler = await open({ url: redis.url, performer, concurrency: 4, pageSize: 300 });
    await storeDueAccounts(scheduler, { count: 700, queue: 'token-refresh' });
    await scheduler.sweep.tick();
    expect(seen.size).toBe(600);
    expect(most).toBe(4);
    await scheduler.sweep.tick();
    expect(seen.size).toBe(700);
  });

  it('nobody is performed while the gate to UPS is shut', async () => {
    const perform = () => Promise.reject(new Error('the gate is shut'));
    const performer = { perform, peek: () => ({ ok: false as const, retryAt: 0 }) };
    const scheduler = await open({ url: redis.url, performer });
    await storeDueAccounts(scheduler, { count: 5, queue: 'token-refresh' });
    await scheduler.sweep.tick();
    expect(scheduler.logged.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('many schedulers', () => {
  it('sweep one at a time, by the lease; another takes over when it is released, and when it runs out', async () => {
    const [one, other, third] = [await open(), await open(), await open()];
    await one.sweep.tick();
    await other.sweep.tick();
    expect([one.counts.dues, other.counts.dues]).toEqual([2, 0]);
    await one.sweep.stop();
    await other.sweep.tick();
    expect(other.counts.dues).toBe(2);
    await third.sweep.tick();
    expect(third.counts.dues).toBe(0);
    service.pass(10_001);
    await third.sweep.tick();
    expect(third.counts.dues).toBe(2);
  });

  it('whoever lost the lease stops in the middle of a page', async () => {
    const woken: string[] = [];
    const thief = service.process();
    const wake = async (id: string) => {
      woken.push(id);
      if (woken.length !== 3) return;
      service.pass(10_001);
      expect(await thief.lease.acquire(10_000)).toBe(true);
    };
    const scheduler = await open({ wake, concurrency: 1 });
    await storeDueAccounts(scheduler, { count: 20, queue: 'token-refresh', upsAt: service.clock.now() + 3_600_000 });
    await service.db.accounts.updateMany({}, { $set: { wakeAt: service.clock.now() - 1 } });
    await scheduler.sweep.tick();
    expect(woken).toHaveLength(3);
    await thief.lease.release();
  });

  it('holds its lease through a page that takes longer than a lease', async () => {
    const rival = service.process();
    const taken: boolean[] = [];
    const wake = async () => {
      service.pass(4_000);
      taken.push(await rival.lease.acquire(10_000));
    };
    const scheduler = await open({ wake, concurrency: 1 });
    await storeDueAccounts(scheduler, { count: 6, queue: 'token-refresh', upsAt: service.clock.now() + 3_600_000 });
    await service.db.accounts.updateMany({}, { $set: { wakeAt: service.clock.now() - 1 } });
    await scheduler.sweep.tick();
    expect(taken).toEqual([false, false, false, false, false, false]);
  });
});

it('ticks on its own until it is stopped, and lets another have the lease then', async () => {
  const scheduler = await open();
  const running = startSweep({ ...partsOf(scheduler, scheduler.queues), intervalMs: 5 });
  await until('it ticked thrice', () => scheduler.counts.dues >= 6 || undefined);
  await running.stop();
  expect(await service.process().lease.acquire(1)).toBe(true);
});
