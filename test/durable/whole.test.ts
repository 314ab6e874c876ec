/** What a deploy could strand an account by, found when the account is loaded: each by its own name. */

import { MachineMismatch } from '../../src/durable/errors';
import { assertCarriedBy, assertSameShape, misfitsOf } from '../../src/durable/whole';
import { accountMachine, MACHINE_VERSION } from '../../src/machines/account';
import { assertPinned, machineShape, pins } from '../../src/machines/pins';
import { probes } from '../../src/machines/probes';
import { fingerprintOf, shapeOf } from '../../src/machines/shape';
import { makeUpgrade, steps } from '../../src/machines/versions';
import { buildAccount, type Account } from '../machines/accountBuilder';
import { brokenMachines, deployOf, changedMachine } from '../machines/changedMachines';

function fresh(): Account {
  const account = buildAccount();
  account.connect();
  return account.now();
}

function refreshing(): Account {
  const account = buildAccount();
  account.connect();
  account.fireTimer('refreshDue');
  return account.now();
}

function refusalBy(machine: ReturnType<typeof changedMachine>, document: Account): MachineMismatch {
  const refused = () => assertCarriedBy({ ...deployOf(machine).definition(), shape: document.shape ?? '' }, document);
  expect(refused).toThrow(MachineMismatch);
  try {
    refused();
  } catch (error) {
    if (error instanceof MachineMismatch) return error;
  }
  throw new Error('the account was carried on');
}

it('takes what this machine wrote itself', () => {
  expect(misfitsOf(accountMachine, fresh())).toEqual([]);
  expect(misfitsOf(accountMachine, refreshing())).toEqual([]);
});

it.each([
  [
    'a delay with another name',
    fresh,
    [
      /^no timer is stored for xstate\.after\.refreshSoon\./,
      /^the timer xstate\.after\.refreshDue\..* waited for by nobody/,
    ],
  ],
  ['a new after', fresh, [/^no timer is stored for xstate\.after\.nap\./]],
  ['a new invoke', fresh, [/^no invocation greet of refresh is stored/]],
  [
    'a renamed actor',
    refreshing,
    [/^the invocation refresh is stored with the actor refresh, the machine's is rotate$/],
  ],
  ['a vanished state', fresh, [/^the state account\.life\.connected\.fresh is not in the machine, which has \[/]],
] as const)('finds %s', (name, account, misfits) => {
  const error = refusalBy(brokenMachines[name](), account());
  expect(error.misfits).toHaveLength(misfits.length);
  misfits.forEach((misfit, n) => expect(error.misfits[n]).toMatch(misfit));
  expect(error.message).toMatch(
    /^Account acc_test is in life\.connected\.(fresh|refreshing), consent\.idle, key\.none, horizon\.watched, written by machine/,
  );
  expect(error.message).toMatch(/with the timers \[.*\], and the work \[.*\]\./);
  expect(error.message).toContain('Write a migration step (src/machines/versions.ts)');
});

it('finds what is stored and gone from the machine: a timer, work, a region', () => {
  const document = fresh();
  const stray = { id: 'x', event: 'xstate.after.nap.account.life', dueAt: 1 };
  expect(misfitsOf(accountMachine, { ...document, timers: [...document.timers, stray] })).toEqual([
    expect.stringContaining('xstate.after.nap.account.life is stored and waited for by nobody'),
  ]);
  expect(misfitsOf(accountMachine, { ...document, invocations: [{ id: 'greet', src: 'refresh' }] })).toEqual([
    expect.stringContaining("the invocation greet of refresh is stored and nobody's"),
  ]);
  const { key: _, ...value } = document.snapshot.value as Record<string, string>;
  expect(misfitsOf(accountMachine, { ...document, snapshot: { value } })).toEqual([
    'the state account has a region that is not stored: [key]',
  ]);
  const shallow = { ...value, life: 'connected', key: 'none' };
  expect(misfitsOf(accountMachine, { ...document, snapshot: { value: shallow } })).toEqual([
    'the state account.life.connected has states of its own, and none of them is stored',
  ]);
});

describe('a delay of the same name that takes another time', () => {
  const slower = () => changedMachine(() => undefined, { delays: { heldLook: () => 60_000 } });

  it('is found in an account that the same version wrote with the other', () => {
    const document = fresh();
    const other = deployOf(slower()).definition();
    expect(misfitsOf(other.machine, document)).toEqual([]);
    expect(() => assertSameShape(other, document)).toThrow(MachineMismatch);
    expect(() => assertSameShape(other, document)).toThrow(
      /another machine of the same version \d+ .*without a new MACHINE_VERSION/,
    );
    expect(() => assertSameShape(other, { ...document, shape: null })).not.toThrow();
    expect(() => assertSameShape({ ...other, version: MACHINE_VERSION + 1 }, document)).not.toThrow();
  });

  it('keeps a process from starting, which names what changed', () => {
    const shape = shapeOf(slower(), probes);
    expect(() => assertPinned(shape)).toThrow(
      /^The machine is not what was pinned as version \d+:\n- delay heldLook: 5000, .*\n\+ delay heldLook: 60000, .*\nRaise MACHINE_VERSION/,
    );
  });
});

it.each(Object.entries(brokenMachines))('keeps a process from starting with %s under the old version', (_, machine) => {
  expect(() => assertPinned(shapeOf(machine(), probes))).toThrow(/Raise MACHINE_VERSION/);
});

it('has this machine pinned, and asks for a pin of one that has none', () => {
  expect(machineShape).toEqual(pins[MACHINE_VERSION]);
  expect(() => assertPinned()).not.toThrow();
  expect(() => assertPinned(machineShape, 99)).toThrow(/version 99 is not pinned: run npm run generate/);
});

it('tells machines apart by what an account could notice, and by nothing else', () => {
  const same = changedMachine((root) => void (root.on = { ...root.on, HELLO: {} }));
  expect(fingerprintOf(shapeOf(same, probes))).toBe(fingerprintOf(machineShape));
  const prints = Object.values(brokenMachines).map((machine) => fingerprintOf(shapeOf(machine(), probes)));
  expect(new Set([...prints, fingerprintOf(machineShape)]).size).toBe(prints.length + 1);
});

it('times every delay by a probe, so that none can change unseen', () => {
  const times = machineShape.filter((line) => line.startsWith('delay '));
  for (const line of times) expect(line).toMatch(/^delay \w+: \d+(, \d+)+$/);
  expect(times).toHaveLength(Object.keys(accountMachine.implementations.delays).length);
});

it('has a written step to every version, and says which one is missing', () => {
  expect(() => makeUpgrade(steps, MACHINE_VERSION)).not.toThrow();
  expect(() => makeUpgrade(steps, 99)).toThrow(`No step to machine version ${MACHINE_VERSION + 1} is written`);
});
