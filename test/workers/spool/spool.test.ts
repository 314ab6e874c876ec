/** An answer in hand and a store that does not take it: what the process that holds it does. */

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { makeDiskPlace, makeSpool, makeSpoolFigures } from '../../../src/workers/spool';
import { privateRedis, testPrefix, type PrivateServer } from '../../support/servers';
import { until } from '../../support/until';
import { startLossyProxy } from '../../support/lossyProxy';
import { makeReleases } from '../../ups/testServers';
import { openTestService, standing, type TestService } from '../testService';
import { answersIn, isKept, namesIn, onAnswer, withAnswerInHand } from './heldAnswers';
import { anAnswer } from './samples';

let service: TestService;
let redis: PrivateServer;
let admin: Redis;
/** Against hanging only; a place that was waited for takes ten seconds. */
const LONG_MS = 8_000;

const root = mkdtempSync(path.join(tmpdir(), 'upslink-spool-'));
const releases = makeReleases();

beforeAll(async () => {
  service = await openTestService('spool');
  redis = await privateRedis();
  admin = new Redis(redis.url);
});
afterEach(async () => {
  await releases.run();
  await service.clearFaults();
});
afterAll(async () => {
  admin.disconnect();
  await service.release();
  await redis.dispose();
  rmSync(root, { recursive: true, force: true });
});

let count = 0;
/** A host: a folder, and a name in Redis. */
async function newHost() {
  const host = { spoolDir: path.join(root, `host-${count++}`), redis: { url: redis.url, prefix: testPrefix('spool') } };
  return { ...host, keysInRedis: () => admin.keys(`${host.redis.prefix}:*`) };
}

async function openProcess(host: { spoolDir?: string; redis?: { url: string; prefix: string } }, more = {}) {
  const process = service.process({ ...host, ...more });
  if (host.redis?.url === redis.url) await until('Redis is there', async () => isReached(process));
  process.logged.length = 0;
  return process;
}

const isReached = async (process: ReturnType<TestService['process']>) => {
  process.logged.length = 0;
  await process.spool.all();
  return process.logged.length === 0;
};

const generation = async (id: string) => (await service.load(id)).data.current?.generation;
const errorsOf = (process: ReturnType<TestService['process']>) =>
  process.logged.filter(({ level }) => level === 'error');

describe('an answer that the store does not take', () => {
  it('lies in both places until the store has it, and in neither afterwards', async () => {
    const host = await newHost();
    const process = await openProcess(host);
    const { id, performing } = await withAnswerInHand(service, process);
    expect(namesIn(host.spoolDir, id)).toHaveLength(1);
    expect(await host.keysInRedis()).toHaveLength(2);
    expect(await generation(id)).toBe(1);
    process.setAway(false);
    await performing;
    expect(await generation(id)).toBe(2);
    expect(await service.holdsNewestPair(id)).toBe(true);
    expect(namesIn(host.spoolDir)).toEqual([]);
    expect(await host.keysInRedis()).toEqual([]);
    expect(await answersIn(service, id)).toHaveLength(1);
    expect(errorsOf(process)).toEqual([]);
  });

  it('is put again where it was lost meanwhile, and not written again where it lies', async () => {
    const host = await newHost();
    const process = await openProcess(host);
    const { id, performing } = await withAnswerInHand(service, process);
    const file = path.join(host.spoolDir, namesIn(host.spoolDir, id)[0] ?? '');
    const written = statSync(file);
    await admin.flushall();
    await until('it is in Redis again', async () => (await host.keysInRedis()).length === 2);
    expect(statSync(file)).toMatchObject({ ino: written.ino, mtimeMs: written.mtimeMs });
    rmSync(file);
    await until('it is on the disk again', () => namesIn(host.spoolDir, id).length === 1);
    await admin.flushall();
    rmSync(file);
    await process.performer.stop(0);
    await performing;
    expect(namesIn(host.spoolDir, id)).toHaveLength(1);
    expect(await host.keysInRedis()).toHaveLength(2);
  });

  it('counts once as written, however often it is put again', async () => {
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const { vault, clock } = service;
    const figures = makeSpoolFigures();
    const places = [makeDiskPlace(path.join(root, `host-${count++}`))];
    const hold = makeSpool({ places, vault, clock, log, figures }).hold(anAnswer());
    for (let n = 0; n < 3; n++) expect(await hold.keep()).toBe(true);
    const text = await figures.registry.metrics();
    expect(text).toContain('upslink_second_place_writes_total{place="disk",taken="true"} 1\n');
    hold.leave();
  });

  it('cannot be read in either of them', async () => {
    const host = await newHost();
    const process = await openProcess(host);
    const secrets: string[] = [];
    const { id, performing } = await withAnswerInHand(service, process);
    const text = readFileSync(path.join(host.spoolDir, namesIn(host.spoolDir, id)[0] ?? ''), 'utf8');
    const inRedis = JSON.stringify(await admin.hgetall(`${host.redis.prefix}:{answers}:${id}`));
    process.setAway(false);
    await performing;
    const { tenantId, data } = await service.load(id);
    for (const field of ['access', 'refresh'] as const) {
      const { grantId, generation: number } = data.current ?? { grantId: '', generation: 0 };
      const about = { tenantId, accountId: id, field, grantId, generation: number };
      secrets.push(service.vault.open(data.current?.[field] ?? '', about));
    }
    expect(secrets).toHaveLength(2);
    for (const secret of secrets)
      for (const seen of [text, inRedis, JSON.stringify(process.logged)])
        for (const form of [secret, Buffer.from(secret).toString('base64url')]) expect(seen).not.toContain(form);
  });

  it('is not written when the store takes it at once', async () => {
    const host = await newHost();
    const process = await openProcess(host, { keepAfterMs: 60_000 });
    const id = await service.connect(process);
    await service.passToUps(id);
    await process.performer.perform(id);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await generation(id)).toBe(2);
    expect(namesIn(host.spoolDir)).toEqual([]);
    expect(process.logged).toEqual([]);
  });

  it('is written while the store takes its time, and no error is needed for it', async () => {
    const host = await newHost();
    const process = await openProcess(host);
    const id = await service.connect(process);
    await service.passToUps(id);
    const write = process.store.write.bind(process.store);
    onAnswer(process, 'refresh', () => {
      process.store.write = async (before, next) => {
        await isKept(process, id);
        expect(namesIn(host.spoolDir, id)).toHaveLength(1);
        return write(before, next);
      };
    });
    await process.performer.perform(id);
    expect(await generation(id)).toBe(2);
    expect(namesIn(host.spoolDir)).toEqual([]);
    expect(await host.keysInRedis()).toEqual([]);
  });

  it('of an exchange is kept like that of a refresh; what can be asked again is not', async () => {
    const host = await newHost();
    const process = await openProcess(host);
    onAnswer(process, 'exchange', () => process.setAway(true));
    const connecting = service.connect(process);
    await until('it is kept', () => namesIn(host.spoolDir).length === 1);
    process.setAway(false);
    const id = await connecting;
    expect(standing(await service.load(id))).toBe('connected.fresh');
    expect(namesIn(host.spoolDir)).toEqual([]);

    await service.fault('refresh', { do: 'status', status: 503 });
    await service.passToUps(id);
    onAnswer(process, 'refresh', () => process.setAway(true));
    const performing = process.performer.perform(id);
    await until('the store was asked', () => process.logged.some(({ message }) => message.includes('did not take')));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(namesIn(host.spoolDir)).toEqual([]);
    process.setAway(false);
    await performing;
  });
});

describe('one place is enough', () => {
  const noFolder = () => {
    const file = path.join(root, `file-${count++}`);
    writeFileSync(file, '');
    return path.join(file, 'spool');
  };

  it('Redis, where SPOOL_DIR cannot be written', async () => {
    const host = { ...(await newHost()), spoolDir: noFolder() };
    const process = await openProcess(host);
    const { id, performing } = await withAnswerInHand(service, process);
    expect(await host.keysInRedis()).toHaveLength(2);
    expect(errorsOf(process)).toMatchObject([{ fields: { place: 'disk', doing: 'put' } }]);
    process.setAway(false);
    await performing;
    expect(await generation(id)).toBe(2);
    expect(await host.keysInRedis()).toEqual([]);
  });

  it('the disk, where Redis is away, and nobody waits for Redis', async () => {
    const host = { ...(await newHost()), redis: { url: 'redis://127.0.0.1:1', prefix: 'away' } };
    const process = await openProcess(host);
    const { id, performing } = await withAnswerInHand(service, process);
    expect(namesIn(host.spoolDir, id)).toHaveLength(1);
    process.setAway(false);
    const started = performance.now();
    await performing;
    expect(performance.now() - started).toBeLessThan(LONG_MS);
    expect(await generation(id)).toBe(2);
    expect(namesIn(host.spoolDir)).toEqual([]);
  });

  it('the disk, where Redis falls silent in the middle', async () => {
    const proxy = await startLossyProxy(redis.url.replace('redis:', 'mongodb:'));
    releases.add(() => proxy.close());
    const host = await newHost();
    const throughWire = {
      url: `redis://127.0.0.1:${new URL(proxy.url.replace('mongodb:', 'http:')).port}`,
      prefix: 'proxy',
    };
    const process = await openProcess({ ...host, redis: throughWire }, { patienceMs: 100 });
    await until('Redis is there', () => isReached(process));
    proxy.become('deaf');
    const { id, performing } = await withAnswerInHand(service, process);
    process.setAway(false);
    const started = performance.now();
    await performing;
    expect(performance.now() - started).toBeLessThan(LONG_MS);
    expect(await generation(id)).toBe(2);
    expect(namesIn(host.spoolDir)).toEqual([]);
  });

  it('but not to know that nothing is there: a place that was not asked is told of, unless the other has it', async () => {
    const host = { ...(await newHost()), redis: { url: 'redis://127.0.0.1:1', prefix: 'away' } };
    const process = await openProcess(host);
    const { id, performing } = await withAnswerInHand(service, process);
    const { grantId = '' } = (await service.load(id)).data.current ?? {};
    const find = (number: number) => process.spool.find({ accountId: id, grantId, generation: number });
    expect([await find(2), await find(3)]).toMatchObject([{ kind: 'answer' }, { kind: 'unasked' }]);
    const withRedis = await openProcess({ ...host, redis: (await newHost()).redis });
    expect(await withRedis.spool.find({ accountId: id, grantId, generation: 3 })).toEqual({ kind: 'nothing' });
    process.setAway(false);
    await performing;
  });

  it('but not to know that nothing is there: what cannot be read may be it, where it is of that account', async () => {
    const host = await newHost();
    const process = await openProcess(host);
    const { id, performing } = await withAnswerInHand(service, process);
    const { grantId = '' } = (await service.load(id)).data.current ?? {};
    const find = (accountId = id) => process.spool.find({ accountId, grantId, generation: 2 });
    const file = path.join(host.spoolDir, namesIn(host.spoolDir, id)[0] ?? '');
    const written = readFileSync(file, 'utf8');
    // Whoever has it in hand puts it there again and again.
    process.setAway(false);
    await performing;
    const { box, ...about } = JSON.parse(written) as { box: string; eventId: string };
    const key = `${host.redis.prefix}:{answers}:${id}`;
    const of = (changes: object) => JSON.stringify({ ...about, box, ...changes });
    const broken = `${box.slice(0, -8)}${box.at(-8) === 'A' ? 'B' : 'A'}${box.slice(-7)}`;
    for (const [onDisk, inRedis, kind] of [
      [of({ format: 2 }), null, 'unasked'],
      [null, of({ format: 2 }), 'unasked'],
      [written.slice(0, 50), null, 'unasked'],
      [of({ box: broken }), null, 'unasked'],
      [of({ format: 2 }), written, 'answer'],
      [null, null, 'nothing'],
    ] as const) {
      rmSync(file, { force: true });
      await admin.hdel(key, about.eventId);
      if (onDisk !== null) writeFileSync(file, onDisk);
      if (inRedis !== null) await admin.hset(key, about.eventId, inRedis);
      expect(await find()).toMatchObject({ kind });
      expect(await find('acc_other')).toEqual({ kind: 'nothing' });
    }
  });

  it('none, and the process holds it alone and says so, until a place or the store is back', async () => {
    const host = { spoolDir: noFolder() };
    const process = await openProcess(host);
    const id = await service.connect(process);
    await service.passToUps(id);
    onAnswer(process, 'refresh', () => process.setAway(true));
    const performing = process.performer.perform(id);
    await until('it says so', () => errorsOf(process).some(({ message }) => message.includes('in this process alone')));
    rmSync(path.dirname(host.spoolDir));
    await isKept(process, id);
    expect(namesIn(host.spoolDir, id)).toHaveLength(1);
    process.setAway(false);
    await performing;
    expect(await generation(id)).toBe(2);
    expect(namesIn(host.spoolDir)).toEqual([]);
  });
});

describe('a process that has to go while the store is away', () => {
  it('leaves the answer instead of giving it up, and the next one on its folder stores it', async () => {
    const host = await newHost();
    const process = await openProcess(host);
    const { id, performing } = await withAnswerInHand(service, process);
    await process.performer.stop(50);
    await performing;
    expect(process.logged.at(-1)).toMatchObject({
      message: expect.stringContaining('left in the second place') as string,
    });
    expect(errorsOf(process)).toEqual([]);
    expect(namesIn(host.spoolDir, id)).toHaveLength(1);
    const next = await openProcess({ spoolDir: host.spoolDir });
    service.pass(6_000);
    expect(await next.pickUp.tick()).toBe(1);
    expect(await generation(id)).toBe(2);
    expect(await service.holdsNewestPair(id)).toBe(true);
  });

  it('says that the answer is lost when no place took it', async () => {
    const process = await openProcess({});
    const id = await service.connect(process);
    await service.passToUps(id);
    onAnswer(process, 'refresh', () => process.setAway(true));
    const performing = process.performer.perform(id);
    await until('it is tried', () => process.logged.some(({ message }) => message.includes('did not take')));
    await process.performer.stop(0);
    await performing;
    expect(errorsOf(process).at(-1)?.message).toContain('given up');
  });
});

describe('an account that is not ours to write', () => {
  it('of a newer machine: its answer waits for a newer process', async () => {
    const host = await newHost();
    const process = await openProcess(host);
    const { id, performing } = await withAnswerInHand(service, process);
    await service.db.accounts.updateOne({ _id: id }, { $set: { version: 999 } });
    process.setAway(false);
    await performing;
    expect(namesIn(host.spoolDir, id)).toHaveLength(1);
    expect(process.logged.at(-1)).toMatchObject({ fields: { error: 'newer-version' } });
    await service.db.accounts.updateOne({ _id: id }, { $set: { version: service.definition.version } });
    service.pass(6_000);
    expect(await process.pickUp.tick()).toBe(1);
    expect(await generation(id)).toBe(2);
  });

  it('erased meanwhile: its answer is erased too', async () => {
    const host = await newHost();
    const process = await openProcess(host);
    const { id, performing } = await withAnswerInHand(service, process);
    await service.db.accounts.deleteOne({ _id: id });
    process.setAway(false);
    await performing;
    expect(namesIn(host.spoolDir)).toEqual([]);
    expect(await host.keysInRedis()).toEqual([]);
  });

  it('a bug in storing it leaves it for a process without the bug', async () => {
    const host = await newHost();
    const process = await openProcess(host);
    const id = await service.connect(process);
    await service.passToUps(id);
    process.runtime.settle = () => Promise.reject(new TypeError('a bug'));
    await expect(process.performer.perform(id)).rejects.toThrow('a bug');
    service.pass(6_000);
    expect(await (await openProcess(host)).pickUp.tick()).toBe(1);
    expect(await generation(id)).toBe(2);
  });
});
