/** Answers nobody holds any more: who stores them, when, and what becomes of those that cannot be stored. */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeVault } from '../../../src/db/vault';
import { sealAnswer } from '../../../src/workers/spool/answer';
import { startPickUp, makeSpoolFigures } from '../../../src/workers/spool';
import { privateRedis, testPrefix, type PrivateServer } from '../../support/servers';
import { until } from '../../support/until';
import { openTestService, standing, type TestService, type Process } from '../testService';
import { answersIn, crash, isKept, namesIn, onAnswer, withAnswerInHand } from './heldAnswers';
import { anAnswer } from './samples';

let service: TestService;
let redis: PrivateServer;
const root = mkdtempSync(path.join(tmpdir(), 'upslink-pick-up-'));

beforeAll(async () => {
  service = await openTestService('pick_up');
  redis = await privateRedis();
});
afterEach(() => service.clearFaults());
afterAll(async () => {
  await service.release();
  await redis.dispose();
  rmSync(root, { recursive: true, force: true });
});

let count = 0;
const newFolder = () => path.join(root, `host-${count++}`);
const newRedis = () => ({ url: redis.url, prefix: testPrefix('pick-up') });
const generation = async (id: string) => (await service.load(id)).data.current?.generation;

/** Its owner has had its time. */
const later = () => service.pass(6_000);

async function tickUntilStored(process: Process, id: string, to = 2): Promise<void> {
  await until('it is stored', async () => {
    await process.pickUp.tick();
    return (await generation(id)) === to;
  });
}

it('stores what a killed process left on its disk, when the next one comes', async () => {
  const spoolDir = newFolder();
  const killed = service.process({ spoolDir });
  const { id, performing } = await withAnswerInHand(service, killed);
  await crash(killed, performing);
  later();
  const next = service.process({ spoolDir });
  expect(await next.pickUp.tick()).toBe(1);
  expect(await generation(id)).toBe(2);
  expect(await service.holdsNewestPair(id)).toBe(true);
  expect(standing(await service.load(id))).toBe('connected.fresh');
  expect(namesIn(spoolDir)).toEqual([]);
  expect(next.logged).toMatchObject([{ level: 'info', fields: { accountId: id } }]);
  expect(await next.pickUp.tick()).toBe(0);
});

it('stores what a process of another host left in Redis', async () => {
  const shared = newRedis();
  const killed = service.process({ spoolDir: newFolder(), redis: shared });
  const { id, performing } = await withAnswerInHand(service, killed);
  await crash(killed, performing);
  later();
  await tickUntilStored(service.process({ spoolDir: newFolder(), redis: shared }), id);
  expect(await service.holdsNewestPair(id)).toBe(true);
});

it('an exchange is gone on with: what it starts is verified by whoever is told', async () => {
  const spoolDir = newFolder();
  const [killed, next] = [service.process({ spoolDir }), service.process({ spoolDir })];
  onAnswer(killed, 'exchange', () => killed.setAway(true));
  const connecting = service.connect(killed).catch(() => null);
  await until('it is kept', () => namesIn(spoolDir).length === 1);
  const id = namesIn(spoolDir)[0]?.split('.')[0] ?? '';
  await crash(killed);
  await connecting;
  later();
  expect(await next.pickUp.tick()).toBe(1);
  expect((await service.load(id)).invocations).toMatchObject([{ src: 'verify', claim: null }]);
  await next.performer.perform(id);
  expect(standing(await service.load(id))).toBe('connected.fresh');
  expect(await service.holdsNewestPair(id)).toBe(true);
});

describe('has one effect', () => {
  it('when two processes pick it up at once, from both places', async () => {
    const host = { spoolDir: newFolder(), redis: newRedis() };
    const killed = service.process(host);
    const { id, performing } = await withAnswerInHand(service, killed);
    await crash(killed, performing);
    later();
    const others = Array.from({ length: 4 }, () => service.process(host));
    await Promise.all(others.map(({ pickUp }) => pickUp.tick()));
    expect(await generation(id)).toBe(2);
    expect(await answersIn(service, id)).toHaveLength(1);
    for (const other of others) expect((await other.spool.all()).answers).toEqual([]);
    for (const { logged } of others) expect(logged.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('when another process stores it while its owner is writing', async () => {
    const spoolDir = newFolder();
    const [owner, other] = [service.process({ spoolDir }), service.process({ spoolDir })];
    const id = await service.connect(owner);
    await service.passToUps(id);
    const write = owner.store.write.bind(owner.store);
    onAnswer(owner, 'refresh', () => {
      owner.store.write = async (before, next) => {
        owner.store.write = write;
        await isKept(owner, id);
        later();
        expect(await other.pickUp.tick()).toBe(1);
        return write(before, next);
      };
    });
    await owner.performer.perform(id);
    expect(await generation(id)).toBe(2);
    expect(await answersIn(service, id)).toHaveLength(1);
    expect(await service.holdsNewestPair(id)).toBe(true);
  });

  it('when its owner had stored it, unheard', async () => {
    const spoolDir = newFolder();
    const owner = service.process({ spoolDir });
    const id = await service.connect(owner);
    await service.passToUps(id);
    onAnswer(owner, 'refresh', () => owner.leaveAfterWrite());
    const performing = owner.performer.perform(id);
    await isKept(owner, id);
    await crash(owner, performing);
    expect(await generation(id)).toBe(2);
    later();
    const { seq } = await service.load(id);
    expect(await service.process({ spoolDir }).pickUp.tick()).toBe(1);
    expect((await service.load(id)).seq).toBe(seq);
    expect(namesIn(spoolDir)).toEqual([]);
  });

  it('when the account has gone on since: it is on record, and changes nothing', async () => {
    const spoolDir = newFolder();
    const killed = service.process({ spoolDir });
    const { id, performing } = await withAnswerInHand(service, killed);
    await crash(killed, performing);
    const without = service.process();
    await without.runtime.dispatch(id, { type: 'DISCONNECT', note: 'n' } as never, { actor: 'key:1' });
    const before = await service.load(id);
    later();
    expect(await service.process({ spoolDir }).pickUp.tick()).toBe(1);
    const after = await service.load(id);
    expect({ seq: after.seq, data: after.data }).toEqual({ seq: before.seq + 1, data: before.data });
    expect(await answersIn(service, id)).toMatchObject([{ event: { type: 'LATE_ANSWER', stored: false } }]);
    expect(namesIn(spoolDir)).toEqual([]);
  });
});

describe('is left to its owner', () => {
  it('for some seconds, whoever that is', async () => {
    const spoolDir = newFolder();
    const killed = service.process({ spoolDir });
    const { id, performing } = await withAnswerInHand(service, killed);
    await crash(killed, performing);
    const next = service.process({ spoolDir });
    expect(await next.pickUp.tick()).toBe(0);
    expect(namesIn(spoolDir, id)).toHaveLength(1);
    later();
    expect(await next.pickUp.tick()).toBe(1);
  });

  it('while it is this process, which is trying', async () => {
    const owner = service.process({ spoolDir: newFolder() });
    const { performing } = await withAnswerInHand(service, owner);
    later();
    expect(owner.spool.isHeld((await owner.spool.all()).answers[0]?.eventId ?? '')).toBe(true);
    expect(await owner.pickUp.tick()).toBe(0);
    expect(owner.logged.some(({ message }) => message.includes('picked up'))).toBe(false);
    owner.setAway(false);
    await performing;
  });
});

describe('what cannot be stored stays, and is told of now and then', () => {
  async function left() {
    const spoolDir = newFolder();
    const killed = service.process({ spoolDir });
    const { id, performing } = await withAnswerInHand(service, killed);
    await crash(killed, performing);
    later();
    return { spoolDir, id };
  }
  const errorsOf = ({ logged }: Process) => logged.filter(({ level }) => level === 'error');

  it('sealed with a key this process does not have, until one with the key comes', async () => {
    const { spoolDir, id } = await left();
    const stranger = service.process({ spoolDir, vault: makeVault([{ id: 'k2', key: randomBytes(32) }]) });
    expect(await stranger.pickUp.tick()).toBe(0);
    expect(await stranger.pickUp.tick()).toBe(0);
    expect(errorsOf(stranger)).toMatchObject([
      { fields: { accountId: id }, message: expect.stringContaining('vault-key-missing') as string },
    ]);
    service.pass(61_000);
    await stranger.pickUp.tick();
    expect(errorsOf(stranger)).toHaveLength(2);
    expect(namesIn(spoolDir, id)).toHaveLength(1);
    const ring = [{ id: 'k2', key: randomBytes(32) }, service.ringKey];
    expect(await service.process({ spoolDir, vault: makeVault(ring) }).pickUp.tick()).toBe(1);
    expect(await generation(id)).toBe(2);
  });

  it('changed by somebody', async () => {
    const { spoolDir, id } = await left();
    const file = path.join(spoolDir, namesIn(spoolDir)[0] ?? '');
    const sealed = JSON.parse(readFileSync(file, 'utf8')) as { generation: number };
    writeFileSync(file, JSON.stringify({ ...sealed, generation: sealed.generation + 1 }));
    const process = service.process({ spoolDir });
    expect(await process.pickUp.tick()).toBe(0);
    expect(errorsOf(process)[0]?.message).toContain('seal-broken');
    expect(await generation(id)).toBe(1);
    expect(namesIn(spoolDir, id)).toHaveLength(1);
  });

  it('half-written, or of another format', async () => {
    const { spoolDir } = await left();
    const name = namesIn(spoolDir)[0] ?? '';
    const whole = readFileSync(path.join(spoolDir, name), 'utf8');
    writeFileSync(path.join(spoolDir, name), whole.replace('"format":1', '"format":0'));
    writeFileSync(path.join(spoolDir, 'acc_x.torn.json'), whole.slice(0, 80));
    const process = service.process({ spoolDir });
    expect(await process.pickUp.tick()).toBe(0);
    expect(await process.pickUp.tick()).toBe(0);
    const named = errorsOf(process).map(({ fields }) => (fields as { name: string }).name);
    expect(named.sort()).toEqual(['acc_x.torn.json', name].sort());
    expect(namesIn(spoolDir)).toHaveLength(2);
  });

  it('of an account that is gone, for a week: the wrong database may have been given', async () => {
    const spoolDir = newFolder();
    const process = service.process({ spoolDir });
    const answer = anAnswer({ tenantId: 'acme', accountId: 'acc_gone' });
    const hold = process.spool.hold(answer);
    await hold.keep();
    hold.leave();
    later();
    expect(await process.pickUp.tick()).toBe(0);
    expect(errorsOf(process)[0]?.message).toContain('there is no such account');
    expect(namesIn(spoolDir)).toHaveLength(1);
    service.pass(7 * 86_400_000);
    await process.pickUp.tick();
    expect(namesIn(spoolDir)).toEqual([]);
  });

  it('of another tenant than the account: it does not open for it', async () => {
    const { spoolDir, id } = await left();
    const process = service.process({ spoolDir });
    const foreign = sealAnswer(
      service.vault,
      anAnswer({ tenantId: 'other', accountId: id }),
      service.clock.now() - 9_000,
    );
    writeFileSync(path.join(spoolDir, `${id}.${foreign.eventId}.json`), JSON.stringify(foreign));
    expect(await process.pickUp.tick()).toBe(1);
    expect(await generation(id)).toBe(2);
    expect(namesIn(spoolDir, id)).toEqual([`${id}.${foreign.eventId}.json`]);
  });

  it('while the store is away; it is tried again at the next look', async () => {
    const { spoolDir, id } = await left();
    const process = service.process({ spoolDir });
    process.setAway(true);
    expect(await process.pickUp.tick()).toBe(0);
    expect(process.logged).toMatchObject([{ level: 'warn', fields: { waiting: 1 } }]);
    process.setAway(false);
    expect(await process.pickUp.tick()).toBe(1);
    expect(await generation(id)).toBe(2);
  });
});

it('costs the store nothing when there is nothing, and never stops looking', async () => {
  const spoolDir = newFolder();
  const process = service.process({ spoolDir });
  const { spool, runtime, log } = process;
  const parts = { spool, runtime, clock: service.clock, log, figures: makeSpoolFigures(), intervalMs: 10 };
  const pickUp = startPickUp(parts);
  await pickUp.tick();
  expect(process.counts).toMatchObject({ reads: 0, writes: 0, finds: 0, dues: 0 });
  const killed = service.process({ spoolDir });
  const { id, performing } = await withAnswerInHand(service, killed);
  await crash(killed, performing);
  later();
  await until('it is picked up', async () => (await generation(id)) === 2);
  await pickUp.stop();
  const text = await parts.figures.registry.metrics();
  expect(text).toContain('upslink_second_place_stored_total{by="pick-up"} 1');
});
