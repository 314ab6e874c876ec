/** Who may run what is under way: a claim, decided of one document with nothing around it. */

import { claimOf } from '../../src/durable/decide';
import type { Claim, Invocation } from '../../src/durable/types';
import { defaultRules, makeAccountDefinition } from '../../src/machines/definition';
import type { Send, Slot } from '../../src/machines/data';
import { DAY, HOUR } from '../machines/accountBuilder';
import { AT, sampleDocument } from './samples';

const definition = makeAccountDefinition(defaultRules);
const { claimMs, settleMs } = defaultRules;

const slotWith = (sends: Send[]): Slot => ({
  ...{ grantId: 'g1', generation: 1, access: 'sealed', refresh: 'sealed', sends },
  ...{ issuedAt: AT - HOUR, accessExpiresAt: AT, refreshExpiresAt: AT + 60 * DAY, refreshedAt: null },
});

const invocation = (src: string, claim: Claim | null): Invocation => ({
  ...{ key: `4-${src}`, id: src, src, input: {}, claim },
  retellAt: claim?.until ?? AT + 30_000,
});

/** Its journal is empty, whoever claimed what: only the claim itself can refuse. */
const documentWith = (invocations: Invocation[], sends: Send[] = []) => {
  const document = sampleDocument({ invocations });
  return { ...document, data: { ...document.data, current: slotWith(sends) } };
};

const claimAt = (at: number, document: ReturnType<typeof documentWith>, key: string, by = 'b') =>
  claimOf(definition, document, key, by, at);

describe.each([
  ['exchange', claimMs],
  ['verify', claimMs],
  ['refresh', settleMs],
])('a claim of %s', (src, holdsMs) => {
  const key = `4-${src}`;
  const held = documentWith([invocation(src, { by: 'a', attempt: 1, until: AT })]);

  it('is had when nobody holds it: attempt 1, until it ends and is told of again', () => {
    const claim = { by: 'b', attempt: 1, until: AT + holdsMs };
    expect(claimAt(AT, documentWith([invocation(src, null)]), key)?.invocations).toEqual([invocation(src, claim)]);
  });

  it.each([holdsMs, 1_000, 1])('is not had while another’s runs, %i ms before its end', (ms) => {
    expect(claimAt(AT - ms, held, key)).toBeNull();
  });

  it('is not had a second time by its own holder', () => {
    expect(claimAt(AT - 1, held, key, 'a')).toBeNull();
  });

  it('is had at the very end of another’s, as the next attempt', () => {
    const claim = { by: 'b', attempt: 2, until: AT + holdsMs };
    expect(claimAt(AT, held, key)?.invocations).toEqual([invocation(src, claim)]);
  });

  it('leaves all else that is under way to those who hold it', () => {
    const other = invocation('other', { by: 'a', attempt: 3, until: AT + 10 });
    const claimed = claimAt(AT, documentWith([other, invocation(src, null)]), key);
    expect(claimed?.invocations[0]).toEqual(other);
    expect(claimed?.invocations[1]?.claim?.by).toBe('b');
  });

  it('is not had of what is under way no more', () => {
    expect(claimAt(AT, documentWith([]), key)).toBeNull();
    expect(claimAt(AT, held, `3-${src}`)).toBeNull();
  });
});

it('a claim that the host refuses is not had, though nobody holds it: an earlier send may still be answered', () => {
  const send = { id: '2-refresh#1', at: AT, sendBy: AT + 5_000, settleBy: AT + 60_000, recovery: false };
  const document = documentWith([invocation('refresh', null)], [{ ...send, end: 'ambiguous' }]);
  expect(claimAt(AT + 59_999, document, '4-refresh')).toBeNull();
  expect(claimAt(AT + 60_000, document, '4-refresh')?.data.current?.sends).toHaveLength(2);
});
