/** Campaigns on real queues: whatever becomes of Redis, or of the processes, a campaign comes to its end. */

import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { tellDueCampaigns } from '../../src/campaigns/schedule';
import { acquireLease } from '../../src/db/lease';
import { makeQueues, startLoop, startWorkers, type Performer } from '../../src/workers';
import type { TestApi } from '../api/testApi';
import { privateRedis, testPrefix, type PrivateServer } from '../support/servers';
import { until } from '../support/until';
import { makeReleases } from '../ups/testServers';
import { openCampaignSetup, type CampaignSetup } from './campaignSetup';

let setup: CampaignSetup;
let api: TestApi;
let redis: PrivateServer;
beforeAll(async () => {
  setup = await openCampaignSetup('campaigns-queue');
  api = setup.api;
  redis = await privateRedis();
});
const releases = makeReleases();
afterEach(() => releases.run());
afterAll(async () => {
  await redis.dispose();
  await api.release();
});

/** A process with a worker and a scheduler; `steps` are the campaigns it looked at. */
function open({ prefix = testPrefix('campaigns'), campaigns = setup.worker() } = {}) {
  const { db, clock, log } = api.services;
  // The other queues have nothing to do here.
  const performer: Performer = {
    ...api.services.performer,
    perform: async () => undefined,
    stop: async () => undefined,
  };
  const steps: string[] = [];
  const advance = (id: string) => {
    steps.push(id);
    return campaigns.advance(id);
  };
  const queues = makeQueues({ redisUrl: redis.url, prefix, log, patienceMs: 500 });
  releases.add(() => queues.close());
  const workers = startWorkers({ performer, advance, redisUrl: redis.url, prefix, clock, log });
  releases.add(() => workers.stop());
  const lease = { name: 'campaigns', holder: randomUUID(), ttlMs: 10_000 };
  const mayWork = () => acquireLease(db, { ...lease, now: clock.now() });
  const tick = () => tellDueCampaigns({ db, queues, campaigns: { advance }, clock, mayWork });
  const scheduler = startLoop('campaigns', { intervalMs: 50, tick, log });
  releases.add(() => scheduler.stop());
  return { queues, workers, scheduler, steps, prefix };
}

/** Time goes by while it is waited for: a campaign looks again after some seconds. */
const comesTo = (id: string, counts: object) =>
  until(`${id} comes to ${JSON.stringify(counts)}`, async () => {
    api.pass(2_000);
    const found = (await setup.read(id)).counts as Record<string, number>;
    return Object.entries(counts).every(([name, count]) => found[name] === count);
  });

async function comeBackAll(id: string): Promise<void> {
  for (const link of await setup.links(id)) await setup.comeBack(link, ['A1B2C3']);
}

const each = { waveSize: 2, pauseSeconds: 600 };

it('is carried by the queue, whose jobs hold its id and nothing else', async () => {
  const { queues, steps } = open();
  const id = await setup.started(await setup.accounts(2));
  await comesTo(id, { waiting: 2 });
  await comeBackAll(id);
  await comesTo(id, { migrated: 2 });
  await until('it has finished', async () => (await setup.read(id)).state === 'finished');
  expect(steps).toContain(id);
  const queue = queues.all.find(({ name }) => name === 'access-key-migration');
  const jobs = (await queue?.getJobs(['completed'])) ?? [];
  expect(jobs.length).toBeGreaterThan(0);
  for (const { data } of jobs) expect(data).toEqual({ accountId: id });
});

it('loses nothing to FLUSHALL in the middle', async () => {
  open();
  const id = await setup.started(await setup.accounts(6), each);
  await comesTo(id, { waiting: 2, planned: 4 });
  const admin = new Redis(redis.url);
  await admin.flushall();
  api.pass(600_000);
  await comesTo(id, { waiting: 4, planned: 2 });
  await admin.flushall();
  admin.disconnect();
  api.pass(600_000);
  await comesTo(id, { waiting: 6, planned: 0 });
  await comeBackAll(id);
  await comesTo(id, { migrated: 6 });
});

it('goes on while Redis is away, and when it is back', async () => {
  open();
  const id = await setup.started(await setup.accounts(4), each);
  await comesTo(id, { waiting: 2, planned: 2 });
  await redis.kill();
  api.pass(600_000);
  await comesTo(id, { waiting: 4, planned: 0 });
  await comeBackAll(id);
  await comesTo(id, { migrated: 4 });
  await redis.start();
  const next = await setup.started(await setup.accounts(1));
  await comesTo(next, { waiting: 1 });
});

it('while Redis is away one of several schedulers does the work', async () => {
  await redis.stop();
  try {
    const both = [open(), open()];
    const id = await setup.started(await setup.accounts(1));
    await comesTo(id, { waiting: 1 });
    const working = both.filter(({ steps }) => steps.includes(id));
    expect(working).toHaveLength(1);
  } finally {
    await redis.start();
  }
});

it('is finished by another process when one dies in the middle of a wave', async () => {
  const dying = open({ campaigns: setup.mortal(({ dispatched }) => dispatched === 3) });
  const id = await setup.started(await setup.accounts(6), { waveSize: 6 });
  await until('it has died', async () => dying.steps.length > 1);
  await Promise.all([dying.workers.stop(), dying.scheduler.stop()]);
  open({ prefix: dying.prefix });
  await comesTo(id, { waiting: 6 });
  for (const { accountId, connectUrl } of await setup.links(id)) {
    expect((await api.send('GET', connectUrl)).status).toBe(200);
    expect((await api.read(accountId)).seq).toBe(2);
  }
});
