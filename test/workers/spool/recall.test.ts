/** Before UPS is asked again: is the answer here already, or in somebody's hand? */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeVault } from '../../../src/db/vault';
import { privateRedis, testPrefix, type PrivateServer } from '../../support/servers';
import { until } from '../../support/until';
import { openHouse, standing, type House, type Process } from '../house';
import { answersIn, crash, namesIn, onAnswer, withAnswerInHand } from './holding';

let house: House;
let redis: PrivateServer;
const root = mkdtempSync(path.join(tmpdir(), 'upslink-recall-'));

beforeAll(async () => {
  house = await openHouse('recall');
  redis = await privateRedis();
});
afterEach(() => house.clearFaults());
afterAll(async () => {
  await house.release();
  await redis.dispose();
  rmSync(root, { recursive: true, force: true });
});

let count = 0;
const newFolder = () => path.join(root, `host-${count++}`);
const CLAIM_MS = 60_001;

/** An account whose refresh UPS answered, and whose process is gone with the answer nowhere but in the second place. */
async function orphan(given: Parameters<House['process']>[0]) {
  const killed = house.process(given);
  const { id, performing } = await withAnswerInHand(house, killed);
  await crash(killed, performing);
  return id;
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
    const other = house.process({ spoolDir });
    const before = await house.refreshes();
    house.pass(CLAIM_MS);
    await other.performer.perform(id);
    expect(await house.refreshes()).toBe(before);
    expect((await house.load(id)).data.current).toMatchObject({ generation: 2, sends: [] });
    expect(await house.holdsNewestPair(id)).toBe(true);
    expect(await answersIn(house, id)).toMatchObject([{ eventId: kept.split('.')[1] }]);
    expect(namesIn(spoolDir)).toEqual([]);
  });

  it('uses the answer in Redis, on another host', async () => {
    const shared = { url: redis.url, prefix: testPrefix('recall') };
    const other = house.process({ spoolDir: newFolder(), redis: shared });
    await isThere(other);
    const id = await orphan({ spoolDir: newFolder(), redis: shared });
    const before = await house.refreshes();
    house.pass(CLAIM_MS);
    await other.performer.perform(id);
    expect(await house.refreshes()).toBe(before);
    expect((await house.load(id)).data.current).toMatchObject({ generation: 2, sends: [] });
    expect((await other.spool.all()).answers).toEqual([]);
  });

  it('and a pick-up at the same moment have one effect', async () => {
    const spoolDir = newFolder();
    const id = await orphan({ spoolDir });
    house.pass(CLAIM_MS);
    const before = await house.refreshes();
    const [one, other] = [house.process({ spoolDir }), house.process({ spoolDir })];
    await Promise.all([one.performer.perform(id), other.pickUp.tick()]);
    expect(await house.refreshes()).toBe(before);
    expect((await house.load(id)).data.current).toMatchObject({ generation: 2 });
    expect(await answersIn(house, id)).toHaveLength(1);
  });

  it('does not send while an answer lies there that this process lacks the key for', async () => {
    const spoolDir = newFolder();
    const id = await orphan({ spoolDir });
    // The account's own secrets open here, the answer does not: it was sealed by a process that has the newer key already.
    const stranger = makeVault([{ id: 'k2', key: randomBytes(32) }]);
    const other = house.process({ spoolDir, vault: { ...house.vault, seal: stranger.seal } });
    const [found] = (await other.spool.all()).answers;
    const answer = found && other.spool.open(found);
    if (!answer) throw new Error('no answer was kept');
    await other.spool.remove(answer);
    const hold = other.spool.hold(answer);
    await hold.keep();
    hold.leave();
    const before = await house.refreshes();
    house.pass(CLAIM_MS);
    await other.performer.perform(id);
    expect(await house.refreshes()).toBe(before);
    const document = await house.load(id);
    expect(standing(document)).toBe('connected.backing-off');
    expect(document.data.current?.sends).toHaveLength(1);
    expect(other.logged).toContainEqual(
      expect.objectContaining({ fields: expect.objectContaining({ error: 'vault-key-missing' }) as object }),
    );
  });

  it('lets a holder on another host go first, whose disk it cannot see', async () => {
    const holder = house.process({ spoolDir: newFolder() });
    const { id, performing } = await withAnswerInHand(house, holder);
    const other = house.process({
      spoolDir: newFolder(),
      wait: async () => {
        // The store is back for the holder too, a moment later.
        holder.setAway(false);
        await performing;
      },
    });
    const before = await house.refreshes();
    house.pass(CLAIM_MS);
    await other.performer.perform(id);
    expect(await house.refreshes()).toBe(before);
    expect((await house.load(id)).data.current).toMatchObject({ generation: 2, sends: [] });
    expect(await answersIn(house, id)).toHaveLength(1);
    expect(await house.holdsNewestPair(id)).toBe(true);
  });

  it('sends when nobody has the answer, still in time after its claim', async () => {
    const crashed = house.process();
    const id = await house.connect(crashed);
    await house.passToUps(id);
    await crashed.runtime.fire(await house.load(id), { needsUps: true, claimBy: crashed.performer.by });
    house.pass(CLAIM_MS);
    const before = await house.refreshes();
    await house.process({ spoolDir: newFolder() }).performer.perform(id);
    expect(await house.refreshes()).toBe(before + 1);
    expect((await house.load(id)).data.current).toMatchObject({ generation: 2, sends: [] });
  });

  it('waits for nobody when the lost answer is on record', async () => {
    const waits: number[] = [];
    const process = house.process({ spoolDir: newFolder(), wait: async (ms) => void waits.push(ms) });
    const id = await house.connect(process);
    await house.fault('refresh', { do: 'reset' });
    await house.passToUps(id);
    await process.performer.perform(id);
    await house.passToUps(id);
    await process.performer.perform(id);
    expect((await house.load(id)).data.current?.generation).toBe(2);
    expect(waits).toEqual([]);
  });
});

describe('a second attempt at an exchange', () => {
  async function orphanedExchange(spoolDir: string) {
    const killed = house.process({ spoolDir });
    onAnswer(killed, 'exchange', () => killed.setAway(true));
    const connecting = house.connect(killed).catch(() => null);
    await until('it is kept', () => namesIn(spoolDir).length === 1);
    await crash(killed);
    await connecting;
    return namesIn(spoolDir)[0]?.split('.')[0] ?? '';
  }

  it('uses the answer to the first', async () => {
    const spoolDir = newFolder();
    const id = await orphanedExchange(spoolDir);
    house.pass(31_000);
    await house.process({ spoolDir }).performer.perform(id);
    expect(standing(await house.load(id))).toBe('connected.fresh');
    expect(await house.holdsNewestPair(id)).toBe(true);
    expect(namesIn(spoolDir)).toEqual([]);
  });

  it('ends as interrupted when nobody has it, and what comes later is on record', async () => {
    const spoolDir = newFolder();
    const id = await orphanedExchange(spoolDir);
    house.pass(31_000);
    await house.process({ spoolDir: newFolder() }).performer.perform(id);
    expect((await house.load(id)).data.links.at(-1)).toMatchObject({ reason: 'authorization-interrupted' });
    expect(await house.process({ spoolDir }).pickUp.tick()).toBe(1);
    expect(await answersIn(house, id)).toMatchObject([{ event: { type: 'LATE_ANSWER', stored: false } }]);
  });
});
