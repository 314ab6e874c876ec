/** Waves of refusals and shared circuits on real parts: several processes, a real store, a sandbox that says no to everybody. */

import type { AccountContext } from '../../../src/machines/context';
import { standingOf } from '../../../src/machines/definition';
import { openTestService, paths, type TestService, type Process } from '../testService';

let service: TestService;
beforeEach(async () => {
  service = await openTestService('waves');
});
afterEach(() => service.release());

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const invalid = { do: 'status', status: 400, code: '10400', message: 'Invalid Refresh Token' };

const tokenOf = async (id: string) => standingOf((await service.load(id)).snapshot.value).token;
const blameOf = async (id: string) => ((await service.load(id)).snapshot.context as AccountContext).reason;
const reasonOf = async (id: string) => (await service.load(id)).view.reason;

async function connected(on: Process, count: number, policy: 'eager' | 'lazy' = 'eager'): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await service.connect(on, { policy }));
  return ids;
}

/** Each falls due and is refreshed, one after the other, by these processes in turn. */
async function refreshAll(processes: Process[], ids: string[]): Promise<void> {
  for (const [n, id] of ids.entries()) {
    await service.passToUps(id);
    await processes[n % processes.length]?.performer.perform(id);
  }
}

/** Whatever is due in these accounts, for so long, a step at a time. */
async function liveOn(processes: Process[], ids: string[], forMs: number, stepMs = 30 * SECOND): Promise<void> {
  const until = service.clock.now() + forMs;
  while (service.clock.now() < until) {
    service.pass(stepMs);
    for (const one of processes) await one.look();
    for (const id of await service.dueOf(ids)) {
      await processes[0]?.runtime.wake(id);
      await processes[0]?.performer.perform(id);
    }
  }
}

it('refuses nobody for good what everybody is refused, and goes on when a canary is given a pair', async () => {
  const [a, b] = [service.process({ shares: true }), service.process({ shares: true })];
  const ids = await connected(a, 8);
  await service.fault('refresh', { ...invalid, times: undefined });
  await refreshAll([a, b], ids);
  const tokens = await Promise.all(ids.map(tokenOf));
  expect(tokens.slice(0, 4)).toEqual(Array(4).fill('ending'));
  expect(tokens.slice(5)).toEqual(Array(3).fill('held'));
  expect(a.waves.states()).toEqual({ '10400': 'held' });

  await liveOn([a, b], ids, 70 * MINUTE, 5 * MINUTE);
  expect(await Promise.all(ids.map(tokenOf))).toEqual(Array(8).fill('held'));
  const told = [...a.logged, ...b.logged].filter(({ message }) => message.includes('refuses many accounts'));
  expect(told).toHaveLength(1);

  await service.clearFaults();
  await liveOn([a, b], ids, 60 * MINUTE, 5 * MINUTE);
  expect(await Promise.all(ids.map(tokenOf))).toEqual(Array(8).fill('fresh'));
  for (const id of ids) expect(await service.holdsNewestPair(id)).toBe(true);
});

it('makes no wave of refusals that lost answers of our own explain', async () => {
  const a = service.process({ shares: true });
  const ids = await connected(a, 5);
  await service.fault('refresh', { do: 'drop-answer', times: ids.length });
  await refreshAll([a], ids);
  await liveOn([a], ids, 5 * MINUTE);
  expect(await Promise.all(ids.map(tokenOf))).toEqual(Array(5).fill('ending'));
  expect(a.waves.states()).toEqual({});
  const reasons = await Promise.all(ids.map(blameOf));
  expect(new Set(reasons)).toEqual(new Set(['refresh-outcome-unknown']));
});

it('finds the one account among them that UPS has really revoked', async () => {
  const a = service.process({ shares: true });
  const ids = await connected(a, 7);
  const revoked = await service.connect(a, { username: 'left-ups' });
  await service.fault('refresh', { ...invalid, times: undefined });
  await refreshAll([a], [...ids, revoked]);
  expect(await tokenOf(revoked)).toBe('held');
  await service.clearFaults();
  await service.control('POST', 'faults', { match: { path: paths.refresh, username: 'left-ups' }, do: 'revoke' });
  await liveOn([a], [...ids, revoked], 150 * MINUTE, 5 * MINUTE);
  expect(await Promise.all(ids.map(tokenOf))).toEqual(Array(7).fill('fresh'));
  expect(await tokenOf(revoked)).toBeNull();
  expect(await reasonOf(revoked)).toBe('refresh-token-revoked');
});

it('believes a wave that canary after canary confirms for a month while UPS answers others', async () => {
  const a = service.process({ shares: true });
  const leavers: string[] = [];
  for (let n = 0; n < 7; n++) leavers.push(await service.connect(a, { username: 'one-login' }));
  const others = await connected(a, 8);
  await service.control('POST', 'faults', { match: { path: paths.refresh, username: 'one-login' }, do: 'revoke' });
  await refreshAll([a], leavers);
  expect(a.waves.states()).toEqual({ '10400': 'held' });
  await liveOn([a], [...leavers, ...others], 2 * 60 * MINUTE, 5 * MINUTE);
  expect(a.waves.states()['10400']).toBe('held');
  service.pass(30 * 24 * 60 * MINUTE);
  await liveOn([a], [...leavers, ...others], 2 * 60 * MINUTE, 5 * MINUTE);
  expect(a.waves.states()['10400']).not.toBe('held');
  expect(await Promise.all(leavers.map(reasonOf))).toEqual(Array(7).fill('refresh-token-revoked'));
  expect(await Promise.all(others.map(tokenOf))).toEqual(Array(8).fill('fresh'));
});

it.each(['released', 'applied'] as const)('an admin ends a wave as %s', async (state) => {
  const a = service.process({ shares: true });
  const ids = await connected(a, 6);
  await service.fault('refresh', { ...invalid, times: undefined });
  await refreshAll([a], ids);
  expect(await a.waves.decide('10400', state, 'key:admin')).toMatchObject({ state, decidedBy: 'key:admin' });
  expect(await a.waves.decide('10400', state, 'key:admin')).toBeNull();
  if (state === 'released') await service.clearFaults();
  await liveOn([a], ids, 40 * MINUTE, 5 * MINUTE);
  expect(await tokenOf(ids[5] ?? '')).toBe(state === 'released' ? 'fresh' : null);
});

it('a store that is away keeps no refusal from its account', async () => {
  const a = service.process();
  const [id = ''] = await connected(a, 1);
  await service.fault('refresh', invalid);
  await refreshAll([a], [id]);
  expect(await tokenOf(id)).toBe('ending');
});

describe('circuits', () => {
  const down = { do: 'status', status: 503 };
  const open = { threshold: 3, openMs: 5_000, longestOpenMs: 60_000 };
  const opened = () => service.process({ shares: true, gate: { ups: open, client: open } });

  /** Refreshes until the circuit of this process opens; each account is asked for once. */
  async function breakIt(on: Process): Promise<string[]> {
    const ids = await connected(on, 4);
    await service.fault('refresh', { ...down, times: undefined });
    await refreshAll([on], ids);
    expect(on.gate.state().ups.state).toBe('open');
    return ids;
  }

  /** Those who may make the trial, once somebody may. */
  async function triersOf(processes: Process[]): Promise<Process[]> {
    for (let looks = 0; looks < 20; looks++) {
      for (const one of processes) {
        one.performer.peek('refresh');
        await one.look();
      }
      const triers = processes.filter((one) => one.performer.peek('refresh').ok);
      if (triers.length > 0) return triers;
    }
    return [];
  }

  it('open in all processes by what one of them found, which the admins are told once', async () => {
    const [a, b] = [opened(), opened()];
    await breakIt(a);
    expect(b.gate.state().ups.state).toBe('closed');
    await a.look();
    await b.look();
    expect(b.gate.state().ups).toMatchObject({ state: 'open', why: expect.stringContaining('503') as string });
    const told = [...a.logged, ...b.logged].filter(({ message }) => message.includes('A circuit to UPS is open'));
    expect(told).toHaveLength(1);
  });

  it('are tried by one process, and close in all by its trial', async () => {
    const [a, b] = [opened(), opened()];
    const ids = await breakIt(a);
    await a.look();
    await b.look();
    await service.clearFaults();
    service.pass(61_000);
    expect(await triersOf([a, b])).toHaveLength(1);
    service.pass(10 * MINUTE);
    const [trier] = await triersOf([a, b]);
    await trier?.performer.perform(ids[0] ?? '');
    for (const one of [a, b, a, b]) await one.look();
    expect([a, b].map((one) => one.gate.state().ups.state)).toEqual(['closed', 'closed']);
  });

  it('that a process died in the middle of trying are tried by another', async () => {
    const [a, b] = [opened(), opened()];
    await breakIt(a);
    await a.look();
    await b.look();
    service.pass(61_000);
    a.performer.peek('refresh');
    await a.look();
    expect(a.performer.peek('refresh').ok).toBe(true);
    b.performer.peek('refresh');
    await b.look();
    expect(b.performer.peek('refresh').ok).toBe(false);
    service.pass(26_000);
    b.performer.peek('refresh');
    await b.look();
    expect(b.performer.peek('refresh').ok).toBe(true);
  });

  it('are our own while the store says nothing', async () => {
    const a = opened();
    await breakIt(a);
    service.pass(10_000);
    expect(a.performer.peek('refresh').ok).toBe(true);
  });
});
