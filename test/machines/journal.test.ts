/** A refresh token is not gambled: what the journal of sends lets through, at which instant, and what it keeps. */

import type { AccountData, Send, Slot } from '../../src/machines/data';
import { journalSend, lostAnswers, maybeAnswered, unsettledUntil } from '../../src/machines/journal';
import { accountData, DAY, HOUR, T0 } from './accountBuilder';

const times = { sendByMs: 5_000, settleMs: 60_000 };

const slotWith = (sends: Send[], grantId = 'g1'): Slot => ({
  ...{ grantId, generation: 3, access: 'sealed', refresh: 'sealed', sends },
  ...{ issuedAt: T0 - HOUR, accessExpiresAt: T0, refreshExpiresAt: T0 + 60 * DAY, refreshedAt: null },
});
const accountWith = (...sends: Send[]): AccountData => ({ ...accountData(), current: slotWith(sends) });

const sentAt = (at: number, end: Send['end'] = null): Send => ({
  ...{ id: `${at}-refresh#1`, at, end, recovery: false },
  ...{ sendBy: at + times.sendByMs, settleBy: at + times.settleMs },
});

const ask = (data: AccountData, at: number, id = `${at}-refresh#1`) => journalSend(data, { id, at }, times);

function written(data: AccountData, at: number): { data: AccountData; sends: Send[]; until: number } {
  const answer = ask(data, at);
  if (typeof answer === 'string') throw new Error(`refused: ${answer}`);
  return { ...answer, sends: answer.data.current?.sends ?? [] };
}

it('a first send is written down, with the instants it is bound to; nothing else changes', () => {
  const account = accountWith();
  const { data, sends, until } = written(account, T0);
  const send = { id: `${T0}-refresh#1`, at: T0, sendBy: T0 + 5_000, settleBy: T0 + 60_000, end: null, recovery: false };
  expect(sends).toEqual([send]);
  expect(until).toBe(T0 + 60_000);
  expect(data).toEqual({ ...account, current: slotWith([send]) });
  expect(account).toEqual(accountWith());
});

describe.each([
  ['with no end on record', null],
  ['whose end is on record as ambiguous', 'ambiguous'],
] as const)('after a send %s', (_, end) => {
  const earlier = sentAt(T0, end);

  it.each([0, 1, 5_001, 59_999])('none is made while it may be answered: %i ms later', (ms) => {
    expect(ask(accountWith(earlier), T0 + ms)).toBe('send-unsettled');
  });

  it('none is made by its own next attempt either', () => {
    expect(ask(accountWith(earlier), T0 + 1, `${T0}-refresh#2`)).toBe('send-unsettled');
  });

  it('one is made from settleBy on, to the millisecond: a recovery, beside it', () => {
    const { sends } = written(accountWith(earlier), T0 + 60_000);
    const sought = end === null ? { soughtAt: T0 + 60_000 } : {};
    expect(sends).toEqual([
      { ...earlier, ...sought },
      { ...sentAt(T0 + 60_000), recovery: true },
    ]);
  });
});

describe('an answer that may have come to somebody', () => {
  const [open, elsewhere, none] = [sentAt(T0), sentAt(T0 + 1, 'elsewhere'), sentAt(T0 + 2, 'ambiguous')];

  it('is that of every send but the one in hand and those that are known to have brought none', () => {
    const slot = slotWith([open, elsewhere, none, sentAt(T0 + HOUR)]);
    expect(maybeAnswered(slot, `${T0 + HOUR}-refresh#1`)).toEqual([open, elsewhere]);
  });

  it('is looked for from the first recovery on, and no later one begins that anew', () => {
    const first = written(accountWith(open, elsewhere, none), T0 + HOUR);
    expect(first.sends.map(({ soughtAt }) => soughtAt)).toEqual([T0 + HOUR, T0 + HOUR, undefined, undefined]);
    const second = written(first.data, T0 + 2 * HOUR);
    expect(second.sends.map(({ soughtAt }) => soughtAt)).toEqual([
      ...[T0 + HOUR, T0 + HOUR, undefined],
      ...[T0 + 2 * HOUR, undefined],
    ]);
  });
});

it('whichever send may be answered last counts, in whatever order they stand', () => {
  const account = accountWith(sentAt(T0 + 10, 'ambiguous'), sentAt(T0, 'ambiguous'));
  expect(unsettledUntil(account.current)).toBe(T0 + 60_010);
  expect(ask(account, T0 + 60_009)).toBe('send-unsettled');
  expect(written(account, T0 + 60_010).sends).toHaveLength(3);
});

it('eight are kept, and the newest is always one of them', () => {
  let account = accountWith();
  for (let n = 0; n < 20; n++) {
    const at = T0 + n * times.settleMs;
    const { data, sends } = written(account, at);
    expect(sends).toHaveLength(Math.min(n + 1, 8));
    expect(sends.at(-1)).toMatchObject({ at, recovery: n > 0 });
    expect(unsettledUntil(data.current)).toBe(at + times.settleMs);
    expect(ask(data, at + times.settleMs - 1)).toBe('send-unsettled');
    account = data;
  }
  expect(account.current?.sends.map(({ at }) => (at - T0) / times.settleMs)).toEqual([12, 13, 14, 15, 16, 17, 18, 19]);
  expect(lostAnswers(account.current, null)).toBe(8);
});

it('without a grant there is nothing to send, also while one waits to be verified', () => {
  expect(ask(accountData(), T0)).toBe('no-grant');
  expect(ask({ ...accountData(), candidate: slotWith([], 'g2') }, T0)).toBe('no-grant');
});
