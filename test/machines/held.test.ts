/** Refusals that many accounts hear at once, and those that would cost an account its last token: examined, then believed or not. */

import { replay } from '../../src/durable/replay';
import type { RefreshOutput, WaveState } from '../../src/machines/context';
import { DAY, HOUR, MINUTE, definition, buildAccount, standing, upsAnswer, type BuildOptions } from './accountBuilder';

const refused = (): RefreshOutput => ({ kind: 'refused', ups: upsAnswer('10400') });
const blocked = (): RefreshOutput => ({ kind: 'blocked', ups: { ...upsAnswer('10403'), httpStatus: 403 } });

function connected(options: BuildOptions = {}) {
  const waves: Record<string, WaveState> = {};
  const account = buildAccount({ ...options, waves });
  account.connect();
  return { account, waves };
}

function held(options: BuildOptions = {}, answer = refused) {
  const { account, waves } = connected(options);
  waves[answer === refused ? '10400' : '10403'] = 'held';
  account.refresh(answer);
  return { account, waves };
}

const timesTold = (account: ReturnType<typeof buildAccount>, type: string): number =>
  account.outgoingTypes().filter((one) => one === type).length;

const expectReplayed = (account: ReturnType<typeof buildAccount>) =>
  expect(replay(definition, null, account.rows, account.now())).toEqual({ same: true, seq: account.now().seq });

/** Nothing is served, and UPS says it again after it was thought wrong: it is asked once more some minutes later. */
function expectDoubtedAgain(account: ReturnType<typeof buildAccount>): void {
  expect(standing(account)).toBe('connected.held');
  const look = account.now().timers.find(({ event }) => event.includes('heldLook'));
  expect((look?.dueAt ?? 0) - account.clock()).toBe(5 * MINUTE);
}

it('one refusal is believed at once while its token is served', () => {
  const { account } = connected();
  account.refresh(refused);
  expect(standing(account)).toBe('connected.ending');
  expect(account.now().snapshot.context).toMatchObject({ reason: 'refresh-token-revoked' });
});

describe.each([
  ['a refusal', refused, 'refresh-token-revoked'],
  ['a block', blocked, 'merchant-blocked'],
] as const)('%s that many hear', (_, answer, reason) => {
  it('is held, and nobody is told', () => {
    const { account } = held({}, answer);
    expect(standing(account)).toBe('connected.held');
    expect(account.now().snapshot.context).toMatchObject({ reason: null, refusal: { reason, told: false } });
    expect(account.outgoingTypes()).not.toContain('account.reconnect-needed');
  });

  it('stays held for as long as the wave is looked into, long past the end of its token', () => {
    const { account } = held({}, answer);
    const begun = account.clock();
    for (let looks = 0; looks < 150; looks++) account.fireTimer('heldLook');
    expect(account.clock() - begun).toBeGreaterThan(2 * DAY);
    expect(standing(account)).toBe('connected.held');
  });

  it('is believed when the wave was meant', () => {
    const { account, waves } = held({}, answer);
    waves[answer === refused ? '10400' : '10403'] = 'applied';
    account.fireTimer('heldLook');
    expect(standing(account)).toBe('connected.ending');
    expect(account.now().snapshot.context).toMatchObject({ reason });
    expect(account.outgoingTypes()).toContain('account.reconnect-needed');
    expectReplayed(account);
  });

  it('is tried again when the wave was not meant, doubted until UPS has been right for a while, then believed', () => {
    const { account, waves } = held({}, answer);
    const code = answer === refused ? '10400' : '10403';
    waves[code] = 'released';
    account.fireTimer('heldLook');
    account.finish('refresh', answer());
    for (let tries = 0; tries < 4; tries++) {
      expectDoubtedAgain(account);
      account.fireTimer('heldLook');
      expect(standing(account)).toBe('connected.refreshing');
      account.finish('refresh', answer());
    }
    expect(account.outgoingTypes()).not.toContain('account.reconnect-needed');
    waves[code] = 'settled';
    account.fireTimer('heldLook');
    account.finish('refresh', answer());
    expect(standing(account)).toBe('connected.ending');
    expect(account.now().snapshot.context).toMatchObject({ reason });
    account.fireTimer('accessEnds');
    expect(standing(account)).toBe('disconnected');
    expect(timesTold(account, 'account.reconnect-needed')).toBe(1);
    expectReplayed(account);
  });

  it('is tried three times where it hears late that the wave is over, then believed', () => {
    const { account, waves } = held({}, answer);
    account.advanceBy(2 * HOUR);
    waves[answer === refused ? '10400' : '10403'] = 'settled';
    account.fireTimer('heldLook');
    account.finish('refresh', answer());
    for (let tries = 0; tries < 2; tries++) {
      expectDoubtedAgain(account);
      account.fireTimer('heldLook');
      account.finish('refresh', answer());
    }
    expect(standing(account)).toBe('connected.ending');
    account.fireTimer('accessEnds');
    expect(standing(account)).toBe('disconnected');
    expectReplayed(account);
  });

  it('is not believed where UPS comes back by halves: held again, it begins anew', () => {
    const { account, waves } = held({}, answer);
    const code = answer === refused ? '10400' : '10403';
    account.advanceBy(2 * HOUR);
    for (let halves = 0; halves < 4; halves++) {
      waves[code] = 'released';
      account.fireTimer('heldLook');
      expect(standing(account)).toBe('connected.refreshing');
      account.finish('refresh', answer());
      expectDoubtedAgain(account);
      waves[code] = 'held';
      account.fireTimer('heldLook');
      expect(standing(account)).toBe('connected.held');
    }
    waves[code] = 'released';
    account.fireTimer('heldLook');
    account.finish('refresh', { kind: 'tokens', tokens: account.tokens('g1', 2), ups: upsAnswer() });
    expect(standing(account)).toBe('connected.fresh');
    expect(account.outgoingTypes()).not.toContain('account.reconnect-needed');
    expectReplayed(account);
  });

  it('is tried again where nobody knows of the wave any more, and believed after three times', () => {
    const { account, waves } = held({}, answer);
    account.advanceBy(DAY);
    delete waves[answer === refused ? '10400' : '10403'];
    for (let noes = 0; noes < 3; noes++) {
      account.fireTimer('heldLook');
      expect(standing(account)).toBe('connected.refreshing');
      account.finish('refresh', answer());
    }
    expect(standing(account)).toBe('connected.ending');
    account.fireTimer('accessEnds');
    expect(standing(account)).toBe('disconnected');
    expectReplayed(account);
  });

  it('is tried again although it was believed, when an admin says later that it was not meant', () => {
    const { account, waves } = held({}, answer);
    const code = answer === refused ? '10400' : '10403';
    waves[code] = 'applied';
    account.fireTimer('heldLook');
    waves[code] = 'released';
    account.fireTimer('accessEnds');
    expect(standing(account)).toBe('connected.refreshing');
    account.finish('refresh', { kind: 'tokens', tokens: account.tokens('g1', 2), ups: upsAnswer() });
    expect(standing(account)).toBe('connected.fresh');
    expect(account.outgoingTypes().at(-1)).toBe('account.connected');
    expectReplayed(account);
  });
});

it('is fresh again when the wave is over and UPS gives a pair', () => {
  const { account, waves } = held();
  waves['10400'] = 'released';
  account.fireTimer('heldLook');
  account.finish('refresh', { kind: 'tokens', tokens: account.tokens('g1', 2), ups: upsAnswer() });
  expect(standing(account)).toBe('connected.fresh');
  expect(account.now().snapshot.context).toMatchObject({ reason: null, refusal: null });
  expect(account.outgoingTypes()).not.toContain('account.reconnect-needed');
  expectReplayed(account);
});

it('looks at the wave less and less often, twice an hour at most in the end', () => {
  const { account } = held();
  const pauses: number[] = [];
  for (let looks = 0; looks < 8; looks++) {
    const before = account.clock();
    account.fireTimer('heldLook');
    pauses.push(account.clock() - before);
  }
  expect(pauses[0]).toBeLessThan(2 * MINUTE);
  expect(pauses.at(-1)).toBeGreaterThan(20 * MINUTE);
});

it('is tried for all of them when asked to, and held again when UPS still refuses', () => {
  const { account } = held();
  account.send({ type: 'TRY_HELD' });
  expect(standing(account)).toBe('connected.refreshing');
  account.finish('refresh', refused());
  expect(standing(account)).toBe('connected.held');
});

it('ignores a REFRESH until the wave is over', () => {
  const { account, waves } = held();
  const decision = account.send({ type: 'REFRESH' });
  expect(decision).toMatchObject({ taken: false, why: 'refusals-examined' });
  waves['10400'] = 'released';
  account.send({ type: 'REFRESH' });
  expect(standing(account)).toBe('connected.refreshing');
});

describe('a refresh token that has died of age', () => {
  const expectLapsed = (account: ReturnType<typeof buildAccount>) => {
    expect(standing(account)).toBe('connected.ending');
    expect(account.now().snapshot.context).toMatchObject({ reason: 'refresh-token-expired' });
    account.fireTimer('accessEnds');
    expect(standing(account)).toBe('disconnected');
    expect(timesTold(account, 'account.reconnect-needed')).toBe(1);
    expectReplayed(account);
  };

  it('ends the account while its wave is held', () => {
    const { account } = held();
    account.advanceBy(61 * DAY);
    account.fireTimer('heldLook');
    expectLapsed(account);
  });

  it('is told of once where a reconnect was asked for before', () => {
    const { account, waves } = connected();
    account.refresh(refused);
    waves['10400'] = 'held';
    account.fireTimer('accessEnds');
    account.advanceBy(61 * DAY);
    account.fireTimer('heldLook');
    expectLapsed(account);
  });

  it.each(['held', 'released', 'settled', 'applied'] as const)(
    'is sent once, whatever the wave of others: %s',
    (wave) => {
      const { account, waves } = connected();
      waves['10400'] = wave;
      account.advanceBy(61 * DAY);
      account.refresh(refused);
      expectLapsed(account);
    },
  );

  it('is sent once where it dies while it is tried again', () => {
    const { account, waves } = connected();
    account.refresh(refused);
    waves['10400'] = 'released';
    account.fireTimer('accessEnds');
    account.advanceBy(61 * DAY);
    account.finish('refresh', refused());
    expectLapsed(account);
  });
});

it.each(['held', 'settled'] as const)(
  'tells that it is connected when the lost answer comes while its wave is %s',
  (wave) => {
    const { account, waves } = connected();
    account.refresh(() => ({ kind: 'ambiguous', ups: null }));
    account.fireTimer('retry');
    account.finish('refresh', refused());
    waves['10400'] = wave;
    account.fireTimer('accessEnds');
    account.send({ type: 'LATE_ANSWER', tokens: account.tokens('g1', 2), stored: true });
    expect(standing(account)).toBe('connected.fresh');
    expect(account.outgoingTypes().at(-1)).toBe('account.connected');
    expectReplayed(account);
  },
);

describe('the first refusals of a wave, believed before anybody knew', () => {
  const believed = () => {
    const { account, waves } = connected();
    account.refresh(refused);
    expect(standing(account)).toBe('connected.ending');
    return { account, waves };
  };

  it.each([
    ['held', 'connected.held'],
    ['released', 'connected.refreshing'],
    ['settled', 'connected.refreshing'],
    ['applied', 'disconnected'],
  ] as const)('when their token ends and the wave is %s they are %s', (wave, expected) => {
    const { account, waves } = believed();
    waves['10400'] = wave;
    account.fireTimer('accessEnds');
    expect(standing(account)).toBe(expected);
  });

  it('are tried when the wave is released, told once, and believed if UPS says it when it has been right for a while', () => {
    const { account, waves } = believed();
    waves['10400'] = 'released';
    account.fireTimer('accessEnds');
    account.finish('refresh', refused());
    expectDoubtedAgain(account);
    account.fireTimer('heldLook');
    account.finish('refresh', refused());
    waves['10400'] = 'settled';
    account.fireTimer('heldLook');
    account.finish('refresh', refused());
    account.fireTimer('accessEnds');
    expect(standing(account)).toBe('disconnected');
    expect(timesTold(account, 'account.reconnect-needed')).toBe(1);
    expect(account.now().snapshot.context).toMatchObject({ reason: 'refresh-token-revoked' });
    expectReplayed(account);
  });

  it('are told to be connected again when a pair comes after all', () => {
    const { account, waves } = believed();
    waves['10400'] = 'released';
    account.fireTimer('accessEnds');
    account.finish('refresh', { kind: 'tokens', tokens: account.tokens('g1', 2), ups: upsAnswer() });
    expect(timesTold(account, 'account.reconnect-needed')).toBe(1);
    expect(account.outgoingTypes().at(-1)).toBe('account.connected');
    expectReplayed(account);
  });
});

describe('a refusal that would cost the last token', () => {
  const lastHope = () => {
    const { account, waves } = connected({ refreshPolicy: 'lazy' });
    account.refresh(refused);
    return { account, waves };
  };

  it('is doubted for some seconds, then believed', () => {
    const { account } = lastHope();
    const at = account.clock();
    expect(standing(account)).toBe('connected.held');
    account.fireTimer('heldLook');
    expect(account.clock() - at).toBeLessThanOrEqual(5_000);
    expect(standing(account)).toBe('connected.ending');
    account.fireTimer('accessEnds');
    expect(standing(account)).toBe('disconnected');
    expect(account.now().snapshot.context).toMatchObject({ reason: 'refresh-token-revoked', refusal: null });
    expectReplayed(account);
  });

  it('stays held when others were refused meanwhile', () => {
    const { account, waves } = lastHope();
    waves['10400'] = 'held';
    account.fireTimer('heldLook');
    expect(standing(account)).toBe('connected.held');
  });

  it('is told of once where it was told before it was held', () => {
    const { account, waves } = connected();
    account.refresh(refused);
    waves['10400'] = 'held';
    account.fireTimer('accessEnds');
    waves['10400'] = 'applied';
    account.fireTimer('heldLook');
    expect(standing(account)).toBe('connected.ending');
    expect(timesTold(account, 'account.reconnect-needed')).toBe(1);
    expectReplayed(account);
  });

  it('ignores a REFRESH while UPS is given time, although the wave is over', () => {
    const { account, waves } = lastHope();
    waves['10400'] = 'released';
    account.fireTimer('heldLook');
    account.finish('refresh', refused());
    expect(account.send({ type: 'REFRESH' })).toMatchObject({ taken: false, why: 'refusals-examined' });
  });
});

it('keeps that the outcome is unknown: a refusal after a lost answer, held and believed later', () => {
  const { account, waves } = connected();
  account.refresh(() => ({ kind: 'ambiguous', ups: null }));
  waves['10400'] = 'held';
  account.fireTimer('retry');
  account.finish('refresh', refused());
  expect(standing(account)).toBe('connected.held');
  waves['10400'] = 'applied';
  account.fireTimer('heldLook');
  expect(account.now().snapshot.context).toMatchObject({ reason: 'refresh-outcome-unknown' });
});

it('a held account may be reconnected, checked and deactivated', () => {
  const { account } = held();
  account.connect('g2');
  expect(standing(account)).toBe('connected.fresh');
  expect(account.now().snapshot.context).toMatchObject({ refusal: null });
  account.advanceBy(HOUR);
  const other = held().account;
  other.send({ type: 'DEACTIVATE' });
  expect(standing(other)).toBe('inactive');
});
