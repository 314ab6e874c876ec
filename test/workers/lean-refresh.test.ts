import { makeQueues, makeSweep, startWorkers, type Queues } from '../../src/workers';
import { testPrefix, testRedis } from '../support/servers';
import { until } from '../support/until';
import { openTestService, type TestService, type Process } from './testService';

/** What a refresh costs, from the sweep to the stored answer: counted, because a million accounts pay it for ever. */
let service: TestService;
let process: Process;
let queues: Queues;
const releases: (() => Promise<void>)[] = [];
let sweep: ReturnType<typeof makeSweep>;
let scheduler: Process;

beforeAll(async () => {
  service = await openTestService('lean');
  const redisUrl = await testRedis();
  const prefix = testPrefix('lean');
  scheduler = service.process();
  queues = makeQueues({ redisUrl, prefix, log: scheduler.log });
  releases.push(() => queues.close());
  process = service.process({ queue: queues });
  const { clock } = service;
  const workers = startWorkers({
    advance: async () => undefined,
    performer: process.performer,
    redisUrl,
    prefix,
    clock,
    log: process.log,
  });
  releases.push(() => workers.stop());
  const { store, runtime, performer, lease, log } = scheduler;
  sweep = makeSweep({ store, wake: (id) => runtime.wake(id), performer, queues, lease, clock, log });
  await until('Redis is there', async () => (await queues.offer([])).reached || undefined);
});
afterAll(async () => {
  for (const release of releases.reverse()) await release();
  await service.release();
});

const jobs = async () => {
  const counts = await Promise.all(
    queues.all.map((queue) => queue.getJobCounts('completed', 'failed', 'waiting', 'active')),
  );
  return counts.reduce((sum, of) => sum + Object.values(of).reduce((a, b) => a + b, 0), 0);
};
const generation = async (id: string) => (await service.load(id)).data.current?.generation;

async function refreshAll(ids: string[], to: number): Promise<void> {
  await sweep.tick();
  await until('all are refreshed', async () => {
    const reached = await Promise.all(ids.map(generation));
    return reached.every((one) => one === to) || undefined;
  });
  await process.runtime.relay.idle();
}

it('one refresh is one job, one read, two writes and two rows of history; only upsAt moves', async () => {
  const id = await service.connect(process);
  await until('nothing waits', async () => (await service.load(id)).outbox.length === 0 || undefined);
  const { wakeAt } = await service.load(id);
  await service.passToUps(id);
  await refreshAll([id], 2);
  await service.passToUps(id);
  const [before, jobsBefore] = [await service.load(id), await jobs()];
  expect(before.wakeAt).toBe(wakeAt);
  process.forgetCounts();
  scheduler.forgetCounts();

  await refreshAll([id], 3);

  expect(process.counts).toMatchObject({ reads: 1, writes: 2, inserts: 0, finds: 0, dues: 0, rows: 2 });
  expect(process.counts.appends).toBeLessThanOrEqual(2);
  expect(scheduler.counts).toMatchObject({ reads: 0, writes: 0, inserts: 0, appends: 0, dues: 2 });
  expect((await jobs()) - jobsBefore).toBe(1);
  const after = await service.load(id);
  expect(after.rev - before.rev).toBe(2);
  expect(after.seq - before.seq).toBe(2);
  // But for the day its refresh token dies on: that moves once a day.
  const { lapsesOn } = after.view;
  expect(after.view).toEqual({ ...before.view, lapsesOn });
  expect({ wakeAt: after.wakeAt, upsQueue: after.upsQueue }).toEqual({ wakeAt, upsQueue: 'token-refresh' });
  expect(after.upsAt).toBeGreaterThan(before.upsAt ?? 0);
  // The rows of this refresh wait for the next one's write to leave the document; those before have left with this one's.
  expect(after.outbox.map(({ row }) => row.seq)).toEqual([after.seq - 1, after.seq]);
});

it('many refreshes share the inserts of their history', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 20; n++) ids.push(await service.connect(process, { username: `many-${n}` }));
  await process.runtime.relay.idle();
  service.pass(3_000_000);
  process.forgetCounts();
  await refreshAll(ids, 2);
  // The account of the test before may be due again as well.
  expect(process.counts.rows).toBeGreaterThanOrEqual(40);
  expect(process.counts.writes).toBe(process.counts.rows);
  expect(process.counts.appends).toBeLessThan(process.counts.rows / 4);
});

it('without anything due a tick is two index reads, however many accounts there are', async () => {
  scheduler.forgetCounts();
  await sweep.tick();
  await sweep.tick();
  expect(scheduler.counts).toMatchObject({ reads: 0, writes: 0, dues: 4 });
});
