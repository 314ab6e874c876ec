/** The parts that composition.ts connects, on a real store, a real Redis and a UPS: other tests cover each part alone. */

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { openParts, type Parts } from '../src/composition';
import { loadConfig } from '../src/config';
import { makeOutageStore } from '../src/db/outages';
import { lookAtOutages } from '../src/workers';
import { testRedis } from './support/servers';
import { until } from './support/until';
import { makeReleases } from './ups/testServers';
import { openTestService, paths, standing, type TestService, type Process } from './workers/testService';

let service: TestService;
let process: Process;
let spoolDir: string;
const releases = makeReleases();
beforeAll(async () => {
  service = await openTestService('composition');
  process = service.process();
  spoolDir = await mkdtemp(path.join(tmpdir(), 'upslink-composition-'));
});
afterEach(async () => {
  await releases.run();
  await service.clearFaults();
});
afterAll(async () => {
  await service.release();
  await rm(spoolDir, { recursive: true, force: true });
});

async function open(): Promise<Parts> {
  const env = { ...service.environment(), REDIS_URL: await testRedis(), SPOOL_DIR: spoolDir };
  const parts = await openParts(loadConfig(env), pino({ level: 'silent' }), service.clock);
  releases.add(() => parts.releases.all());
  return parts;
}

const standingOf = async (id: string): Promise<string> => standing(await service.load(id));

async function refresh({ performer }: Parts, id: string): Promise<void> {
  await service.passToUps(id);
  await performer.perform(id);
}

it('refreshes nothing before it was looked whose database it is', async () => {
  const parts = await open();
  const id = await service.connect(process);
  await refresh(parts, id);
  expect(await service.refreshes()).toBe(0);
  await parts.epoch.look(true);
  await refresh(parts, id);
  expect((await service.load(id)).data.current?.generation).toBe(2);
});

it('holds who is refused with many others, and tells the admins of it', async () => {
  const parts = await open();
  const ids: string[] = [];
  for (let n = 0; n < 6; n++) ids.push(await service.connect(process));
  await service.fault('refresh', { do: 'status', status: 400, code: '10400', message: 'no', times: undefined });
  for (const id of ids) {
    await parts.epoch.look(true);
    await refresh(parts, id);
  }
  expect(await standingOf(ids[0] ?? '')).toBe('connected.ending');
  expect(await standingOf(ids[5] ?? '')).toBe('connected.held');
  const outages = await makeOutageStore(service.db).read();
  expect(outages).toEqual(expect.arrayContaining([expect.objectContaining({ _id: 'wave:10400', state: 'held' })]));
  await parts.waves.decide('10400', 'released', 'key:test');
});

it('asks nothing of UPS while another process finds it away', async () => {
  const [parts, id] = [await open(), await service.connect(process)];
  const other = service.process({ shares: true });
  await service.fault('refresh', { do: 'status', status: 503, times: undefined });
  for (let n = 0; n < 30 && other.gate.state().ups.state === 'closed'; n++)
    await other.client.refresh({ refreshToken: `nobody-s-${n}`, sendBy: service.clock.monotonic() + 5_000 });
  await other.look(false);
  await parts.epoch.look(true);
  await lookAtOutages({ ...parts, triesHeld: false });
  const asked = await service.refreshes();
  const claimBy = parts.performer.by;
  const told = await parts.runtime.dispatch(id, { type: 'REFRESH' }, { actor: 'key:test', claimBy });
  await parts.performer.carry(told.document, told.claimed, { since: service.clock.monotonic() });
  expect(await service.refreshes()).toBe(asked);
  expect(await standingOf(id)).toBe('connected.backing-off');
});

it('puts an answer that the store does not take into the second place, where a recovery looks first', async () => {
  const [parts, id] = [await open(), await service.connect(process)];
  await parts.epoch.look(true);
  await service.control('POST', 'faults', { match: { path: paths.refresh }, do: 'delay', ms: 800, times: 1 });
  const asked = await service.refreshes();
  const refreshing = refresh(parts, id).catch(() => undefined);
  await until('UPS is asked', async () => (await service.refreshes()) > asked || undefined);
  await parts.db.close();
  await until('the answer is on the disk', async () => (await readdir(spoolDir)).some((name) => name.includes(id)));
  await parts.performer.stop(0);
  await refreshing;
  expect((await service.load(id)).data.current?.generation).toBe(1);

  const later = await open();
  await later.epoch.look(true);
  const sent = await service.refreshes();
  await refresh(later, id);
  expect((await service.load(id)).data.current?.generation).toBe(2);
  expect(await service.refreshes()).toBe(sent);
});

it('counts the answers that nobody understands', async () => {
  const [parts, id] = [await open(), await service.connect(process)];
  await parts.epoch.look(true);
  await service.control('POST', 'faults', { match: { path: paths.refresh }, do: 'html', status: 400, times: 1 });
  await refresh(parts, id);
  expect(await parts.figures.registry.metrics()).toContain(
    'upslink_ups_answers_not_understood_total{endpoint="refresh",status="4xx"} 1',
  );
});
