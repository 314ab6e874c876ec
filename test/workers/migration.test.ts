/** From an old key to OAuth on real parts, interrupted everywhere: the account ships at every moment, on the one or the other. */

import type { AccountContext } from '../../src/machines/context';
import { readHistory } from '../../src/db/history';
import { openTestService, standing, type TestService, type Process } from './testService';

const MINUTE = 60_000;

let service: TestService;
beforeAll(async () => {
  service = await openTestService('migration');
  await service.control('POST', 'profiles', {
    username: 'holder',
    password: 'pass',
    accounts: [{ accountNumber: 'A1B2C3' }],
  });
  await service.control('POST', 'profiles', { username: 'stranger', password: 'pass', accounts: [] });
});
afterEach(() => service.clearFaults());
afterAll(() => service.release());

/** IMPORT and MIGRATE. */
const SEQ_AT_UPS = 2;

interface Trip {
  id: string;
  code: string;
  consentId: string;
}

async function atUps(on: Process, worksForMs?: number, username = 'holder'): Promise<Trip> {
  const id = await service.withKey(on, worksForMs);
  return { id, ...(await service.consent(on, id, username)) };
}

/** The callback: the code is taken, exchanged and checked by this process, as far as it gets. */
async function comeBack(on: Process, { id, code, consentId }: Trip): Promise<void> {
  const since = service.clock.monotonic();
  const event = { type: 'CODE_RECEIVED', consentId } as never;
  const { document, claimed } = await on.runtime.dispatch(id, event, { actor: 'merchant', claimBy: on.performer.by });
  await on.performer.carry(document, claimed, { code, since });
}

/**
 * `then` is called just before the n-th event this process commits from here on, or with `heard: false` just after it,
 * unanswered. Resolves when it has come to that.
 */
function atCommit(process: Process, n: number, heard: boolean, then: () => Promise<void> | void): Promise<void> {
  const write = process.store.write.bind(process.store);
  let hasCome = false;
  return new Promise((reached) => {
    process.store.write = async (before, next) => {
      if (hasCome || before.seq === next.seq || next.seq !== SEQ_AT_UPS + n) return write(before, next);
      if (heard) hasCome = true;
      if (heard) await then();
      const written = await write(before, next);
      // A lost race is tried again under the same seq.
      if (!heard && written === 'done') {
        hasCome = true;
        await then();
      }
      if (hasCome) reached();
      return heard || written === 'lost' ? written : 'unknown';
    };
  });
}

/** What a platform would ship with: the key, or a grant. */
async function shipsOn(id: string): Promise<'key' | 'grant' | null> {
  const { data, snapshot } = await service.load(id);
  const { scheme } = snapshot.context as AccountContext;
  if (scheme === 'access-key' && data.accessKey?.sealed) return 'key';
  return data.current === null ? null : 'grant';
}

/** Others look after the account until nothing of it is due. */
async function lookAfter(other: Process, id: string): Promise<void> {
  for (let n = 0; n < 8; n++) {
    service.pass(31_000);
    await other.performer.perform(id);
    await other.runtime.wake(id);
  }
}

const receipts = async (id: string) =>
  (await readHistory(service.db, await service.load(id), 0)).filter(({ event }) =>
    event.type.startsWith('xstate.after.keyGrace'),
  );

it('swaps, then destroys the key, in two commits', async () => {
  const process = service.process();
  const trip = await atUps(process);
  await comeBack(process, trip);
  expect(standing(await service.load(trip.id))).toBe('connected.fresh');
  expect((await service.load(trip.id)).data.accessKey?.sealed).not.toBeNull();
  await process.runtime.wake(trip.id);
  expect((await service.load(trip.id)).data.accessKey).toBeNull();
  expect(await receipts(trip.id)).toMatchObject([{ facts: { keyFingerprint: 'f1' }, actor: 'machine' }]);
});

// 1 the code's commit, 2 the exchange's answer, 3 the check's answer.
describe.each([1, 2, 3])('a process that dies at commit %i of the callback', (n) => {
  it.each([
    ['before it', true],
    ['after it, unheard', false],
  ])('%s leaves an account that ships, and another finishes what can be finished', async (_, heard) => {
    const [dying, other] = [service.process(), service.process()];
    const trip = await atUps(dying);
    const cutOff = atCommit(dying, n, heard, () => dying.setAway(true));
    const coming = comeBack(dying, trip).catch(() => undefined);
    await cutOff;
    await dying.performer.stop(0);
    await coming;
    expect(await shipsOn(trip.id)).not.toBeNull();
    await lookAfter(other, trip.id);
    const isExchanged = n > 2 || (n === 2 && !heard);
    expect(await shipsOn(trip.id)).toBe(isExchanged ? 'grant' : 'key');
    const document = await service.load(trip.id);
    if (isExchanged) {
      expect(document.data.accessKey).toBeNull();
      expect(await receipts(trip.id)).toHaveLength(1);
    } else {
      const { lastAuthorization } = document.snapshot.context as AccountContext;
      const isTaken = n > 1 || !heard;
      expect(lastAuthorization?.reason ?? null).toBe(isTaken ? 'authorization-interrupted' : null);
    }
  });
});

it('a key whose destruction went unheard is destroyed once, with one receipt', async () => {
  const [process, other] = [service.process(), service.process()];
  const trip = await atUps(process);
  await comeBack(process, trip);
  process.leaveAfterWrite();
  await process.runtime.wake(trip.id).catch(() => undefined);
  await Promise.all([other.runtime.wake(trip.id), service.process().runtime.wake(trip.id)]);
  expect((await service.load(trip.id)).data.accessKey).toBeNull();
  expect(await receipts(trip.id)).toHaveLength(1);
});

describe.each([1, 2, 3])('a deadline that passes just before commit %i of the callback', (n) => {
  it.each([
    ['holder', n === 1 ? 'disconnected' : 'connected.fresh'],
    ['stranger', 'disconnected'],
  ])('lets what is under way end: the login of a %s', async (username, end) => {
    const [process, other] = [service.process(), service.process()];
    const trip = await atUps(process, 5 * MINUTE, username);
    void atCommit(process, n, true, async () => {
      service.pass(10 * MINUTE);
      await other.runtime.wake(trip.id);
    });
    await comeBack(process, trip);
    await lookAfter(other, trip.id);
    const document = await service.load(trip.id);
    expect(standing(document)).toBe(end);
    const reason = end === 'disconnected' ? 'access-key-sunset' : null;
    expect((document.snapshot.context as AccountContext).reason).toBe(reason);
  });
});
