/** Answers of UPS that are dressed otherwise, are not UPS's, or lack something: what becomes of the account. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openTestService, standing, type TestService } from './testService';
import { answersIn, crash, withAnswerInHand } from './spool/heldAnswers';

let service: TestService;
beforeAll(async () => {
  service = await openTestService('dressed_answers');
});
afterEach(() => service.clearFaults());
afterAll(() => service.release());

type Process = ReturnType<TestService['process']>;

async function refreshOnce(process: Process, id: string): Promise<void> {
  await service.passToUps(id);
  await process.performer.perform(id);
  await process.runtime.relay.idle();
}
const always = (where: 'token' | 'refresh' | 'rate', what: object) => service.fault(where, { times: 1000, ...what });
const repeatsOf = async (before: number) => (await service.ledger()).repeats.length - before;
const rowsOf = async (id: string) =>
  (await service.history(id)).map(({ event }) => event as { type: string; output?: object });
const slotOf = async (id: string) => {
  const { current } = (await service.load(id)).data;
  if (!current) throw new Error('no grant');
  return current;
};
async function refreshTokenOf(id: string): Promise<string> {
  const { tenantId } = await service.load(id);
  const { grantId, generation, refresh } = await slotOf(id);
  return service.vault.open(refresh, { tenantId, accountId: id, field: 'refresh', grantId, generation });
}

describe('an answer in another dress', () => {
  it.each<[string, object]>([
    ['gzip', { do: 'encode', encoding: 'gzip' }],
    ['deflate', { do: 'encode', encoding: 'deflate' }],
    ['br', { do: 'encode', encoding: 'br' }],
    ['gzip without a header', { do: 'encode', encoding: 'gzip', header: null }],
    ['plain under a gzip header', { do: 'encode', encoding: 'identity', header: 'gzip' }],
    ['a byte order mark', { do: 'charset', charset: 'utf-8', bom: true }],
    ['UTF-16', { do: 'charset', charset: 'utf-16be', bom: true }],
    ['numbers for texts', { do: 'numbers' }],
  ])('%s: the account connects, and stays fresh', async (_, dress) => {
    const process = service.process();
    for (const where of ['token', 'refresh', 'rate'] as const) await always(where, dress);
    const id = await service.connect(process);
    expect(standing(await service.load(id))).toBe('connected.fresh');
    await refreshOnce(process, id);
    await refreshOnce(process, id);
    expect(standing(await service.load(id))).toBe('connected.fresh');
    expect(await slotOf(id)).toMatchObject({ generation: 3, sends: [] });
    expect(await service.holdsNewestPair(id)).toBe(true);
    expect(await service.gambles()).toEqual([]);
  });

  it('a refusal as one object is the refusal it is', async () => {
    const process = service.process();
    const id = await service.connect(process);
    await service.fault('refresh', { do: 'single-error', status: 400, code: ' 10400 ' });
    await refreshOnce(process, id);
    expect(standing(await service.load(id))).toBe('connected.ending');
    expect((await service.load(id)).data.lastUps).toMatchObject({ code: '10400' });
  });

  it('one that is cut is ambiguous: recorded, and never a crash', async () => {
    const process = service.process();
    const id = await service.connect(process);
    await service.fault('refresh', { do: 'encode', encoding: 'gzip', damage: 'cut' });
    await refreshOnce(process, id);
    const document = await service.load(id);
    expect(standing(document)).toBe('connected.backing-off');
    expect(document.data.current?.sends).toMatchObject([{ end: 'ambiguous' }]);
    expect(document.data.lastUps).toMatchObject({ httpStatus: 200, unread: { contentType: 'application/json' } });
    expect(process.logged.filter(({ message }) => message.includes('bug'))).toEqual([]);
  });
});

describe('a refresh answered without a refresh token', () => {
  it.each(['absent', 'null', 'empty', 'same'])(
    '(%s) keeps the one it has, and the next refresh sends it again',
    async (as) => {
      const process = service.process();
      const id = await service.connect(process);
      const repeats = (await service.ledger()).repeats.length;
      const [before, token] = [await slotOf(id), await refreshTokenOf(id)];
      await service.fault('refresh', { do: 'keep-refresh-token', as });
      await refreshOnce(process, id);
      const after = await slotOf(id);
      expect(standing(await service.load(id))).toBe('connected.fresh');
      expect(after).toMatchObject({ generation: 2, sends: [], refreshExpiresAt: before.refreshExpiresAt });
      expect(after.accessExpiresAt).toBeGreaterThan(before.accessExpiresAt);
      expect(after.access).not.toBe(before.access);
      expect(await refreshTokenOf(id)).toBe(token);
      expect((await rowsOf(id)).at(-1)?.output).toMatchObject({ kind: 'tokens', refreshTokenKept: true });
      await refreshOnce(process, id);
      expect(await slotOf(id)).toMatchObject({ generation: 3, sends: [] });
      expect(await refreshTokenOf(id)).not.toBe(token);
      expect((await rowsOf(id)).at(-1)?.output).not.toHaveProperty('refreshTokenKept');
      expect([await repeatsOf(repeats), await service.gambles(), await service.holdsNewestPair(id)]).toEqual([
        0,
        [],
        true,
      ]);
    },
  );

  it('takes the end that the answer names', async () => {
    const process = service.process();
    const id = await service.connect(process);
    await service.fault('refresh', { do: 'keep-refresh-token', refreshTokenSeconds: 86_400 });
    await refreshOnce(process, id);
    const { issuedAt, refreshExpiresAt } = await slotOf(id);
    expect(refreshExpiresAt - issuedAt).toBe(86_400_000);
  });

  it('is not sent again each minute', async () => {
    const process = service.process();
    const id = await service.connect(process);
    await always('refresh', { do: 'keep-refresh-token' });
    await refreshOnce(process, id);
    const asked = await service.refreshes();
    service.pass(120_000);
    await process.performer.perform(id);
    expect(await service.refreshes()).toBe(asked);
  });

  it('survives the store being away: the answer lies in the second place and is stored from there', async () => {
    const spoolDir = await mkdtemp(path.join(tmpdir(), 'upslink-spool-'));
    try {
      const [killed, next] = [service.process({ spoolDir }), service.process({ spoolDir })];
      await service.fault('refresh', { do: 'keep-refresh-token' });
      const { id, performing } = await withAnswerInHand(service, killed);
      await crash(killed, performing);
      const token = await refreshTokenOf(id);
      service.pass(10_000);
      expect(await next.pickUp.tick()).toBe(1);
      expect(await slotOf(id)).toMatchObject({ generation: 2, sends: [] });
      expect(await refreshTokenOf(id)).toBe(token);
      expect((await answersIn(service, id)).at(-1)?.event).toMatchObject({ output: { refreshTokenKept: true } });
    } finally {
      await rm(spoolDir, { recursive: true, force: true });
    }
  });

  it('says so too when it arrives after its invocation is gone', async () => {
    const process = service.process();
    const { data } = await service.load(await service.connect(process));
    const { grantId } = data.current ?? { grantId: '' };
    const tokens = { grantId, generation: 2, issuedAt: 0, accessExpiresAt: 1, refreshExpiresAt: 2 };
    const ups = { at: 0, endpoint: 'refresh', httpStatus: 200, code: null, message: null };
    const late = service.definition.late({ kind: 'tokens', tokens, ups, refreshTokenKept: true }, data);
    expect(late).toEqual({ type: 'LATE_ANSWER', tokens, stored: true, refreshTokenKept: true });
  });

  it('after a lost answer is the answer of the recovery', async () => {
    const process = service.process();
    const id = await service.connect(process);
    await service.fault('refresh', { do: 'reset' });
    await refreshOnce(process, id);
    expect(standing(await service.load(id))).toBe('connected.backing-off');
    await service.fault('refresh', { do: 'keep-refresh-token' });
    await refreshOnce(process, id);
    expect(standing(await service.load(id))).toBe('connected.fresh');
    expect(await slotOf(id)).toMatchObject({ generation: 2, sends: [] });
  });

  it('at token there is no pair: the authorization is interrupted, as before', async () => {
    const process = service.process();
    await service.fault('token', { do: 'keep-refresh-token' });
    const id = await service.connect(process);
    expect((await service.load(id)).data.links.at(-1)).toMatchObject({ reason: 'authorization-interrupted' });
  });
});

describe("an answer that is not UPS's", () => {
  it.each<[string, object]>([
    ['an HTML 400', { do: 'html', status: 400 }],
    ['an empty 400', { do: 'html', status: 400, body: '', contentType: null }],
    ['an HTML 401', { do: 'html', status: 401 }],
    ['an HTML 403', { do: 'html', status: 403 }],
    ['an HTML 404', { do: 'html', status: 404 }],
    ['an HTML 429', { do: 'html', status: 429 }],
    ['an HTML 200', { do: 'html', status: 200 }],
    [
      "a gateway's JSON",
      { do: 'html', status: 400, body: '{"error":"Bad Request","status":400}', contentType: 'application/json' },
    ],
  ])('%s at token is no word on the code: the merchant may try again', async (_, page) => {
    const process = service.process();
    await service.fault('token', page);
    const id = await service.connect(process);
    const document = await service.load(id);
    expect(standing(document)).toBe('created');
    expect(document.data.links.at(-1)).toMatchObject({ outcome: 'failed', reason: 'authorization-interrupted' });
    expect(document.data.lastUps?.unread).toBeDefined();
  });

  it.each([400, 401, 403, 404, 429, 200, 502])(
    'an HTML %d at refresh disconnects nobody, and is seen each time',
    async (status) => {
      const process = service.process({ gate: { ups: { threshold: 100, openMs: 1, longestOpenMs: 1 } } });
      const id = await service.connect(process);
      await always('refresh', { do: 'html', status, body: '<h1>Gateway</h1>' });
      for (const failures of [1, 2, 3]) {
        await refreshOnce(process, id);
        const document = await service.load(id);
        expect(standing(document)).toBe('connected.backing-off');
        expect(document.snapshot.context).toMatchObject({ failures, reason: null });
        expect(document.data.lastUps).toMatchObject({ httpStatus: status, unread: { excerpt: 'Gateway' } });
      }
      await service.clearFaults();
      await refreshOnce(process, id);
      expect(standing(await service.load(id))).toBe('connected.fresh');
      expect(await service.gambles()).toEqual([]);
    },
  );

  it.each([400, 401, 403, 200])('an HTML %d at rate is no word on the number or its address', async (status) => {
    const process = service.process();
    await service.fault('rate', { do: 'html', status });
    const id = await service.connect(process);
    const waiting = await service.load(id);
    expect(standing(waiting)).toBe('pending-authorization');
    expect(waiting.data.lastUps?.unread).toBeDefined();
    await refreshOnce(process, id);
    expect(standing(await service.load(id))).toBe('connected.fresh');
  });
});

describe('a service that UPS does not offer there', () => {
  it('is passed over for the next one, within the same invocation', async () => {
    const process = service.process();
    await always('rate', { do: 'no-service', services: ['03', '02'], code: '111100' });
    const id = await service.connect(process);
    expect(standing(await service.load(id))).toBe('connected.fresh');
    expect((await rowsOf(id)).filter(({ type }) => type === 'xstate.done.actor.verify')).toHaveLength(1);
  });

  it('when it offers none, refuses the verification in the words of UPS', async () => {
    const process = service.process();
    await always('rate', { do: 'no-service' });
    const id = await service.connect(process);
    const document = await service.load(id);
    expect(document.data.links.at(-1)).toMatchObject({ outcome: 'failed', reason: 'verification-refused' });
    expect(document.data.lastUps).toMatchObject({ endpoint: 'rate', code: '111210' });
  });
});
