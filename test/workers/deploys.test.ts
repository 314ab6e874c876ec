/**
 * A deploy never strands an account (invariant 9): an old and a new version side by side over the same accounts, on a real
 * store and a UPS that keeps a ledger. The new machine has a step and an `after` that the old one knows nothing of.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MachineMismatch, NewerVersion } from '../../src/durable/errors';
import { MACHINE_VERSION } from '../../src/machines/account';
import { makeSweep, type Sweep } from '../../src/workers';
import { deployOf, stateAt, changedMachine, brokenMachines, type Deploy } from '../machines/changedMachines';
import { openTestService, standing, type TestService, type Process } from './testService';
import { isCarriedBy } from '../../src/durable/whole';

let service: TestService;
beforeAll(async () => {
  service = await openTestService('deploys');
});
afterEach(() => service.db.accounts.deleteMany({}));
afterAll(() => service.release());

const NAP = 'xstate.after.nap.account.life.inactive';

/** The next version: a deactivated account has a timer that the old machine does not know. */
const next: Deploy = deployOf(
  changedMachine(
    (root) => {
      const inactive = stateAt(root, 'life.inactive');
      inactive.after = { nap: { target: 'inactive', reenter: true } };
    },
    { delays: { nap: () => 3_600_000 } },
  ),
  (stored) => {
    const { value } = stored.snapshot as { value: { life: unknown } };
    const { timers } = stored as unknown as { timers: object[] };
    if (value.life !== 'inactive' || timers === undefined) return stored;
    const nap = { id: NAP, event: NAP, dueAt: Date.UTC(2027, 0, 1) };
    return { ...stored, timers: [...timers, nap] } as typeof stored;
  },
);

const versionOf = async (id: string): Promise<number> => (await service.load(id)).version;

/** Without queues: what is due is done in the process itself. */
function sweepOf(process: Process): Sweep {
  const queues = { offer: async () => ({ reached: false as const, full: [] }) };
  const lease = { acquire: async () => true, release: async () => undefined };
  const { store, runtime, performer, log } = process;
  const parts = { store, wake: (id: string) => runtime.wake(id), performer, queues, lease, clock: service.clock, log };
  return makeSweep(parts);
}

const refresh = async (on: Process, id: string): Promise<void> => {
  await service.passToUps(id);
  await on.performer.perform(id);
  await on.runtime.relay.idle();
};

it('sweeps by one process of each version: what the old one leaves alone does not wait for its end', async () => {
  const [old, another, young] = [service.process(), service.process(), service.process({ deploy: next })];
  expect(await old.lease.acquire(10_000)).toBe(true);
  expect(await another.lease.acquire(10_000)).toBe(false);
  expect(await young.lease.acquire(10_000)).toBe(true);
  await Promise.all([old.lease.release(), young.lease.release()]);
});

it('carries old accounts by both versions, new ones by the new alone, and all of them once the old one is gone', async () => {
  const [old, young] = [service.process(), service.process({ deploy: next })];
  const ids = [await service.connect(old), await service.connect(old), await service.connect(young)];
  const [mine, moving, theirs] = ids as [string, string, string];
  expect([await versionOf(mine), await versionOf(theirs)]).toEqual([MACHINE_VERSION, MACHINE_VERSION + 1]);

  await refresh(old, mine);
  await refresh(young, moving);
  expect([await versionOf(mine), await versionOf(moving)]).toEqual([MACHINE_VERSION, MACHINE_VERSION + 1]);

  // Due for both: the old one leaves them as they are, and says so; the new one goes on.
  const before = await service.load(theirs);
  await service.passToUps(theirs);
  await sweepOf(old).tick();
  expect(await service.load(theirs)).toEqual(before);
  expect(old.leftAlone).toEqual(expect.arrayContaining([{ id: theirs, code: 'newer-version' }]));
  expect(old.logged.filter(({ fields }) => 'error' in fields)).toEqual([]);
  await sweepOf(young).tick();
  expect((await service.load(theirs)).data.current?.generation).toBe(2);

  // The old one is gone: everything moves on.
  for (const id of ids) await refresh(young, id);
  for (const id of ids) {
    expect(await versionOf(id)).toBe(MACHINE_VERSION + 1);
    expect(standing(await service.load(id))).toBe('connected.fresh');
    expect(await service.holdsNewestPair(id)).toBe(true);
    const rows = await service.history(id);
    expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, n) => n + 1));
  }
  expect(await service.gambles()).toEqual([]);
});

it('gives an old account what the new machine waits for, by the written step, with the first event', async () => {
  const [old, young] = [service.process(), service.process({ deploy: next })];
  const id = await service.create(old);
  await old.runtime.dispatch(id, { type: 'DEACTIVATE' }, { actor: 'test' });
  expect((await young.runtime.load(id)).timers).toEqual([expect.objectContaining({ event: NAP })]);
  await young.runtime.dispatch(id, { type: 'EDIT', changes: { externalId: 'x' }, ifMatch: 1 } as never, {
    actor: 'test',
  });
  const stored = await service.load(id);
  expect(stored).toMatchObject({ version: MACHINE_VERSION + 1, timers: [{ event: NAP }] });
});

it('keeps an answer in the second place when the account was taken over by a newer version meanwhile', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'upslink-deploys-'));
  const [old, young] = [
    service.process({ spoolDir: folder, keepAfterMs: 5 }),
    service.process({ deploy: next, spoolDir: folder }),
  ];
  const id = await service.connect(old);
  await service.passToUps(id);
  const fired = await old.runtime.fire(await old.runtime.load(id), { needsUps: true, claimBy: old.performer.by });
  if (!fired) throw new Error('nothing was due');
  // The new version writes it while UPS is asked.
  await young.runtime.dispatch(id, { type: 'USE', use: { kind: 'store', ref: '1' } } as never, { actor: 'test' });
  await old.performer.carry(fired.document, fired.claimed);
  expect(await versionOf(id)).toBe(MACHINE_VERSION + 1);
  expect(await service.holdsNewestPair(id)).toBe(false);
  service.pass(6_000);
  expect(await young.pickUp.tick()).toBe(1);
  await rm(folder, { recursive: true });
  expect(await service.holdsNewestPair(id)).toBe(true);
  expect(standing(await service.load(id))).toBe('connected.fresh');
});

it('waits untouched after a rollback, whatever is done to it, until the newer version is back', async () => {
  const [old, young] = [service.process(), service.process({ deploy: next })];
  const id = await service.connect(young);
  const before = await service.load(id);
  await service.passToUps(id);
  await expect(old.runtime.dispatch(id, { type: 'DEACTIVATE' }, { actor: 'test' })).rejects.toThrow(NewerVersion);
  await expect(old.runtime.wake(id)).rejects.toThrow(NewerVersion);
  await old.performer.perform(id);
  expect(await service.load(id)).toEqual(before);
  expect((await old.runtime.look(id)).id).toBe(id);
  await young.performer.perform(id);
  expect((await service.load(id)).data.current?.generation).toBe(2);
});

it('leaves alone an account that its machine does not fit: nothing is written or sent, and the others go on', async () => {
  const good = service.process();
  const ids = [await service.connect(good), await service.connect(good)];
  const [stuck, free] = ids as [string, string];
  // As if a machine with an `after` of its own had left it.
  await service.db.accounts.updateOne(
    { _id: stuck },
    { $push: { timers: { id: 'x', event: 'xstate.after.gone.account.life', dueAt: 1 } } },
  );
  const before = await service.load(stuck);
  await service.passToUps(stuck);
  await service.passToUps(free);
  const sent = await service.refreshes();
  const sweep = sweepOf(good);
  await sweep.tick();
  expect(await service.load(stuck)).toEqual(before);
  expect((await service.load(free)).data.current?.generation).toBe(2);
  expect(await service.refreshes()).toBe(sent + 1);
  await expect(good.runtime.claim(before, 'x', 'me')).resolves.toBeNull();
  await expect(good.runtime.dispatch(stuck, { type: 'REFRESH' }, { actor: 'test' })).rejects.toThrow(MachineMismatch);
  expect(good.leftAlone).toContainEqual({ id: stuck, code: 'machine-mismatch' });
  expect(isCarriedBy(good.definition, before)).toBe(false);
});

it('is not fooled by a deploy that forgot its version', async () => {
  const [good, other] = [service.process(), service.process({ deploy: deployOf(brokenMachines['a new after']()) })];
  const id = await service.connect(good);
  await expect(other.runtime.load(id)).rejects.toThrow(/another machine of the same version/);
});
