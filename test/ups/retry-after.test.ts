import { readRetryAfter } from '../../src/ups/retry-after';

const nowAt = Date.parse('2026-11-23T08:00:00.000Z');

test.each<[string | string[] | undefined, number | null]>([
  ['120', 120_000],
  [' 0 ', 0],
  [['7', '9'], 7_000],
  ['Mon, 23 Nov 2026 08:00:30 GMT', 30_000],
  ['Mon, 23 Nov 2026 07:59:00 GMT', 0],
  ['Fri, 23 Nov 2096 08:00:00 GMT', 3_600_000],
  ['999999999', 3_600_000],
  ['-5', null],
  ['1.5', null],
  ['soon', null],
  ['2026-11-23', null],
  ['', null],
  [undefined, null],
])('Retry-After %p is %p ms', (header, expected) => {
  expect(readRetryAfter(header, nowAt)).toBe(expected);
});
