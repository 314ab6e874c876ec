/** Refusals that many accounts hear at once, and those that would cost an account its last token: examined, then believed or not. */

import { replay } from '../../src/durable/replay';
import type { RefreshOutput, WaveState } from '../../src/machines/context';
import { DAY, HOUR, MINUTE, definition, livedAccount, standing, upsAnswer, type LivedOptions } from './lived';

const refused = (): RefreshOutput => ({ kind: 'refused', ups: upsAnswer('10400') });
const blocked = (): RefreshOutput => ({ kind: 'blocked', ups: { ...upsAnswer('10403'), httpStatus: 403 } });

function connected(options: LivedOptions = {}) {
  const waves: Record<string, WaveState> = {};
  const account = livedAccount({ ...options, waves });
  account.connect();
  return { account, waves };
}

function held(options: LivedOptions = {}, answer = refused) {
  const { account, waves } = connected(options);
  waves[answer === refused ? '10400' : '10403'] = 'held';
  account.refresh(answer);
  return { account, waves };
}

const expectReplayed = (account: ReturnType<typeof livedAccount>) =>
  expect(replay(definition, null, account.rows, account.now())).toEqual({ same: true, seq: account.now().seq });

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
    expect(account.told()).not.toContain('account.reconnect-needed');
  });

  it('stays held for as long as the wave is looked into, long past the end of its token', () => {
    const { account } = held({}, answer);
    const begun = account.clock();
    for (let looks = 0; looks < 150; looks++) account.ring('heldLook');
    expect(account.clock() - begun).toBeGreaterThan(2 * DAY);
    expect(standing(account)).toBe('connected.held');
  });

  it('is believed when the wave was meant', () => {
    const { account, waves } = held({}, answer);
    waves[answer === refused ? '10400' : '10403'] = 'applied';
    account.ring('heldLook');
    expect(standing(account)).toBe('connected.ending');
    expect(account.now().snapshot.context).toMatchObject({ reason });
    expect(account.told()).toContain('account.reconnect-needed');
    expectReplayed(account);
  });

  it('is tried again when the wave was not, and believed if UPS repeats it then', () => {
    const { account, waves } = held({}, answer);
    delete waves['10400'];
    delete waves['10403'];
    waves[answer === refused ? '10400' : '10403'] = 'released';
    account.ring('heldLook');
    expect(standing(account)).toBe('connected.refreshing');
    account.finish('refresh', answer());
    expect(standing(account)).toBe('connected.ending');
    expect(account.now().snapshot.context).toMatchObject({ reason });
    expectReplayed(account);
  });
});

it('is fresh again when the wave is over and UPS gives a pair', () => {
  const { account, waves } = held();
  waves['10400'] = 'released';
  account.ring('heldLook');
  account.finish('refresh', { kind: 'tokens', tokens: account.tokens('g1', 2), ups: upsAnswer() });
  expect(standing(account)).toBe('connected.fresh');
  expect(account.now().snapshot.context).toMatchObject({ reason: null, refusal: null });
  expect(account.told()).not.toContain('account.reconnect-needed');
  expectReplayed(account);
});

it('looks at the wave less and less often, twice an hour at most in the end', () => {
  const { account } = held();
  const pauses: number[] = [];
  for (let looks = 0; looks < 8; looks++) {
    const before = account.clock();
    account.ring('heldLook');
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

it('ends, held or not, when its refresh token has died of age', () => {
  const { account } = held();
  account.advanceBy(61 * DAY);
  account.ring('heldLook');
  expect(standing(account)).toBe('connected.ending');
  expect(account.now().snapshot.context).toMatchObject({ reason: 'refresh-token-expired' });
});

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
    ['applied', 'disconnected'],
  ] as const)('when their token ends and the wave is %s they are %s', (wave, expected) => {
    const { account, waves } = believed();
    waves['10400'] = wave;
    account.ring('accessEnds');
    expect(standing(account)).toBe(expected);
  });

  it('are told to be connected again when a pair comes after all', () => {
    const { account, waves } = believed();
    waves['10400'] = 'released';
    account.ring('accessEnds');
    account.finish('refresh', { kind: 'tokens', tokens: account.tokens('g1', 2), ups: upsAnswer() });
    expect(account.told().filter((type) => type === 'account.reconnect-needed')).toHaveLength(1);
    expect(account.told().at(-1)).toBe('account.connected');
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
    account.ring('heldLook');
    expect(account.clock() - at).toBeLessThanOrEqual(5_000);
    expect(standing(account)).toBe('connected.ending');
    account.ring('accessEnds');
    expect(standing(account)).toBe('disconnected');
    expect(account.now().snapshot.context).toMatchObject({ reason: 'refresh-token-revoked', refusal: null });
    expectReplayed(account);
  });

  it('stays held when others were refused meanwhile', () => {
    const { account, waves } = lastHope();
    waves['10400'] = 'held';
    account.ring('heldLook');
    expect(standing(account)).toBe('connected.held');
  });

  it('is doubted once: a second refusal is believed', () => {
    const { account, waves } = lastHope();
    waves['10400'] = 'released';
    account.ring('heldLook');
    account.finish('refresh', refused());
    expect(standing(account)).toBe('connected.ending');
  });
});

it('keeps that the outcome is unknown: a refusal after a lost answer, held and believed later', () => {
  const { account, waves } = connected();
  account.refresh(() => ({ kind: 'ambiguous', ups: null }));
  waves['10400'] = 'held';
  account.ring('retry');
  account.finish('refresh', refused());
  expect(standing(account)).toBe('connected.held');
  waves['10400'] = 'applied';
  account.ring('heldLook');
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
