/** Restored and copied databases on real parts; the sandbox's ledger shows what was sent. */

import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { adoptEpoch, findEpoch, raiseEpoch, type StoredEpoch } from '../../../src/db/epoch';
import { makeVolume } from '../../../src/workers';
import { until } from '../../support/until';
import { standing } from '../testService';
import { openDeployment, type Deployment, type Member } from './deployment';

let on: Deployment;
beforeEach(async () => {
  on = await openDeployment('epoch');
});
afterEach(() => on.release());

const MINUTE = 60_000;
const generation = async (id: string) => (await on.load(id)).data.current?.generation;
const stored = async (): Promise<StoredEpoch> => {
  const epoch = await findEpoch(on.db);
  if (!epoch) throw new Error('no epoch');
  return epoch;
};
const kindOf = ({ epoch }: Member) => epoch.disagreement()?.kind ?? null;

/** An account refreshed once since the backup; the database as it was before that. */
async function restored(folder: string): Promise<{ id: string; running: Member }> {
  const running = await on.start(folder);
  const id = await on.connect(running);
  const putBack = await on.backUp();
  await running.refresh(id);
  await running.epoch.look(true);
  expect(await generation(id)).toBe(2);
  await putBack();
  expect(await generation(id)).toBe(1);
  return { id, running };
}

const adopt = async (deployment = 'production') => {
  const before = await stored();
  const gone = before.doubt ? [before.doubt.id] : [];
  expect(await adoptEpoch(on.db, before, { id: 'adopted', deployment, now: on.clock.now(), gone })).toBe(true);
};

it('sends no refresh token of a restored database, and goes on once it is adopted', async () => {
  const folder = await on.folder();
  const { id } = await restored(folder);
  const sent = await on.refreshes();
  const restarted = await on.start(folder);
  await restarted.refresh(id);
  expect(await on.refreshes()).toBe(sent);
  expect(kindOf(restarted)).toBe('behind');
  const { database, volume, sentence } = restarted.epoch.disagreement() ?? {};
  expect(sentence).toContain(`${database?.id} at ${database?.counter},`);
  expect(sentence).toContain(`${volume?.id} at ${volume?.counter},`);
  expect(restarted.logged.filter(({ level }) => level === 'error')).toHaveLength(1);
  // It waits as it was: neither an attempt nor a send is on record, and nobody is disconnected.
  const waiting = await on.load(id);
  expect({ at: standing(waiting), sends: waiting.data.current?.sends, invocations: waiting.invocations }).toEqual({
    ...{ at: 'connected.fresh', sends: [], invocations: [] },
  });

  await adopt();
  await restarted.epoch.look(true);
  expect(kindOf(restarted)).toBeNull();
  await restarted.refresh(id);
  expect(await on.refreshes()).toBe(sent + 1);
});

it('stops processes that run while the database is put back, and new ones with an empty volume', async () => {
  const { id, running } = await restored(await on.folder());
  const sent = await on.refreshes();
  await running.epoch.look(true);
  expect(kindOf(running)).toBe('behind');
  const another = await on.start(await on.folder());
  expect(kindOf(another)).toBe('told');
  for (const one of [running, another]) await one.refresh(id);
  expect(await on.refreshes()).toBe(sent);

  await adopt();
  for (const one of [running, another]) await one.epoch.look(true);
  expect([running, another].map(kindOf)).toEqual([null, null]);
  expect(await makeVolume(await on.folder()).read()).toEqual({ kind: 'empty' });
  expect(await another.volume.read()).toMatchObject({ known: { id: 'adopted' } });
});

it('sends nothing from a copy in another environment, whose volume is empty', async () => {
  const production = await on.start(await on.folder());
  const id = await on.connect(production);
  const twin = await on.start(await on.folder(), { deployment: 'staging' });
  const before = await stored();
  await twin.refresh(id);
  expect(await on.refreshes()).toBe(0);
  expect(kindOf(twin)).toBe('other-deployment');
  expect(twin.epoch.disagreement()?.sentence).toContain('belongs to "production", this process is "staging"');
  // A process that was given the wrong database must not stop whose it is.
  expect(await stored()).toEqual(before);
  await production.refresh(id);
  expect(await on.refreshes()).toBe(1);
});

it('sends nothing when a database that lost its epoch stands beside a volume that knows one', async () => {
  const folder = await on.folder();
  const id = await on.connect(await on.start(folder));
  await on.db.epoch.deleteMany({});
  const restarted = await on.start(folder);
  const another = await on.start(await on.folder());
  expect([restarted, another].map(kindOf)).toEqual(['other-epoch', 'told']);
  for (const one of [restarted, another]) await one.refresh(id);
  expect(await on.refreshes()).toBe(0);
});

it('takes an empty volume for a new one, unless that is refused', async () => {
  const first = await on.start(await on.folder());
  const id = await on.connect(first);
  const fresh = await on.start(await on.folder());
  await fresh.refresh(id);
  expect(await generation(id)).toBe(2);
  expect(await fresh.volume.read()).toMatchObject({ known: { id: (await stored()).id } });
  const refused = await on.start(await on.folder(), { requireVolume: true });
  await refused.refresh(id);
  expect(kindOf(refused)).toBe('no-epoch');
  expect(await on.refreshes()).toBe(1);
});

it.each(['', '{"id":"x"', 'null', '{"id":"x","counter":0,"deployment":"","at":1}'])(
  'refreshes nothing beside a damaged file (%j), says which, and goes on when it is removed',
  async (text) => {
    const folder = await on.folder();
    const file = path.join(folder, 'epoch');
    await on.start(folder);
    await writeFile(file, text);
    const restarted = await on.start(folder);
    expect(restarted.epoch.mayRefresh()).toBe(false);
    const { sentence = '' } = restarted.epoch.disagreement() ?? {};
    expect(sentence).toContain(`${file} is damaged or cannot be read.`);
    expect(sentence).toContain('`upslink adopt --database`');
    await rm(file);
    await restarted.epoch.look(true);
    expect(restarted.epoch.mayRefresh()).toBe(true);
  },
);

it('is not troubled by a crash between the write to the database and the one to the volume', async () => {
  const folder = await on.folder();
  const volume = makeVolume(folder);
  let crashes = false;
  const crashing = {
    ...volume,
    write: (known: never) => (crashes ? new Promise<never>(() => {}) : volume.write(known)),
  };
  const first = await on.start(folder, { volume: crashing });
  crashes = true;
  on.pass(MINUTE);
  void first.epoch.look(true);
  const counter = await until('it is counted up', async () => {
    const now = (await stored()).counter;
    return now > 1 ? now : undefined;
  });
  expect(await volume.read()).toMatchObject({ known: { counter: counter - 1 } });
  const restarted = await on.start(folder);
  expect(kindOf(restarted)).toBeNull();
  expect(await volume.read()).toMatchObject({ known: { counter } });
  expect(await readdir(folder)).toEqual(['epoch']);
});

it('is counted up once by two schedulers at once, and only when it is time', async () => {
  const [a, b] = [await on.start(await on.folder()), await on.start(await on.folder())];
  await Promise.all([a.epoch.look(true), b.epoch.look(true)]);
  expect((await stored()).counter).toBe(1);
  on.pass(MINUTE);
  await Promise.all([a.epoch.look(true), b.epoch.look(true)]);
  const seen = await stored();
  expect(seen.counter).toBe(2);
  expect(await raiseEpoch(on.db, { ...seen, counter: 1 }, on.clock.now())).toBe(false);
  expect([a, b].map(kindOf)).toEqual([null, null]);
});

it('is counted on by schedulers alone; all others follow, each on its own volume', async () => {
  const [scheduler, other] = [await on.start(await on.folder()), await on.start(await on.folder())];
  const { counter } = await stored();
  on.pass(MINUTE);
  await other.epoch.look(false);
  expect((await stored()).counter).toBe(counter);
  await scheduler.epoch.look(true);
  expect((await stored()).counter).toBe(counter + 1);
  await other.epoch.look(false);
  for (const { volume } of [scheduler, other])
    expect(await volume.read()).toMatchObject({ kind: 'known', known: { counter: counter + 1 } });
});

it('refreshes nothing before the first look, nor after one that failed', async () => {
  const first = await on.start(await on.folder());
  const id = await on.connect(first);
  const find = jest.spyOn(on.db.epoch, 'findOne').mockRejectedValueOnce(new Error('away'));
  await expect(first.epoch.look(true)).rejects.toThrow('away');
  find.mockRestore();
  await first.refresh(id);
  expect(await on.refreshes()).toBe(0);
  await first.epoch.look(true);
  await first.refresh(id);
  expect(await on.refreshes()).toBe(1);
});
