/** Before UPS is asked again: is the answer here already, or in somebody's hand? */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { unknownSend } from '../../../src/cli/adopt/spent';
import { noteUnknownSend } from '../../../src/db/grants';
import { makeVault } from '../../../src/db/vault';
import type { Answer } from '../../../src/workers/spool/answer';
import { privateRedis, testPrefix, type PrivateServer } from '../../support/servers';
import { until } from '../../support/until';
import { startLossyProxy, type LossyProxy } from '../../support/lossyProxy';
import { makeReleases } from '../../ups/testServers';
import { openTestService, standing, type TestService, type Process } from '../testService';
import { answersIn, crash, namesIn, onAnswer, withAnswerInHand } from './heldAnswers';

let service: TestService;
let redis: PrivateServer;
const root = mkdtempSync(path.join(tmpdir(), 'upslink-recall-'));

beforeAll(async () => {
  service = await openTestService('recall');
  redis = await privateRedis();
});
const releases = makeReleases();
afterEach(async () => {
  await releases.run();
  await service.clearFaults();
});
afterAll(async () => {
  await service.release();
  await redis.dispose();
  rmSync(root, { recursive: true, force: true });
});

let count = 0;
const newFolder = () => path.join(root, `host-${count++}`);
const CLAIM_MS = 60_001;
const noRedis = () => ({ url: 'redis://127.0.0.1:1', prefix: 'away' });

/** An account whose refresh UPS answered, and whose process is gone with the answer nowhere but in the second place. */
async function orphan(given: Parameters<TestService['process']>[0]) {
  const killed = service.process(given);
  const { id, performing } = await withAnswerInHand(service, killed);
  await crash(killed, performing);
  return id;
}

async function putThere({ spool }: Process, answer: Answer): Promise<void> {
  const hold = spool.hold(answer);
  await hold.keep();
  hold.leave();
}

/** The one answer that lies there is sealed by a key that others have not yet. Resolves with it. */
async function sealAnew(spoolDir: string): Promise<Answer> {
  const stranger = makeVault([{ id: 'k2', key: randomBytes(32) }]);
  const process = service.process({ spoolDir, vault: { ...service.vault, seal: stranger.seal } });
  const [found] = (await process.spool.all()).answers;
  if (!found) throw new Error('no answer was kept');
  const answer = process.spool.open(found);
  await process.spool.remove(answer);
  await putThere(process, answer);
  return answer;
}

const isThere = (process: Process) =>
  until('Redis is there', async () => {
    process.logged.length = 0;
    await process.spool.all();
    return process.logged.length === 0;
  });

describe('a recovery', () => {
  it('uses the answer on the disk instead of sending', async () => {
    const spoolDir = newFolder();
    const id = await orphan({ spoolDir });
    const kept = namesIn(spoolDir, id)[0] ?? '';
    const other = service.process({ spoolDir });
    const before = await service.refreshes();
    service.pass(CLAIM_MS);
    await other.performer.perform(id);
    expect(await service.refreshes()).toBe(before);
    expect((await service.load(id)).data.current).toMatchObject({ generation: 2, sends: [] });
    expect(await service.holdsNewestPair(id)).toBe(true);
    expect(await answersIn(service, id)).toMatchObject([{ eventId: kept.split('.')[1] }]);
    expect(namesIn(spoolDir)).toEqual([]);
  });

  it('uses the answer in Redis, on another host', async () => {
    const shared = { url: redis.url, prefix: testPrefix('recall') };
    const other = service.process({ spoolDir: newFolder(), redis: shared });
    await isThere(other);
    const id = await orphan({ spoolDir: newFolder(), redis: shared });
    const before = await service.refreshes();
    service.pass(CLAIM_MS);
    await other.performer.perform(id);
    expect(await service.refreshes()).toBe(before);
    expect((await service.load(id)).data.current).toMatchObject({ generation: 2, sends: [] });
    expect((await other.spool.all()).answers).toEqual([]);
  });

  it('and a pick-up at the same moment have one effect', async () => {
    const spoolDir = newFolder();
    const id = await orphan({ spoolDir });
    service.pass(CLAIM_MS);
    const before = await service.refreshes();
    const [one, other] = [service.process({ spoolDir }), service.process({ spoolDir })];
    await Promise.all([one.performer.perform(id), other.pickUp.tick()]);
    expect(await service.refreshes()).toBe(before);
    expect((await service.load(id)).data.current).toMatchObject({ generation: 2 });
    expect(await answersIn(service, id)).toHaveLength(1);
  });

  it('does not send while an answer lies there that this process lacks the key for', async () => {
    const spoolDir = newFolder();
    const id = await orphan({ spoolDir });
    // The account's own secrets open here, the answer does not: it was sealed by a process that has the newer key already.
    await sealAnew(spoolDir);
    const other = service.process({ spoolDir });
    const before = await service.refreshes();
    service.pass(CLAIM_MS);
    await other.performer.perform(id);
    expect(await service.refreshes()).toBe(before);
    const document = await service.load(id);
    expect(standing(document)).toBe('connected.backing-off');
    expect(document.data.current?.sends).toHaveLength(1);
    expect(other.logged).toContainEqual(
      expect.objectContaining({ fields: expect.objectContaining({ error: 'vault-key-missing' }) as object }),
    );
  });

  it('lets a holder on another host go first, whose disk it cannot see', async () => {
    const holder = service.process({ spoolDir: newFolder() });
    const { id, performing } = await withAnswerInHand(service, holder);
    const other = service.process({
      spoolDir: newFolder(),
      wait: async () => {
        // The store is back for the holder too, a moment later.
        holder.setAway(false);
        await performing;
      },
    });
    const before = await service.refreshes();
    service.pass(CLAIM_MS);
    await other.performer.perform(id);
    expect(await service.refreshes()).toBe(before);
    expect((await service.load(id)).data.current).toMatchObject({ generation: 2, sends: [] });
    expect(await answersIn(service, id)).toHaveLength(1);
    expect(await service.holdsNewestPair(id)).toBe(true);
  });

  it('sends when nobody has the answer, still in time after its claim', async () => {
    const crashed = service.process();
    const id = await service.connect(crashed);
    await service.passToUps(id);
    await crashed.runtime.fire(await service.load(id), { needsUps: true, claimBy: crashed.performer.by });
    service.pass(CLAIM_MS);
    const before = await service.refreshes();
    await service.process({ spoolDir: newFolder() }).performer.perform(id);
    expect(await service.refreshes()).toBe(before + 1);
    expect((await service.load(id)).data.current).toMatchObject({ generation: 2, sends: [] });
  });

  it.each([
    ['every place can be asked', {}],
    ['Redis cannot', { redis: noRedis() }],
  ])('waits for nobody when the lost answer is on record and %s', async (_, places) => {
    const waits: number[] = [];
    const wait = async (ms: number) => void waits.push(ms);
    const process = service.process({ spoolDir: newFolder(), ...places, wait });
    const id = await service.connect(process);
    await service.fault('refresh', { do: 'reset' });
    await service.passToUps(id);
    await process.performer.perform(id);
    await service.passToUps(id);
    await process.performer.perform(id);
    expect((await service.load(id)).data.current?.generation).toBe(2);
    expect(waits).toEqual([]);
  });
});

const MINUTE = 60_000;

/** Redis as another host reaches it, through a proxy that the test controls. */
async function throughProxy(prefix: string): Promise<{ proxy: LossyProxy; reached: { url: string; prefix: string } }> {
  const proxy = await startLossyProxy(redis.url.replace('redis:', 'mongodb:'));
  releases.add(() => proxy.close());
  const { port } = new URL(proxy.url.replace('mongodb:', 'http:'));
  return { proxy, reached: { url: `redis://127.0.0.1:${port}`, prefix } };
}

/** Tries of that account, each by who is given, as they fall due until that instant. */
async function performUntil(id: string, instant: number, next: () => Process): Promise<void> {
  for (;;) {
    const { upsAt } = await service.load(id);
    if ((upsAt ?? Infinity) > instant) return;
    await service.passToUps(id);
    await next().performer.perform(id);
  }
}

describe('a recovery that cannot ask Redis', () => {
  /** Claimed by a process that is gone, nobody knows what UPS answered. */
  async function claimedByTheGone(): Promise<string> {
    const crashed = service.process();
    const id = await service.connect(crashed);
    await service.passToUps(id);
    await crashed.runtime.fire(await service.load(id), { needsUps: true, claimBy: crashed.performer.by });
    service.pass(CLAIM_MS);
    return id;
  }

  it('waits, and uses the answer that lies there once it can', async () => {
    const prefix = testPrefix('recall');
    const { proxy, reached } = await throughProxy(prefix);
    const other = service.process({ spoolDir: newFolder(), redis: reached, patienceMs: 100 });
    await isThere(other);
    const id = await orphan({ spoolDir: newFolder(), redis: { url: redis.url, prefix } });
    const before = await service.refreshes();
    service.pass(CLAIM_MS);
    proxy.become('deaf');
    const lookedAt = service.clock.now();
    await other.performer.perform(id);
    await performUntil(id, lookedAt + 9 * MINUTE, () => other);
    const waiting = await service.load(id);
    expect(standing(waiting)).toBe('connected.backing-off');
    expect(waiting.data.current?.sends).toMatchObject([{ end: null, soughtAt: expect.any(Number) as number }]);
    expect(other.logged.filter(({ message }) => message.includes('asked again before UPS is')).length).toBeGreaterThan(
      5,
    );
    expect(await service.refreshes()).toBe(before);
    proxy.become('cut');
    proxy.become('open');
    await until('the answer is seen', async () => (await other.spool.all()).answers.length === 1);
    await service.passToUps(id);
    await other.performer.perform(id);
    expect(await service.refreshes()).toBe(before);
    expect((await service.load(id)).data.current).toMatchObject({ generation: 2, sends: [] });
    expect(await service.holdsNewestPair(id)).toBe(true);
  });

  it('goes on after ten minutes, counted in the account: whoever looks, and however often it was begun anew', async () => {
    const id = await claimedByTheGone();
    const before = await service.refreshes();
    const next = () => service.process({ spoolDir: newFolder(), redis: noRedis() });
    const lookedAt = service.clock.now();
    await next().performer.perform(id);
    await performUntil(id, lookedAt + 10 * MINUTE, next);
    expect(await service.refreshes()).toBe(before);
    await service.passToUps(id);
    expect(service.clock.now() - lookedAt).toBeLessThan(17 * MINUTE);
    const last = next();
    await last.performer.perform(id);
    expect(await service.refreshes()).toBe(before + 1);
    expect(last.logged).toContainEqual(
      expect.objectContaining({ level: 'error', message: expect.stringContaining('waited for no longer') as string }),
    );
    expect((await service.load(id)).data.current).toMatchObject({ generation: 2, sends: [] });
  });

  it('sends in time after its claim, however long Redis says nothing', async () => {
    const { proxy, reached } = await throughProxy(testPrefix('recall'));
    const process = service.process({ spoolDir: newFolder(), redis: reached, patienceMs: 1_000 });
    await isThere(process);
    const id = await claimedByTheGone();
    const { data } = await service.load(id);
    const sends = data.current?.sends.map((one) => ({ ...one, soughtAt: service.clock.now() - 10 * MINUTE }));
    await service.db.accounts.updateOne({ _id: id }, { $set: { 'data.current.sends': sends ?? [] } });
    const before = await service.refreshes();
    proxy.become('deaf');
    await process.performer.perform(id);
    expect(await service.refreshes()).toBe(before + 1);
  });

  it('waits for what others did before the database was restored', async () => {
    const process = service.process({ spoolDir: newFolder(), redis: noRedis() });
    const id = await service.connect(process);
    const { tenantId, view, data } = await service.load(id);
    const holder = { id, tenantId, name: view.name, state: view.state, current: data.current, hasCandidate: false };
    await noteUnknownSend(service.db, holder, unknownSend('restored', service.clock.now()));
    const before = await service.refreshes();
    await service.passToUps(id);
    await process.performer.perform(id);
    expect(await service.refreshes()).toBe(before);
    expect(standing(await service.load(id))).toBe('connected.backing-off');
  });
});

describe('a second attempt at an exchange', () => {
  async function orphanedExchange(spoolDir: string, shared?: { url: string; prefix: string }) {
    const killed = service.process({ spoolDir, ...(shared && { redis: shared }) });
    if (shared) await isThere(killed);
    onAnswer(killed, 'exchange', () => killed.setAway(true));
    const connecting = service.connect(killed).catch(() => null);
    await until('it is kept', () => namesIn(spoolDir).length === 1);
    await crash(killed);
    await connecting;
    return namesIn(spoolDir)[0]?.split('.')[0] ?? '';
  }

  it('uses the answer to the first', async () => {
    const spoolDir = newFolder();
    const id = await orphanedExchange(spoolDir);
    service.pass(31_000);
    await service.process({ spoolDir }).performer.perform(id);
    expect(standing(await service.load(id))).toBe('connected.fresh');
    expect(await service.holdsNewestPair(id)).toBe(true);
    expect(namesIn(spoolDir)).toEqual([]);
  });

  it('ends as interrupted when nobody has it, and what comes later is on record', async () => {
    const spoolDir = newFolder();
    const id = await orphanedExchange(spoolDir);
    service.pass(31_000);
    await service.process({ spoolDir: newFolder() }).performer.perform(id);
    expect((await service.load(id)).data.links.at(-1)).toMatchObject({ reason: 'authorization-interrupted' });
    expect(await service.process({ spoolDir }).pickUp.tick()).toBe(1);
    expect(await answersIn(service, id)).toMatchObject([{ event: { type: 'LATE_ANSWER', stored: false } }]);
  });

  it('waits two minutes for a Redis that cannot be asked, then ends as interrupted', async () => {
    const id = await orphanedExchange(newFolder());
    const usedAt = service.clock.now();
    const process = () => service.process({ spoolDir: newFolder(), redis: noRedis() });
    for (let n = 0; n < 4; n++) {
      service.pass(30_001);
      await process().performer.perform(id);
      expect((await service.load(id)).data.links.at(-1)).toMatchObject({ outcome: null });
    }
    service.pass(30_001);
    await process().performer.perform(id);
    expect((await service.load(id)).data.links.at(-1)).toMatchObject({ reason: 'authorization-interrupted' });
    expect(service.clock.now() - usedAt).toBeLessThan(3 * MINUTE);
  });

  it('waits as long for the key to an answer that lies there, and uses it once it can be opened', async () => {
    const [first, second] = [newFolder(), newFolder()];
    const opened = { id: await orphanedExchange(first), answer: await sealAnew(first) };
    service.pass(30_001);
    await service.process({ spoolDir: first }).performer.perform(opened.id);
    expect((await service.load(opened.id)).data.links.at(-1)).toMatchObject({ outcome: null });
    const keyed = service.process({ spoolDir: first });
    await keyed.spool.remove(opened.answer);
    await putThere(keyed, opened.answer);
    service.pass(30_001);
    await keyed.performer.perform(opened.id);
    expect(standing(await service.load(opened.id))).toBe('connected.fresh');
    expect(await service.holdsNewestPair(opened.id)).toBe(true);

    const id = await orphanedExchange(second);
    await sealAnew(second);
    for (const outcome of [null, null, null, null, 'failed']) {
      service.pass(30_001);
      await service.process({ spoolDir: second }).performer.perform(id);
      expect((await service.load(id)).data.links.at(-1)).toMatchObject({ outcome });
    }
    expect((await service.load(id)).data.links.at(-1)).toMatchObject({ reason: 'authorization-interrupted' });
  });

  it('uses the answer in Redis once it can be asked', async () => {
    const prefix = testPrefix('recall');
    const killed = { spoolDir: newFolder(), redis: { url: redis.url, prefix } };
    const id = await orphanedExchange(killed.spoolDir, killed.redis);
    service.pass(30_001);
    await service.process({ spoolDir: newFolder(), redis: noRedis() }).performer.perform(id);
    const other = service.process({ spoolDir: newFolder(), redis: killed.redis });
    await isThere(other);
    service.pass(30_001);
    await other.performer.perform(id);
    expect(standing(await service.load(id))).toBe('connected.fresh');
    expect(await service.holdsNewestPair(id)).toBe(true);
  });
});
