/** The end of a grant's refresh token: told in time, once for each token, and not for one that was refreshed meanwhile. */

import { decide } from '../../src/durable/decide';
import { replay } from '../../src/durable/replay';
import type { AccountContext, WaveState } from '../../src/machines/context';
import {
  DAY,
  definition,
  dueOf,
  HOUR,
  buildAccount,
  MINUTE,
  standing,
  T0,
  upsAnswer,
  type BuildOptions,
} from './accountBuilder';

const LIFE = 60 * DAY;

function connected(options: BuildOptions = {}) {
  const waves: Record<string, WaveState> = {};
  const account = buildAccount({ ...options, waves });
  account.connect();
  return Object.assign(account, { waves });
}
type Connected = ReturnType<typeof connected>;

const expiring = (account: Connected) =>
  account.rows.flatMap(({ at, outgoing }) =>
    outgoing
      .filter(({ type }) => type === 'account.expiring')
      .map(({ data }) => ({ onDay: Math.round(((at - T0) / DAY) * 10) / 10, daysLeft: data['daysLeft'] })),
  );
const lookAt = (account: Connected) => (account.now().snapshot.context as AccountContext).lookAt;
const expectReplayed = (account: Connected) =>
  expect(replay(definition, null, account.rows, account.now())).toEqual({ same: true, seq: account.now().seq });

/** Rings whatever is due until then; a refresh that starts is answered by `answer`. */
function liveUntil(account: Connected, at: number, answer: 'tokens' | 'later' | 'refused'): void {
  for (;;) {
    const [timer] = [...account.now().timers].sort((a, b) => a.dueAt - b.dueAt);
    if (!timer || timer.dueAt > at) break;
    account.fireTimer(timer.event.split('.')[2] ?? '');
    if (!account.now().invocations.some(({ id }) => id === 'refresh')) continue;
    const { grantId, generation } = account.now().data.current ?? { grantId: '', generation: 0 };
    const ups = upsAnswer(answer === 'refused' ? '10400' : null);
    if (answer === 'tokens')
      account.finish('refresh', { kind: answer, tokens: account.tokens(grantId, generation + 1, 2 * DAY), ups });
    else account.finish('refresh', { kind: answer, ups, retryAt: account.clock() + DAY } as never);
  }
  account.advanceBy(Math.max(0, at - account.clock()));
}

const three = [
  { onDay: 46, daysLeft: 14 },
  { onDay: 53, daysLeft: 7 },
  { onDay: 59, daysLeft: 1 },
];

describe.each([
  ['in one go', false],
  ['with all memory dropped between events', true],
])('%s', (_, forgetful) => {
  it('a token that UPS does not refresh is told of 14, 7 and 1 days before its end, once each, and never after', () => {
    const account = connected({ forgetful });
    liveUntil(account, T0 + 59.9 * DAY, 'later');
    expect(standing(account)).toBe('connected.backing-off');
    expect(expiring(account)).toEqual(three);
    expect(account.rows.findLast(({ outgoing }) => outgoing.length > 0)?.outgoing).toEqual([
      {
        type: 'account.expiring',
        data: { what: 'grant', because: 'deadline', expiresAt: T0 + LIFE, daysLeft: 1 },
      },
    ]);
    liveUntil(account, T0 + 80 * DAY, 'later');
    expect(expiring(account)).toEqual(three);
    expectReplayed(account);
  });

  it('is not told of when it was refreshed meanwhile, however late', () => {
    const account = connected({ forgetful });
    liveUntil(account, T0 + 50 * DAY, 'later');
    liveUntil(account, T0 + 51 * DAY, 'tokens');
    expect(standing(account)).toBe('connected.fresh');
    liveUntil(account, T0 + 90 * DAY, 'tokens');
    expect(expiring(account)).toEqual(three.slice(0, 1));
    expectReplayed(account);
  });
});

it('is told of while it is held', () => {
  const account = connected();
  account.waves['10400'] = 'held';
  account.refresh(() => ({ kind: 'refused', ups: upsAnswer('10400') }));
  for (const days of [14, 7, 1]) {
    account.fireTimer('lapseLook');
    expect(account.clock()).toBe(T0 + LIFE - days * DAY);
    account.fireTimer('heldLook');
    expect(standing(account)).toBe('connected.held');
  }
  expect(expiring(account)).toEqual(three);
  expectReplayed(account);
});

it.each(['eager', 'lazy'] as const)(
  'an account that is kept %s is told of nothing, and looked at every 46 days',
  (refreshPolicy) => {
    const account = connected({ refreshPolicy });
    liveUntil(account, T0 + 150 * DAY, 'tokens');
    expect(expiring(account)).toEqual([]);
    const looks = account.rows.filter(({ event }) => event.type.startsWith('xstate.after.lapseLook.'));
    expect(looks.length).toBeGreaterThanOrEqual(2);
    expect(looks.length).toBeLessThanOrEqual(refreshPolicy === 'eager' ? 3 : 5);
    expectReplayed(account);
  },
);

it('a refresh leaves the look, and so wakeAt, where it is', () => {
  const account = connected();
  const before = account.now();
  expect(before.wakeAt).not.toBeNull();
  expect(dueOf(account, 'lapseLook')).toBe(T0 + 46 * DAY);
  for (let n = 0; n < 30; n++) account.refresh();
  expect(dueOf(account, 'lapseLook')).toBe(T0 + 46 * DAY);
  const { lapsesOn: _, ...view } = account.now().view;
  expect(before.view).toMatchObject(view);
});

it('one that was due while nobody looked is told of once, with the days that are left', () => {
  const account = connected({ refreshPolicy: 'lazy' });
  account.waves['10400'] = 'held';
  account.refresh(() => ({ kind: 'refused', ups: upsAnswer('10400') }));
  account.advanceBy(T0 + 54.5 * DAY - account.clock());
  account.fireTimer('lapseLook');
  expect(expiring(account)).toEqual([{ onDay: 54.5, daysLeft: 6 }]);
  account.fireTimer('lapseLook');
  expect(expiring(account).slice(1)).toEqual([{ onDay: 59, daysLeft: 1 }]);
});

it('an end that no refresh moves is told of three times, not with every pair', () => {
  const account = connected();
  const endsAt = T0 + LIFE;
  while (account.clock() < endsAt - 12 * HOUR) {
    account.fireTimer(dueOf(account, 'lapseLook') < dueOf(account, 'refreshDue') ? 'lapseLook' : 'refreshDue');
    if (standing(account) !== 'connected.refreshing') continue;
    const { grantId, generation } = account.now().data.current ?? { grantId: '', generation: 0 };
    // Its end comes back some seconds off, to and fro.
    const leftMs = endsAt - account.clock() + (generation % 2 === 0 ? -900 : 900);
    const tokens = account.tokens(grantId, generation + 1, Math.min(2 * DAY, leftMs), leftMs);
    account.finish('refresh', { kind: 'tokens', tokens, ups: upsAnswer() });
  }
  expect(expiring(account)).toEqual(three);
});

it('a pair that dies before the one it takes the place of is told of in its own time', () => {
  const account = connected();
  account.refresh((next) => ({
    kind: 'tokens',
    tokens: { ...next, refreshExpiresAt: account.clock() + 20 * DAY },
    ups: upsAnswer(),
  }));
  expect(lookAt(account)).toBe(account.clock() + 6 * DAY);
  const begun = account.clock();
  liveUntil(account, begun + 19.9 * DAY, 'later');
  expect(expiring(account).map(({ daysLeft }) => daysLeft)).toEqual([14, 7, 1]);
});

it('a grant that is believed dead is not announced to die', () => {
  const account = connected();
  const refreshExpiresAt = dueOf(account, 'refreshDue') + 14 * DAY + 50 * MINUTE;
  account.refresh((next) => ({ kind: 'tokens', tokens: { ...next, refreshExpiresAt }, ups: upsAnswer() }));
  account.refresh(() => ({ kind: 'refused', ups: upsAnswer('10400') }));
  expect(standing(account)).toBe('connected.ending');
  account.fireTimer('lapseLook');
  expect(expiring(account)).toEqual([]);
});

it('a grant that is gone is looked at no more, and the next one is watched anew', () => {
  const account = connected();
  account.send({ type: 'DISCONNECT', note: 'n' });
  expect(dueOf(account, 'lapseLook')).toBeNaN();
  expect(account.now().wakeAt).not.toBe(T0 + 46 * DAY);
  account.advanceBy(3 * DAY);
  account.connect('g2');
  expect(dueOf(account, 'lapseLook')).toBe(T0 + 49 * DAY);
  account.advanceBy(5 * DAY);
  account.connect('g3');
  expect(dueOf(account, 'lapseLook')).toBe(T0 + 54 * DAY);
  expectReplayed(account);
});

describe('an account that an older machine left connected', () => {
  /** As its upgrade leaves it, and its facts since. */
  function older() {
    const account = connected();
    const now = account.now();
    const { value, context } = now.snapshot;
    return {
      ...now,
      timers: now.timers.filter(({ event }) => !event.includes('lapseLook')),
      snapshot: {
        ...now.snapshot,
        value: { ...(value as object), horizon: 'unwatched' },
        context: { ...context, lookAt: 0 },
      },
    };
  }
  const happens = (type: string) =>
    decide(
      definition,
      older(),
      { event: { type }, actor: 'test', eventId: 'e', bodyHash: null, secrets: {}, claimBy: null, attemptId: null },
      { at: T0 + HOUR, seal: () => 'sealed', isRelayed: () => true },
    );

  it('is watched from its next own event on', () => {
    const decision = happens('xstate.after.refreshDue.account.life.connected.fresh');
    if (!decision.taken) throw new Error('not taken');
    expect(decision.next.timers.map(({ dueAt }) => dueAt)).toEqual([T0 + 46 * DAY]);
    expect(decision.next.wakeAt).toBe(T0 + 46 * DAY);
  });

  it('hears the same no as before to what it refuses', () => {
    for (const type of ['POSTPONE', 'REACTIVATE', 'CANCEL_AUTHORIZATION', 'RESTORE_ACCESS_KEY'])
      expect(happens(type).taken).toBe(false);
  });
});
