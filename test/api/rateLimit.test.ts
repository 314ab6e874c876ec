import { makeRateLimit } from '../../src/api/rateLimit';
import { makeClock } from '../db/testDb';

function open(limits: { burst: number; perSecond: number }) {
  const clock = makeClock(0);
  return { clock, limit: makeRateLimit(limits, clock) };
}

it('lets the burst pass, then as many as come in a second', () => {
  const { clock, limit } = open({ burst: 3, perSecond: 2 });
  const passed = (count: number) => Array.from({ length: count }, () => limit.take('one')).filter((wait) => wait === 0);
  expect(passed(5)).toHaveLength(3);
  clock.pass(1_000);
  expect(passed(5)).toHaveLength(2);
  clock.pass(60_000);
  expect(passed(5)).toHaveLength(3);
});

it('tells how long to wait, a second at least', () => {
  const slow = open({ burst: 1, perSecond: 0.25 });
  expect([slow.limit.take('one'), slow.limit.take('one')]).toEqual([0, 4]);
  slow.clock.pass(1_500);
  expect(slow.limit.take('one')).toBe(2.5);
  const fast = open({ burst: 1, perSecond: 500 });
  expect([fast.limit.take('one'), fast.limit.take('one')]).toEqual([0, 1]);
});

it('takes nothing from a key that is refused, and nothing from another key', () => {
  const { clock, limit } = open({ burst: 1, perSecond: 1 });
  for (let n = 0; n < 10; n++) limit.take('greedy');
  expect(limit.take('other')).toBe(0);
  clock.pass(1_000);
  expect(limit.take('greedy')).toBe(0);
});

it('forgets the keys unused for longest, and none that is in use', () => {
  const { limit } = open({ burst: 2, perSecond: 1 });
  for (const key of ['busy', 'idle']) expect([limit.take(key), limit.take(key)]).toEqual([0, 0]);
  for (let n = 0; n < 9_999; n++) {
    limit.take(`other-${n}`);
    limit.take('busy');
  }
  expect(limit.take('busy')).toBe(1);
  expect(limit.take('idle')).toBe(0);
});
