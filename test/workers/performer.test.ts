import { NewerVersion } from '../../src/durable/errors';
import { openTestService, standing, type TestService } from './testService';

let service: TestService;
beforeAll(async () => {
  service = await openTestService('performer');
});
afterEach(() => service.clearFaults());
afterAll(() => service.release());

const contextOf = async (id: string) => (await service.load(id)).snapshot.context as { reason: string | null };

describe('an authorization is carried by the process that received the callback', () => {
  it('exchanges and verifies without a queue, and the pair is sealed', async () => {
    const process = service.process();
    const id = await service.connect(process);
    const document = await service.load(id);
    expect(standing(document)).toBe('connected.fresh');
    expect(await service.holdsNewestPair(id)).toBe(true);
    expect(document.data.links.at(-1)).toMatchObject({ verifier: null, outcome: 'connected' });
    expect(process.logged.filter(({ level }) => level === 'error' || level === 'report')).toEqual([]);
  });

  it('never sends a code it does not have: a crash after the callback ends as interrupted', async () => {
    const [crashed, other] = [service.process(), service.process()];
    const id = await service.create(crashed);
    await service.control('POST', 'profiles', { username: 'crash', password: 'pass', accounts: [] });
    const { consentId } = await service.consent(crashed, id, 'crash');
    const event = { type: 'CODE_RECEIVED', consentId } as never;
    await crashed.runtime.dispatch(id, event, { actor: 'merchant', claimBy: crashed.performer.by });
    await other.performer.perform(id);
    expect((await service.load(id)).invocations).toHaveLength(1);
    service.pass(31_000);
    await other.performer.perform(id);
    const document = await service.load(id);
    expect(standing(document)).toBe('created');
    expect(document.data.links.at(-1)).toMatchObject({ outcome: 'failed', reason: 'authorization-interrupted' });
    expect(
      (await service.ledger()).uses.filter(({ endpoint, username }) => endpoint === 'token' && username === 'crash'),
    ).toEqual([]);
  });

  it.each([
    ['an answer lost', 'token', { do: 'drop-answer' }, 'authorization-interrupted'],
    ['429', 'token', { do: 'status', status: 429 }, 'authorization-interrupted'],
    ['our redirect refused', 'token', { do: 'status', status: 400, code: '10400' }, 'authorization-unavailable'],
  ] as const)('%s leaves the account as it was, and says why', async (_, where, fault, reason) => {
    const process = service.process();
    await service.fault(where, fault);
    const id = await service.connect(process);
    const document = await service.load(id);
    expect(standing(document)).toBe('created');
    expect(document.data.links.at(-1)).toMatchObject({ outcome: 'failed', reason });
  });

  it.each([
    ['a code refused', 'token', { do: 'status', status: 400, code: '10402' }, 'authorization-rejected'],
    ['a blocked merchant', 'rate', { do: 'blocked' }, 'merchant-blocked'],
    ['another number in the profile', 'rate', { do: 'status', status: 400, code: '120100' }, 'account-not-in-profile'],
  ] as const)('%s disconnects, and says why', async (_, where, fault, reason) => {
    await service.fault(where, fault);
    const id = await service.connect(service.process());
    expect(standing(await service.load(id))).toBe('disconnected');
    expect((await contextOf(id)).reason).toBe(reason);
  });

  it('a code that could not leave for a moment is sent when it can', async () => {
    const process = service.process();
    const other = await service.connect(process);
    await service.fault('refresh', { do: 'status', status: 429, retryAfter: 1 });
    await service.passToUps(other);
    await process.performer.perform(other);
    expect(process.gate.peek('token')).toMatchObject({ ok: false, why: 'retry-after' });
    const id = await service.connect(process);
    expect(standing(await service.load(id))).toBe('connected.fresh');
  });

  it('tries a verification again that UPS did not answer', async () => {
    const process = service.process();
    await service.fault('rate', { do: 'status', status: 503 });
    const id = await service.connect(process);
    expect(standing(await service.load(id))).toBe('pending-authorization');
    await service.passToUps(id);
    await process.performer.perform(id);
    expect(standing(await service.load(id))).toBe('connected.fresh');
  });
});

describe('of two processes', () => {
  it('that have the same code in hand, one sends it: UPS sees it once, and the grant is ours', async () => {
    const [one, other] = [service.process(), service.process()];
    const id = await service.create(one);
    const username = 'twice-in-hand';
    await service.control('POST', 'profiles', { username, password: 'pass', accounts: [{ accountNumber: 'A1B2C3' }] });
    const { consentId, code } = await service.consent(one, id, username);
    await service.fault('token', { do: 'delay', ms: 200 });
    const event = { type: 'CODE_RECEIVED', consentId } as never;
    const { document } = await one.runtime.dispatch(id, event, { actor: 'merchant' });
    const key = document.invocations[0]?.key ?? '';
    const both = [one, other].map(async ({ runtime, performer }) => {
      const claimed = await runtime.claim(document, key, performer.by);
      if (claimed) await performer.carry(claimed, [key], { code });
      return claimed !== null;
    });
    const had = await Promise.all(both);
    const { uses, violations } = await service.ledger();
    expect(uses.filter((use) => use.endpoint === 'token' && use.username === username)).toHaveLength(1);
    expect(violations.filter(({ kind }) => kind === 'code-sent-twice')).toEqual([]);
    expect(standing(await service.load(id))).toBe('connected.fresh');
    expect(await service.holdsNewestPair(id)).toBe(true);
    expect(had.filter((one) => one)).toHaveLength(1);
  });

  it('that are told of the same verification, one asks UPS', async () => {
    const [one, other] = [service.process(), service.process()];
    const id = await service.connect(one);
    const asked = async () => (await service.ledger()).uses.filter(({ endpoint }) => endpoint === 'rate').length;
    const before = await asked();
    await service.fault('rate', { do: 'delay', ms: 200 });
    await one.runtime.dispatch(id, { type: 'VERIFY' }, { actor: 'key:test' });
    await Promise.all([one, other].map(({ performer }) => performer.perform(id)));
    expect(await asked()).toBe(before + 1);
    expect(await service.load(id)).toMatchObject({ invocations: [] });
    expect(standing(await service.load(id))).toBe('connected.fresh');
  });
});

describe('a refresh', () => {
  it('brings the next pair when it is due, and not before', async () => {
    const process = service.process();
    const id = await service.connect(process);
    const before = await service.refreshes();
    await process.performer.perform(id);
    expect(await service.refreshes()).toBe(before);
    await service.passToUps(id);
    await process.performer.perform(id);
    expect(await service.refreshes()).toBe(before + 1);
    expect((await service.load(id)).data.current).toMatchObject({ generation: 2, sends: [] });
    expect(await service.holdsNewestPair(id)).toBe(true);
  });

  it('is sent once when two processes are told of it at the same moment, and twice the same one', async () => {
    const [one, other] = [service.process(), service.process()];
    const id = await service.connect(one);
    await service.passToUps(id);
    const before = await service.refreshes();
    const all = [one, other, one, other].map(({ performer }) => performer.perform(id));
    await Promise.all(all);
    expect(await service.refreshes()).toBe(before + 1);
    expect((await service.load(id)).data.current?.generation).toBe(2);
    expect(await service.gambles()).toEqual([]);
  });

  it('that somebody asked for is run by whoever is told of it, at once', async () => {
    const [asked, told] = [service.process(), service.process()];
    const id = await service.connect(asked);
    await asked.runtime.dispatch(id, { type: 'REFRESH' }, { actor: 'key:test' });
    await told.performer.perform(id);
    expect((await service.load(id)).data.current?.generation).toBe(2);
  });

  it('asked for with a claim needs nobody to be told', async () => {
    const process = service.process();
    const id = await service.connect(process);
    const { by, carry } = process.performer;
    const { document, claimed } = await process.runtime.dispatch(
      id,
      { type: 'REFRESH' },
      { actor: 'key:1', claimBy: by },
    );
    const last = await carry(document, claimed);
    expect(last.data.current?.generation).toBe(2);
    expect(last.rev).toBe((await service.load(id)).rev);
  });

  it('that UPS refused unprocessed is tried again when UPS said, the token unharmed', async () => {
    const process = service.process();
    const id = await service.connect(process);
    await service.fault('refresh', { do: 'status', status: 429, retryAfter: 7 });
    await service.passToUps(id);
    const at = service.clock.now();
    await process.performer.perform(id);
    const document = await service.load(id);
    expect(standing(document)).toBe('connected.backing-off');
    expect(document.data.current?.sends).toEqual([]);
    expect((document.upsAt ?? 0) - at).toBeGreaterThanOrEqual(7_000);
    expect((document.upsAt ?? 0) - at).toBeLessThan(12_000);
    await service.passToUps(id);
    await process.performer.perform(id);
    expect((await service.load(id)).data.current?.generation).toBe(2);
  });

  it('refused for our own client disconnects nobody', async () => {
    const id = await service.connect(service.process());
    const misconfigured = service.process({ secret: 'not-the-secret' });
    await service.passToUps(id);
    await misconfigured.performer.perform(id);
    expect(standing(await service.load(id))).toBe('connected.backing-off');
    await service.passToUps(id);
    await service.process().performer.perform(id);
    expect(await service.load(id)).toMatchObject({ data: { current: { generation: 2 } } });
  });

  it('is not started, and not written, while the gate is shut', async () => {
    const process = service.process({ gate: { client: { threshold: 1, openMs: 60_000, longestOpenMs: 60_000 } } });
    const [id, other] = [await service.connect(process), await service.connect(process)];
    await service.fault('refresh', { do: 'status', status: 401, code: '250002' });
    await service.passToUps(id);
    await service.passToUps(other);
    await process.performer.perform(id);
    const { rev } = await service.load(other);
    await process.performer.perform(other);
    expect((await service.load(other)).rev).toBe(rev);
  });

  it('cannot be made with a key that is not in the ring; the account waits', async () => {
    const process = service.process();
    const id = await service.connect(process);
    const sealed = { 'data.current.refresh': 'v1.other.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA.AAAA' };
    await service.db.accounts.updateOne({ _id: id }, { $set: sealed });
    await service.passToUps(id);
    const before = await service.refreshes();
    await process.performer.perform(id);
    expect(await service.refreshes()).toBe(before);
    expect(standing(await service.load(id))).toBe('connected.backing-off');
    expect(process.logged).toContainEqual(
      expect.objectContaining({ fields: { accountId: id, field: 'refresh', code: 'vault-key-missing' } }),
    );
  });

  it('revoked by UPS leads to ending, with its reason', async () => {
    const process = service.process();
    const id = await service.connect(process);
    await service.fault('refresh', { do: 'revoke' });
    await service.passToUps(id);
    await process.performer.perform(id);
    expect(standing(await service.load(id))).toBe('connected.ending');
    expect((await contextOf(id)).reason).toBe('refresh-token-revoked');
  });
});

describe('a refresh whose answer is lost', () => {
  const lose = async (how: 'drop-answer' | 'reset') => {
    const process = service.process();
    const id = await service.connect(process);
    await service.fault('refresh', { do: how });
    await service.passToUps(id);
    await process.performer.perform(id);
    const document = await service.load(id);
    expect(standing(document)).toBe('connected.backing-off');
    expect(document.data.current?.sends).toMatchObject([{ end: 'ambiguous', recovery: false }]);
    return { process, id, settleBy: document.data.current?.sends[0]?.settleBy ?? 0 };
  };

  it('waits for settleBy, then one recovery send, and says that the outcome is unknown when that is refused', async () => {
    const { process, id, settleBy } = await lose('drop-answer');
    const before = await service.refreshes();
    service.pass(Math.max(0, settleBy - service.clock.now() - 100));
    await process.performer.perform(id);
    expect(await service.refreshes()).toBe(before);
    await service.passToUps(id);
    expect(service.clock.now()).toBeGreaterThanOrEqual(settleBy);
    await process.performer.perform(id);
    expect(await service.refreshes()).toBe(before + 1);
    const document = await service.load(id);
    expect(standing(document)).toBe('connected.ending');
    expect((await contextOf(id)).reason).toBe('refresh-outcome-unknown');
    await process.runtime.relay.idle();
    const told = (await service.history(id)).flatMap(({ outgoing }) => outgoing.map(({ type }) => type));
    expect(told).toContain('account.reconnect-needed');
    expect(await service.gambles()).toEqual([]);
  });

  it('is recovered when UPS never processed it', async () => {
    const { process, id } = await lose('reset');
    await service.passToUps(id);
    await process.performer.perform(id);
    expect((await service.load(id)).data.current).toMatchObject({ generation: 2, sends: [] });
  });

  it('is not recovered before the circuit is closed; a rating probe finds that out, and risks nothing', async () => {
    const { id } = await lose('reset');
    const circuit = { threshold: 1, openMs: 5_000, longestOpenMs: 5_000 };
    const shaken = service.process({ gate: { ups: circuit } });
    await service.passToUps(id);
    const trouble = await service.connect(service.process());
    await service.fault('refresh', { do: 'status', status: 503 });
    const asked = { actor: 'key:1', claimBy: shaken.performer.by };
    const { document, claimed } = await shaken.runtime.dispatch(trouble, { type: 'REFRESH' }, asked);
    await shaken.performer.carry(document, claimed);
    expect(shaken.gate.state().ups.state).toBe('open');
    const before = await service.refreshes();
    await shaken.performer.perform(id);
    expect(await service.refreshes()).toBe(before);
    service.pass(5_001);
    expect(shaken.gate.state().ups.state).toBe('half-open');
    const probes = async () => (await service.ledger()).uses.filter(({ endpoint }) => endpoint === 'rate').length;
    const probesBefore = await probes();
    await shaken.performer.perform(id);
    expect(await probes()).toBe(probesBefore + 1);
    expect((await service.load(id)).data.current?.generation).toBe(2);
  });

  it('by a crash after the send was written down is recovered by another process', async () => {
    const [crashed, other] = [service.process(), service.process()];
    const id = await service.connect(crashed);
    await service.passToUps(id);
    await crashed.runtime.fire(await service.load(id), { needsUps: true, claimBy: crashed.performer.by });
    const written = await service.load(id);
    expect(written.data.current?.sends).toMatchObject([{ end: null, recovery: false }]);
    const before = await service.refreshes();
    await other.performer.perform(id);
    expect(await service.refreshes()).toBe(before);
    service.pass(60_001);
    await other.performer.perform(id);
    expect((await service.load(id)).data.current).toMatchObject({ generation: 2, sends: [] });
    const row = (await service.load(id)).outbox.at(-1)?.row;
    expect(row?.facts).toMatchObject({ ambiguousSends: 1 });
  });
});

describe('a send is not made late', () => {
  it('when its claim took longer to be written than a send may wait', async () => {
    const process = service.process();
    const id = await service.connect(process);
    const before = await service.refreshes();
    const since = service.clock.monotonic();
    const asked = { actor: 'key:1', claimBy: process.performer.by };
    const { document, claimed } = await process.runtime.dispatch(id, { type: 'REFRESH' }, asked);
    await process.performer.carry(document, claimed, { since: since - 5_001 });
    expect(await service.refreshes()).toBe(before);
    expect(await service.load(id)).toMatchObject({ data: { current: { generation: 1, sends: [] } } });
  });
});

describe('an answer in hand', () => {
  it('is stored as soon as the store is back, once, and what it starts goes on', async () => {
    const process = service.process();
    const id = await service.connect(process);
    await service.fault('refresh', { do: 'delay', ms: 100 });
    await service.passToUps(id);
    const performing = process.performer.perform(id);
    await waitForSends(id);
    process.setAway(true);
    while (!process.logged.some(({ message }) => message.includes('did not take an answer'))) await tick();
    expect((await service.load(id)).data.current?.generation).toBe(1);
    process.setAway(false);
    await performing;
    expect(await service.load(id)).toMatchObject({ data: { current: { generation: 2 } } });
    expect(await service.holdsNewestPair(id)).toBe(true);
  });

  it('that was stored unheard is not stored again, and what that started is still run', async () => {
    const process = service.process();
    await service.fault('token', { do: 'delay', ms: 100 });
    const exchanged = process.runners['exchange'];
    process.runners['exchange'] = async (work) => {
      const outcome = await (exchanged?.(work) ?? Promise.reject(new Error('no runner')));
      process.leaveAfterWrite();
      return outcome;
    };
    const connecting = service.connect(process);
    while (!process.logged.some(({ message }) => message.includes('did not take an answer'))) await tick();
    process.setAway(false);
    const id = await connecting;
    expect(standing(await service.load(id))).toBe('connected.fresh');
    const types = (await service.history(id)).map(({ event }) => event.type);
    expect(types.slice(2)).toEqual(['CODE_RECEIVED', 'xstate.done.actor.exchange', 'xstate.done.actor.verify']);
  });

  it('is finished and stored before stop resolves, and nothing new is begun', async () => {
    const process = service.process();
    const id = await service.connect(process);
    await service.fault('refresh', { do: 'delay', ms: 300 });
    await service.passToUps(id);
    void process.performer.perform(id);
    await waitForSends(id);
    await process.performer.stop();
    expect(await service.load(id)).toMatchObject({ data: { current: { generation: 2 } } });
    await service.passToUps(id);
    await process.performer.perform(id);
    expect(await service.load(id)).toMatchObject({ data: { current: { generation: 2 } } });
  });

  const tick = () => new Promise((resolve) => setTimeout(resolve, 5));
  /** Until the send is written down: the request is on its way. */
  const waitForSends = async (id: string) => {
    while ((await service.load(id)).data.current?.sends.length === 0) await tick();
  };
});

describe('bugs and strangers', () => {
  it('a runner that throws is settled by its name alone, and a refresh then counts as sent', async () => {
    const process = service.process();
    const id = await service.connect(process);
    class Clumsy extends Error {}
    process.runners['refresh'] = () => Promise.reject(new Clumsy('SECRET-token'));
    await service.passToUps(id);
    await process.performer.perform(id);
    const document = await service.load(id);
    expect(standing(document)).toBe('connected.backing-off');
    expect(document.data.current?.sends).toMatchObject([{ end: 'ambiguous' }]);
    expect(document.outbox.at(-1)?.row.event).toEqual({
      type: 'xstate.error.actor.refresh',
      error: { message: 'Clumsy' },
    });
    expect(JSON.stringify([document, process.logged])).not.toContain('SECRET');
  });

  it('an account of a newer machine, or of none, is left alone', async () => {
    const process = service.process();
    const id = await service.connect(process);
    await service.passToUps(id);
    await service.db.accounts.updateOne({ _id: id }, { $set: { version: 999 } });
    await expect(process.runtime.load(id)).rejects.toThrow(NewerVersion);
    const before = await service.refreshes();
    await process.performer.perform(id);
    await process.performer.perform('acc_nobody');
    expect(await service.refreshes()).toBe(before);
  });
});

describe('policies', () => {
  it('lazy is not refreshed while its refresh token is young; eager is', async () => {
    const process = service.process();
    const [eager, lazy] = [await service.connect(process), await service.connect(process, { policy: 'lazy' })];
    service.pass(3_600_000);
    await process.performer.perform(eager);
    await process.performer.perform(lazy);
    expect((await service.load(eager)).data.current?.generation).toBe(2);
    expect((await service.load(lazy)).data.current?.generation).toBe(1);
    await service.passToUps(lazy);
    await process.performer.perform(lazy);
    expect((await service.load(lazy)).data.current?.generation).toBe(2);
  });

  it('accounts connected together do not fall due together', async () => {
    const process = service.process();
    const due = [];
    // Always the same ids: of six random ones two may be spread alike by chance.
    for (const id of ['acc_one', 'acc_two', 'acc_three', 'acc_four', 'acc_five', 'acc_six']) {
      const { upsAt, data } = await service.load(await service.connect(process, { id }));
      due.push(((upsAt ?? 0) - (data.current?.issuedAt ?? 0)) / 3_600_000);
    }
    expect(new Set(due.map((part) => part.toFixed(4))).size).toBe(6);
    for (const part of due) expect(part).toBeGreaterThanOrEqual(0.7);
    for (const part of due) expect(part).toBeLessThanOrEqual(0.781);
  });
});
