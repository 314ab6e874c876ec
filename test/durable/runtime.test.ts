import { setup, assign, sendTo } from 'xstate';
import { EventIdReused, MachineFault, NewerVersion, NotFound, TooBusy } from '../../src/durable/errors';
import { replay } from '../../src/durable/replay';
import { makeRuntime } from '../../src/durable/runtime';
import type { Definition } from '../../src/durable/types';
import type { AccountContext } from '../../src/machines/context';
import type { AccountData } from '../../src/machines/data';
import { makeAccountDefinition, type AccountView } from '../../src/machines/definition';
import type { RefreshOutput, TokenFacts } from '../../src/machines/context';
import { accountData, authorizeEvent, DAY, HOUR, SECRET, T0, upsAnswer } from '../machines/accountBuilder';
import { makeMemoryQueue, makeMemoryStore, type Fault, type StoreOperation } from './memoryStore';

const ID = 'acc_one';
const TENANT = 'acme';
const definition = makeAccountDefinition();

function world() {
  let at = T0;
  let faults: (operation: StoreOperation, id: string | null) => Fault | null = () => null;
  const store = makeMemoryStore<AccountData, AccountView>((operation, id) => faults(operation, id));
  const queue = makeMemoryQueue();
  const reports: unknown[] = [];
  let ids = 0;

  /** A process: its memory is its own, and gone with it. */
  const process = (by = 'process-1', pause = async (): Promise<void> => {}) => {
    const runtime = makeRuntime<AccountData, AccountView>({
      definition,
      store,
      queue,
      clock: { now: () => at, monotonic: () => at },
      makeId: () => `minted-${++ids}`,
      seal: (_, secret) => `sealed:${secret.length}`,
      pause,
      report: (error) => void reports.push(error),
    });
    return { ...runtime, by };
  };

  const secrets = { verifier: `${SECRET}v`, access: `${SECRET}a`, refresh: `${SECRET}r` };
  const runtime = process();
  const tokens = (grantId: string, generation: number): TokenFacts => ({
    grantId,
    generation,
    issuedAt: at,
    accessExpiresAt: at + HOUR,
    refreshExpiresAt: at + 60 * DAY,
  });
  const load = () => runtime.load(ID);

  return {
    store,
    queue,
    process,
    runtime,
    reports,
    secrets,
    tokens,
    load,
    now: () => at,
    advanceBy: (ms: number) => void (at += ms),
    fail: (next: typeof faults) => void (faults = next),
    /** The first call of that operation fails so; the rest go well. */
    failOnce(operation: StoreOperation, fault: Fault) {
      let done = false;
      faults = (called) => {
        if (done || called !== operation) return null;
        done = true;
        return fault;
      };
    },
    create: () =>
      runtime.create({ id: ID, tenantId: TENANT, data: accountData() }, { type: 'CREATE' }, { actor: 'key:1' }),
    dispatch: (event: { type: string }, more: object = {}) =>
      runtime.dispatch(ID, event, { actor: 'key:1', secrets, ...more }),
    async run(id: string, output: object, by = 'process-1') {
      const document = await load();
      const key = document.invocations.find((one) => one.id === id)?.key ?? '';
      const claimed = await runtime.claim(document, key, by);
      if (!claimed) throw new Error(`${id} cannot be claimed`);
      const attempt = claimed.invocations.find((one) => one.key === key)?.claim?.attempt ?? 0;
      return runtime.settle(claimed, { key, attempt, secrets }, { output });
    },
    async connect(consentId = 'g1') {
      await this.dispatch(authorizeEvent(consentId));
      await this.dispatch({ type: 'CODE_RECEIVED', consentId } as never);
      await this.run('exchange', { kind: 'tokens', tokens: tokens(consentId, 1), ups: upsAnswer() });
      await this.run('verify', { kind: 'verified', ups: null });
    },
    /** Everything offered has reached history, and what could be dropped is. */
    settled: () => runtime.relay.idle(),
  };
}

async function created() {
  const one = world();
  await one.create();
  return one;
}
async function connected() {
  const one = await created();
  await one.connect();
  return one;
}

describe('verdicts', () => {
  it('an event is applied after its write, and says what it started', async () => {
    const one = await created();
    const verdict = await one.dispatch(authorizeEvent('g1'));
    expect(verdict).toMatchObject({
      verdict: 'applied',
      seq: 2,
      from: 'created',
      to: 'pending-authorization',
      why: null,
    });
    expect(verdict.allowed()).toEqual(['AUTHORIZE', 'DEACTIVATE', 'CANCEL_AUTHORIZATION']);
    expect(verdict.effects.map((effect) => Object.keys(effect)[0])).toEqual(['patch', 'emit', 'timer']);
    expect((await one.load()).seq).toBe(2);
  });

  it('the same id with the same body is a duplicate with the first answer, however late', async () => {
    const one = await created();
    const options = { eventId: 'mine', bodyHash: 'body' };
    const first = await one.dispatch({ type: 'DEACTIVATE' }, options);
    for (const relayed of [false, true]) {
      if (relayed) await one.settled();
      const again = await one.dispatch({ type: 'DEACTIVATE' }, options);
      expect(again).toMatchObject({ verdict: 'duplicate', seq: first.seq, from: first.from, to: first.to });
    }
    expect((await one.load()).outbox).toEqual([]);
    expect((await one.load()).seq).toBe(2);
  });

  it('the same id with another body is refused', async () => {
    const one = await created();
    await one.dispatch({ type: 'DEACTIVATE' }, { eventId: 'mine', bodyHash: 'body' });
    await one.settled();
    const reuse = one.dispatch({ type: 'REACTIVATE' }, { eventId: 'mine', bodyHash: 'other' });
    await expect(reuse).rejects.toThrow(EventIdReused);
  });

  it('two requests with one id at once: one applies, the other is its duplicate', async () => {
    const one = await created();
    const options = { eventId: 'mine', bodyHash: 'body' };
    const both = await Promise.all([
      one.dispatch({ type: 'DEACTIVATE' }, options),
      one.process().dispatch(ID, { type: 'DEACTIVATE' }, { actor: 'key:1', ...options }),
    ]);
    expect(both.map(({ verdict }) => verdict).sort()).toEqual(['applied', 'duplicate']);
    expect((await one.load()).seq).toBe(2);
  });

  it('the loser is the duplicate also when the winner’s row has left for history before it looks again', async () => {
    const one = await connected();
    const options = { eventId: 'mine', bodyHash: 'body' };
    const rival = one.process();
    const slow = one.process('process-1', async () => {
      await winning;
      await rival.relay.idle();
    });
    const seq = (await one.load()).seq + 1;
    const asked = { actor: 'key:1', secrets: one.secrets, ...options };
    const winning = rival.dispatch(ID, authorizeEvent('g2'), asked);
    const losing = slow.dispatch(ID, authorizeEvent('g2'), asked);
    expect(await winning).toMatchObject({ verdict: 'applied', seq });
    expect(await losing).toMatchObject({ verdict: 'duplicate', seq });
    expect((await one.load()).outbox).toEqual([]);
    expect((await one.load()).seq).toBe(seq);
  });

  it('given up before its write, it changes nothing', async () => {
    const one = await created();
    const given = new AbortController();
    const asking = one.dispatch({ type: 'DEACTIVATE' }, { signal: given.signal });
    given.abort(new Error('given up'));
    await expect(asking).rejects.toThrow('given up');
    expect((await one.load()).seq).toBe(1);
  });

  it('given up while it stood still, it changes nothing after what was asked later', async () => {
    const one = await created();
    const given = new AbortController();
    const use = { kind: 'store', ref: 's1' };
    const slow = one.process('process-1', async () => given.abort(new Error('given up')));
    const rival = one.process();
    const winning = rival.dispatch(ID, { type: 'USE', use } as { type: string }, { actor: 'key:1' });
    const losing = slow.dispatch(ID, { type: 'DEACTIVATE' }, { actor: 'key:1', signal: given.signal });
    expect(await winning).toMatchObject({ verdict: 'applied', seq: 2 });
    await expect(losing).rejects.toThrow('given up');
    expect((await one.load()).seq).toBe(2);
  });

  it('ignored names the guard’s reason, illegal what this state takes; neither writes or uses up the id', async () => {
    const one = await connected();
    await one.dispatch({ type: 'REFRESH' });
    const { rev } = await one.load();
    await one.settled();
    const calls = one.store.calls.write;
    const options = { eventId: 'mine', bodyHash: 'body' };
    expect(await one.dispatch({ type: 'REFRESH' }, options)).toMatchObject({
      verdict: 'ignored',
      why: 'refresh-under-way',
    });
    expect(await one.dispatch({ type: 'REACTIVATE' }, options)).toMatchObject({ verdict: 'illegal', why: null });
    expect(one.store.calls.write).toBe(calls);
    expect((await one.load()).rev).toBeGreaterThanOrEqual(rev);
    expect((await one.dispatch({ type: 'DEACTIVATE' }, options)).verdict).toBe('applied');
  });

  it('dryRun gives the verdict and writes nothing', async () => {
    const one = await created();
    await one.settled();
    const before = one.store.documents();
    const options = { eventId: 'mine', bodyHash: 'body', dryRun: true };
    const verdict = await one.dispatch({ type: 'DEACTIVATE' }, options);
    expect(verdict).toMatchObject({ verdict: 'applied', to: 'inactive' });
    expect(verdict.effects).toContainEqual({ emit: 'account.deactivated', data: { reason: null } });
    expect(one.store.documents()).toEqual(before);
    expect((await one.dispatch({ type: 'DEACTIVATE' }, { ...options, dryRun: false })).verdict).toBe('applied');
  });

  it('another tenant’s account is not found', async () => {
    const one = await created();
    const foreign = one.dispatch({ type: 'DEACTIVATE' }, { tenantId: 'other' });
    await expect(foreign).rejects.toThrow(NotFound);
  });

  it('a document of a newer machine is left alone', async () => {
    const one = await created();
    const document = await one.load();
    await one.settled();
    const now = await one.load();
    await one.store.write(now, { ...now, version: document.version + 1, rev: now.rev + 1 });
    await expect(one.dispatch({ type: 'DEACTIVATE' })).rejects.toThrow(NewerVersion);
  });
});

describe('creation', () => {
  it('is idempotent: the second finds the first', async () => {
    const one = world();
    expect((await one.create()).created).toBe(true);
    expect((await one.create()).created).toBe(false);
    expect((await one.load()).seq).toBe(1);
  });

  it.each(['before', 'after'] as const)(
    'whose answer is lost (%s) happens once and is known as ours',
    async (fault) => {
      const one = world();
      one.failOnce('insert', fault);
      expect((await one.create()).created).toBe(true);
      await one.settled();
      expect(one.store.history(ID).map(({ seq }) => seq)).toEqual([1]);
    },
  );
});

describe('many births in one go', () => {
  const births = (names: string[], createHash = 'hash') =>
    names.map((name) => ({
      id: `acc_${name}`,
      tenantId: TENANT,
      data: { ...accountData(), createHash },
      event: { type: 'CREATE' },
    }));
  const bearMany = (one: ReturnType<typeof world>, names: string[]) =>
    one.runtime.createMany(births(names), { actor: 'test' });

  it('take one insert, one write of rows and one write that drops them, and are told outside', async () => {
    const one = world();
    const born = await bearMany(one, ['a', 'b', 'c']);
    expect(born.map(({ created, document }) => [created, document.seq])).toEqual(Array(3).fill([true, 1]));
    expect(one.store.calls).toMatchObject({ insertMany: 1, insert: 0, appendHistory: 1, writeMany: 1, write: 0 });
    expect(one.store.history('acc_b')).toMatchObject([{ seq: 1, outgoing: [{ type: 'account.created' }] }]);
    expect(one.store.documents().map(({ outbox }) => outbox)).toEqual([[], [], []]);
  });

  it('find those that were there, and create the others', async () => {
    const one = world();
    await bearMany(one, ['a', 'b']);
    const born = await bearMany(one, ['b', 'c', 'c', 'a']);
    expect(born.map(({ created }) => created)).toEqual([false, true, false, false]);
  });

  it.each(['before', 'after'] as const)('whose answer was lost (%s) are known as ours, once each', async (fault) => {
    const one = world();
    one.failOnce('insertMany', fault);
    const born = await bearMany(one, ['a', 'b']);
    expect(born.map(({ created }) => created)).toEqual([true, true]);
    await one.runtime.relay.idle();
    expect(one.store.history('acc_a')).toHaveLength(1);
  });

  it('whose rows could not leave keep them, and the sweep sees to it', async () => {
    const one = world();
    one.fail((operation) => (operation === 'appendHistory' ? 'before' : null));
    await bearMany(one, ['a']);
    expect(one.reports).toHaveLength(1);
    one.fail(() => null);
    one.advanceBy(3_000);
    await one.process('process-2').wake('acc_a');
    expect([one.store.history('acc_a').length, one.store.documents()[0]?.outbox]).toEqual([1, []]);
  });

  it('count on from the grave of an account that was erased, also two at once and with lost answers', async () => {
    const one = world();
    await bearMany(one, ['a']);
    one.store.bury('acc_a');
    one.failOnce('insert', 'after');
    const [left, right] = await Promise.all([
      bearMany(one, ['a']),
      one.process('process-2').createMany(births(['a']), { actor: 'test' }),
    ]);
    const created = [left[0]?.created, right[0]?.created];
    expect(created.filter(Boolean)).toHaveLength(1);
    const [document] = one.store.documents();
    expect(document).toMatchObject({ seq: 2, firstSeq: 2, data: { settings: { seq: 2 } } });
    await one.runtime.relay.idle();
    await one.process('process-3').wake('acc_a');
    const rows = one.store.history('acc_a');
    expect(rows.map(({ seq }) => seq)).toEqual([2]);
    expect(document && replay(definition, null, rows, document)).toEqual({ same: true, seq: 2 });
  });
});

describe('a write whose answer never came', () => {
  it.each(['before', 'after'] as const)('(%s) leads to one effect and one verdict', async (fault) => {
    const one = await connected();
    await one.settled();
    one.failOnce('write', fault);
    const { seq } = await one.load();
    expect(await one.dispatch({ type: 'REFRESH' })).toMatchObject({ verdict: 'applied', seq: seq + 1 });
    expect((await one.load()).seq).toBe(seq + 1);
  });

  it('and was relayed by another before we looked again, is still known as ours', async () => {
    const one = await created();
    await one.settled();
    one.failOnce('write', 'after');
    const other = one.process('process-2');
    const load = one.store.load.bind(one.store);
    let loads = 0;
    one.store.load = async (id, tenantId) => {
      const document = await load(id, tenantId);
      if (document && ++loads === 2) await other.relay.relayNow([document]);
      return load(id, tenantId);
    };
    expect(await one.dispatch({ type: 'DEACTIVATE' })).toMatchObject({ verdict: 'applied', seq: 2 });
    expect((await load(ID))?.seq).toBe(2);
  });

  it('five times is enough: the caller is told to come back', async () => {
    const one = await created();
    await one.settled();
    one.fail((operation) => (operation === 'write' ? 'before' : null));
    await expect(one.dispatch({ type: 'DEACTIVATE' })).rejects.toThrow(TooBusy);
    one.fail(() => null);
    expect((await one.load()).seq).toBe(1);
  });

  it('a store that is away for one read costs a try, not the event', async () => {
    const one = await created();
    await one.settled();
    let reads = 0;
    let writes = 0;
    one.fail((operation) => {
      if (operation === 'write') return ++writes === 1 ? 'after' : null;
      return operation === 'load' && ++reads === 2 ? 'before' : null;
    });
    expect(await one.dispatch({ type: 'DEACTIVATE' })).toMatchObject({ verdict: 'applied', seq: 2 });
    expect((await one.load()).seq).toBe(2);
  });
});

describe('claims', () => {
  const refreshing = async () => {
    const one = await connected();
    await one.dispatch({ type: 'REFRESH' });
    await one.settled();
    const document = await one.load();
    return { one, document, key: document.invocations[0]?.key ?? '' };
  };

  it('of two workers with the same job, one gets it', async () => {
    const { one, document, key } = await refreshing();
    const [a, b] = await Promise.all([
      one.runtime.claim(document, key, 'a'),
      one.process('b').claim(document, key, 'b'),
    ]);
    expect([a, b].filter((claimed) => claimed !== null)).toHaveLength(1);
    expect((await one.load()).data.current?.sends).toHaveLength(1);
  });

  it('a claim that was dispatched with the event names what it may run', async () => {
    const one = await connected();
    const verdict = await one.dispatch({ type: 'REFRESH' }, { claimBy: 'api' });
    expect(verdict.claimed).toEqual([`${verdict.seq}-refresh`]);
    expect(verdict.document.data.current?.sends).toHaveLength(1);
    expect(one.queue.take().filter(({ queue }) => queue === 'token-refresh')).toEqual([]);
  });

  it('whose write’s answer was lost is ours, also if others wrote since', async () => {
    const { one, document, key } = await refreshing();
    const overtaken = one.process('process-1', async () => void (await one.dispatch(authorizeEvent('g2'))));
    one.failOnce('write', 'after');
    expect(await overtaken.claim(document, key, 'a')).not.toBeNull();
    expect((await one.load()).data.current?.sends).toHaveLength(1);
  });

  it('one process told twice at once runs it once, also when the second claim’s answer was lost', async () => {
    const { one, document, key } = await refreshing();
    let writes = 0;
    one.fail((operation) => (operation === 'write' && ++writes === 2 ? 'before' : null));
    const both = await Promise.all([one.runtime.claim(document, key, 'a'), one.runtime.claim(document, key, 'a')]);
    expect(both.filter((claimed) => claimed !== null)).toHaveLength(1);
  });

  it('one event sent to one process twice at once runs what it claimed once, also when one answer was lost', async () => {
    const one = await connected();
    let writes = 0;
    one.fail((operation) => (operation === 'write' && ++writes === 2 ? 'before' : null));
    const options = { claimBy: 'api', eventId: 'twice' };
    const both = await Promise.all([
      one.dispatch({ type: 'REFRESH' }, options),
      one.dispatch({ type: 'REFRESH' }, options),
    ]);
    expect(both.flatMap(({ claimed }) => claimed)).toHaveLength(1);
  });

  it('started work that nobody claimed is handed over, and its loss is made good by upsAt', async () => {
    const one = await connected();
    one.queue.take();
    await one.dispatch({ type: 'REFRESH' });
    expect(one.queue.take()).toMatchObject([{ id: ID, queue: 'token-refresh' }]);
    one.advanceBy(30_000);
    const page = { kind: 'ups', now: one.now(), after: null, limit: 10 } as const;
    expect(await one.store.due(page)).toMatchObject([{ id: ID, queue: 'token-refresh' }]);
  });

  it('a queue that is away stops nobody', async () => {
    const one = await connected();
    one.queue.goAway();
    expect((await one.dispatch({ type: 'REFRESH' })).verdict).toBe('applied');
  });
});

describe('results', () => {
  it('count once: the second delivery is stale', async () => {
    const one = await connected();
    const claimed = await one.dispatch({ type: 'REFRESH' }, { claimBy: 'a' });
    const about = { key: claimed.claimed[0] ?? '', attempt: 1, secrets: one.secrets };
    const output: RefreshOutput = { kind: 'later', retryAt: null, ups: null };
    expect((await one.runtime.settle(claimed.document, about, { output })).verdict).toBe('applied');
    expect((await one.runtime.settle(claimed.document, about, { output })).verdict).toBe('stale');
  });

  it('a superseded attempt’s refusal does not count, its tokens do', async () => {
    for (const kind of ['refused', 'tokens'] as const) {
      const one = await connected();
      const first = await one.dispatch({ type: 'REFRESH' }, { claimBy: 'a' });
      const key = first.claimed[0] ?? '';
      one.advanceBy(60_000);
      expect(await one.runtime.claim(await one.load(), key, 'b')).not.toBeNull();
      const output = { kind, tokens: one.tokens('g1', 2), ups: upsAnswer() };
      const settled = await one.runtime.settle(first.document, { key, attempt: 1, secrets: one.secrets }, { output });
      expect(settled.verdict).toBe(kind === 'tokens' ? 'applied' : 'stale');
      expect((await one.load()).data.current?.generation).toBe(kind === 'tokens' ? 2 : 1);
    }
  });

  it('an answer whose invocation is gone is stored if its grant is current and its generation the next', async () => {
    const one = await connected();
    const claimed = await one.dispatch({ type: 'REFRESH' }, { claimBy: 'a' });
    const about = { key: claimed.claimed[0] ?? '', attempt: 1, secrets: one.secrets };
    await one.runtime.settle(claimed.document, about, { output: { kind: 'ambiguous', ups: null } });
    const late = { output: { kind: 'tokens', tokens: one.tokens('g1', 2), ups: upsAnswer() } };
    expect((await one.runtime.settle(claimed.document, about, late)).verdict).toBe('late');
    const document = await one.load();
    expect(document.data.current).toMatchObject({ generation: 2, sends: [] });
    expect(document.snapshot.value).toMatchObject({ life: { connected: 'fresh' } });
  });

  it('a swap during a refresh wins: the late answer of the replaced grant is on record, and stored nowhere', async () => {
    const one = await connected();
    await one.dispatch(authorizeEvent('g2'));
    await one.dispatch({ type: 'CODE_RECEIVED', consentId: 'g2' } as never);
    await one.run('exchange', { kind: 'tokens', tokens: one.tokens('g2', 1), ups: upsAnswer() });
    const out = await one.dispatch({ type: 'REFRESH' }, { claimBy: 'a' });
    await one.run('verify', { kind: 'verified', ups: null });
    const about = { key: out.claimed[0] ?? '', attempt: 1, secrets: one.secrets };
    const late = { output: { kind: 'tokens', tokens: one.tokens('g1', 2), ups: upsAnswer() } };
    expect((await one.runtime.settle(out.document, about, late)).verdict).toBe('late');
    const document = await one.load();
    expect(document.data.current).toMatchObject({ grantId: 'g2', generation: 1 });
    await one.settled();
    expect(one.store.history(ID).at(-1)).toMatchObject({ event: { type: 'LATE_ANSWER', stored: false } });
  });

  it.each([
    ['the pair it holds', 'g1', 2],
    ['the pair before that', 'g1', 1],
    ['the pair after the next', 'g1', 4],
    ['the next pair, of a grant that nobody verified yet', 'g2', 2],
  ])('an answer whose invocation is gone and that brings %s is on record, and changes no slot', async (_, grant, n) => {
    const one = await connected();
    await one.dispatch({ type: 'REFRESH' });
    await one.run('refresh', { kind: 'tokens', tokens: one.tokens('g1', 2), ups: upsAnswer() });
    await one.dispatch(authorizeEvent('g2'));
    await one.dispatch({ type: 'CODE_RECEIVED', consentId: 'g2' } as never);
    await one.run('exchange', { kind: 'tokens', tokens: one.tokens('g2', 1), ups: upsAnswer() });
    const out = await one.dispatch({ type: 'REFRESH' }, { claimBy: 'a' });
    const about = { key: out.claimed[0] ?? '', attempt: 1, secrets: one.secrets };
    await one.runtime.settle(out.document, about, { output: { kind: 'ambiguous', ups: null } });
    const held = async () => {
      const { data, snapshot } = await one.load();
      const { current, candidate } = snapshot.context as AccountContext;
      return { slots: [data.current, data.candidate], known: [current, candidate] };
    };
    const before = await held();
    expect(before.slots).toMatchObject([
      { grantId: 'g1', generation: 2, sends: [{ end: 'ambiguous' }] },
      { grantId: 'g2', generation: 1 },
    ]);
    one.advanceBy(1_000);
    const tokens = one.tokens(grant, n);
    const late = { output: { kind: 'tokens', tokens, ups: upsAnswer() } };
    expect((await one.runtime.settle(out.document, about, late)).verdict).toBe('late');
    expect(await held()).toEqual(before);
    await one.settled();
    expect(one.store.history(ID).at(-1)?.event).toEqual({ type: 'LATE_ANSWER', tokens, stored: false });
  });

  it('tokens are stored though the first answer of the store is lost', async () => {
    const one = await connected();
    const claimed = await one.dispatch({ type: 'REFRESH' }, { claimBy: 'a' });
    const about = { key: claimed.claimed[0] ?? '', attempt: 1, secrets: one.secrets };
    one.failOnce('write', 'after');
    const output = { kind: 'tokens', tokens: one.tokens('g1', 2), ups: upsAnswer() };
    expect((await one.runtime.settle(claimed.document, about, { output })).verdict).toBe('applied');
    expect((await one.load()).data.current?.generation).toBe(2);
  });
});

describe('timers', () => {
  it('fire from the document only, when due, and once', async () => {
    const one = await created();
    await one.dispatch(authorizeEvent('g1'));
    const document = await one.load();
    expect(await one.runtime.fire(document, { needsUps: false })).toBeNull();
    one.advanceBy(1_800_000);
    const both = await Promise.all([
      one.runtime.fire(document, { needsUps: false }),
      one.process('b').fire(document, { needsUps: false }),
    ]);
    expect(both.filter((fired) => fired !== null)).toHaveLength(1);
    expect((await one.load()).view.state).toBe('created');
  });

  it('a swept account does what is due without UPS, and nothing else', async () => {
    const one = await created();
    await one.dispatch(authorizeEvent('g1'));
    await one.settled();
    one.advanceBy(1_800_000);
    await one.process('scheduler').wake(ID);
    expect((await one.load()).view.state).toBe('created');
    expect((await one.load()).wakeAt).not.toBeNull();
  });

  it('one that is fired and claimed is one write, the send in it', async () => {
    const one = await connected();
    await one.settled();
    const document = await one.load();
    one.advanceBy(HOUR);
    const writes = one.store.calls.write;
    const fired = await one.runtime.fire(document, { needsUps: true, claimBy: 'w' });
    expect(one.store.calls.write - writes).toBe(1);
    expect(fired?.claimed).toEqual([`${document.seq + 1}-refresh`]);
    expect(fired?.document.data.current?.sends).toMatchObject([{ settleBy: one.now() + 60_000, end: null }]);
  });
});

describe('history', () => {
  it('takes rows in order; an outgoing event leaves at once, a routine row with the next write', async () => {
    const one = await connected();
    await one.settled();
    expect((await one.load()).outbox).toEqual([]);
    one.advanceBy(HOUR);
    const fired = await one.runtime.fire(await one.load(), { needsUps: true, claimBy: 'w' });
    if (!fired) throw new Error('nothing was due');
    const about = { key: fired.claimed[0] ?? '', attempt: 1, secrets: one.secrets };
    const output = { kind: 'tokens', tokens: one.tokens('g1', 2), ups: upsAnswer() };
    await one.runtime.settle(fired.document, about, { output });
    await one.settled();
    const document = await one.load();
    expect(document.outbox.map(({ row }) => row.routine)).toEqual([true, true]);
    // The look at the grant's end, which a refresh leaves where it is.
    expect(document.wakeAt).toBe((document.snapshot.context as AccountContext).lookAt);
    expect(one.store.history(ID).map(({ seq }) => seq)).toEqual(Array.from({ length: document.seq }, (_, i) => i + 1));
    await one.dispatch({ type: 'REFRESH' });
    await one.settled();
    expect((await one.load()).outbox).toEqual([]);
  });

  it('stays whole when the database is restored from a backup under a running process', async () => {
    const one = await created();
    await one.settled();
    const backup = makeMemoryStore<AccountData, AccountView>();
    await backup.insert(await one.load());
    await backup.appendHistory(
      one.store.history(ID).map((row) => ({ id: ID, tenantId: TENANT, row, checkpoint: null })),
    );
    for (let n = 0; n < 3; n++) {
      await one.dispatch({ type: 'DEACTIVATE' });
      await one.dispatch({ type: 'REACTIVATE' });
    }
    await one.settled();
    Object.assign(one.store, backup);
    one.advanceBy(HOUR);
    await one.connect();
    await one.settled();
    const document = await one.load();
    expect(document.outbox).toEqual([]);
    expect(one.store.history(ID).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(replay(definition, null, one.store.history(ID), document)).toEqual({ same: true, seq: 5 });
  });

  it('a process that died before relaying is made good by the sweep', async () => {
    const one = await created();
    one.fail((operation) => (operation === 'appendHistory' ? 'before' : null));
    await one.dispatch({ type: 'DEACTIVATE' });
    await one.settled();
    expect(one.reports).not.toEqual([]);
    one.fail(() => null);
    one.advanceBy(2_000);
    await one.process('scheduler').wake(ID);
    expect(one.store.history(ID).map(({ seq }) => seq)).toEqual([1, 2]);
    expect(await one.load()).toMatchObject({ outbox: [], wakeAt: null });
  });

  it('an insert whose answer was lost is inserted again, and is there once', async () => {
    const one = await created();
    await one.settled();
    one.failOnce('appendHistory', 'after');
    await one.dispatch({ type: 'DEACTIVATE' });
    await one.settled();
    expect((await one.load()).outbox).toHaveLength(1);
    one.advanceBy(2_000);
    await one.process('scheduler').wake(ID);
    expect(one.store.history(ID).map(({ seq }) => seq)).toEqual([1, 2]);
    expect((await one.load()).outbox).toEqual([]);
  });

  it('replays to what is stored, from the start and from a checkpoint', async () => {
    const one = await connected();
    for (let generation = 2; generation < 80; generation++) {
      await one.dispatch({ type: 'REFRESH' });
      await one.run('refresh', { kind: 'tokens', tokens: one.tokens('g1', generation), ups: upsAnswer() });
    }
    await one.settled();
    const document = await one.load();
    const rows = one.store.history(ID);
    const [checkpoint] = one.store.checkpoints(ID);
    expect(replay(definition, null, rows, document)).toEqual({ same: true, seq: document.seq });
    if (!checkpoint) throw new Error('no checkpoint after 128 events');
    const since = rows.filter(({ seq }) => seq > checkpoint.seq);
    expect(replay(definition, checkpoint, since, document)).toEqual({ same: true, seq: document.seq });
    expect(replay(definition, null, rows.slice(0, -1), document)).toMatchObject({ same: false });
    const tampered = rows.map((row) => (row.seq === 5 ? { ...row, to: 'inactive' } : row));
    expect(replay(definition, null, tampered, document)).toMatchObject({ same: false, seq: 5 });
  });

  it('is gap-free under eight dispatchers and a store that loses every third answer', async () => {
    const one = await created();
    let calls = 0;
    one.fail((operation) => (operation === 'write' && ++calls % 3 === 0 ? (calls % 2 ? 'before' : 'after') : null));
    const verdicts = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const runtime = one.process(`p${i}`);
        const applied: number[] = [];
        for (let n = 0; n < 6; n++) {
          const event = { type: n % 2 === 0 ? 'USE' : 'UNUSE', use: { kind: 'store', ref: `s${i}` } };
          const options = { actor: 'key:1', eventId: `${i}-${n}`, bodyHash: 'b' };
          const verdict = await runtime.dispatch(ID, event, options).catch((error: unknown) => {
            if (error instanceof TooBusy) return null;
            throw error;
          });
          if (verdict?.verdict === 'applied') applied.push(verdict.seq);
          else if (verdict === null) n--; // told to come back: the same id again
        }
        await runtime.relay.idle();
        return applied;
      }),
    );
    one.fail(() => null);
    await one.settled();
    const seqs = verdicts.flat();
    expect(new Set(seqs).size).toBe(seqs.length);
    const document = await one.load();
    expect(document.seq).toBe(1 + 48);
    const waiting = document.outbox.map(({ row }) => row.seq);
    const all = new Set([...one.store.history(ID).map(({ seq }) => seq), ...waiting]);
    expect([...all].sort((a, b) => a - b)).toEqual(Array.from({ length: 49 }, (_, i) => i + 1));
  });

  it('an outbox that cannot be emptied stops growing at 64', async () => {
    const one = await created();
    one.fail((operation) => (operation === 'appendHistory' ? 'before' : null));
    let refused = 0;
    for (let i = 0; i < 70; i++) {
      const event = { type: 'USE', use: { kind: 'store', ref: `s${i}` } };
      await one.dispatch(event).catch(() => refused++);
    }
    expect((await one.load()).outbox).toHaveLength(64);
    expect(refused).toBe(7);
    await one.settled();
  });

  it('holds no secret, nor does the document or the queue', async () => {
    const one = await connected();
    await one.settled();
    const everything = JSON.stringify([one.store.documents(), one.store.history(ID), one.queue.take()]);
    expect(everything).not.toContain(SECRET);
  });
});

describe('what cannot be made durable is refused by name', () => {
  interface Data {
    count: number;
  }
  const base = setup({
    types: { context: {} as { at: number; facts: object }, events: {} as { type: 'GO' } | { type: 'STOP' } },
    delays: { never: () => Number.NaN },
    actions: { note: () => {}, stray: () => {} },
  });

  function doorOf(machine: Definition['machine']): Definition<Data, object> {
    return {
      machine,
      version: 1,
      facts: () => ({}),
      patches: { note: { apply: (data) => ({ count: data.count + 1 }) } },
      view: () => ({}),
      stateName: (value) => JSON.stringify(value),
      queueOf: () => null,
      isRoutine: () => false,
      publicEvents: ['GO'],
      refusals: {},
      claim: ({ data }) => ({ data, until: 0 }),
      late: () => null,
    };
  }

  async function dispatched(machine: Definition['machine']) {
    const store = makeMemoryStore<Data, object>();
    const runtime = makeRuntime<Data, object>({
      definition: doorOf(machine),
      store,
      queue: makeMemoryQueue(),
      clock: { now: () => T0, monotonic: () => 0 },
      makeId: () => Math.random().toString(36),
      seal: () => '',
      pause: async () => {},
      report: () => {},
    });
    await runtime.create({ id: 'door', tenantId: 't', data: { count: 0 } }, { type: 'CREATE' }, { actor: 'test' });
    const verdict = runtime.dispatch('door', { type: 'GO' }, { actor: 'test' });
    await verdict.catch(() => null);
    await runtime.relay.idle();
    const [document] = store.documents();
    return { verdict, document };
  }

  const machineWith = (go: object, rest: object = {}) =>
    base.createMachine({
      context: ({ input }: { input: object }) => input,
      initial: 'shut',
      states: { shut: { on: { GO: go } }, open: {}, ...rest },
    } as never) as unknown as Definition['machine'];

  it('runs any machine: a named action is a patch of the same write', async () => {
    const { document } = await dispatched(machineWith({ target: 'open', actions: 'note' }));
    expect(document).toMatchObject({ seq: 2, data: { count: 1 }, snapshot: { value: 'open' } });
  });

  it.each([
    ['an action that is no patch', { actions: 'stray' }, {}, /stray/],
    ['an inline function', { actions: [() => {}] }, {}, /cannot be made durable/],
    ['sendTo', { actions: [sendTo('someone', { type: 'GO' })] }, {}, /xstate\.sendTo|someone/],
    ['a delay that is no number', { target: 'late' }, { late: { after: { never: 'open' } } }, /no finite number/],
    ['a final state', { target: 'done' }, { done: { type: 'final' } }, /never committed/],
    [
      'an assign that throws',
      {
        actions: assign(() => {
          throw new Error('inside');
        }),
      },
      {},
      /inside|status error/,
    ],
  ])('%s', async (_, go, rest, message) => {
    const { verdict, document } = await dispatched(machineWith(go, rest));
    await expect(verdict).rejects.toThrow(message);
    expect(document).toMatchObject({ seq: 1, data: { count: 0 } });
  });

  it('a document whose timers are not those of its states is not run', async () => {
    const one = await created();
    await one.dispatch(authorizeEvent('g1'));
    await one.settled();
    const document = await one.load();
    await one.store.write(document, { ...document, timers: [], rev: document.rev + 1 });
    await expect(one.dispatch({ type: 'CANCEL_AUTHORIZATION' })).rejects.toThrow(MachineFault);
  });
});
