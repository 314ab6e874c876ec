import { inWords, relative } from '../../src/web/times';

const NOW = Date.parse('2026-11-23T08:00:00.000Z');

it('says how long ago or ahead an instant is, in a unit people count in', () => {
  const said = [0, 43_000, -12_000, 119_000, 120_000, -3 * 3_600_000, 59 * 86_400_000].map((away) =>
    relative(NOW + away, NOW),
  );
  expect(said).toEqual(['now', 'in 43 s', '12 s ago', 'in 119 s', 'in 2 min', '3 h ago', 'in 59 days']);
});

it('names the instant itself in UTC', () => {
  expect(inWords('2026-11-23T08:00:00.000Z')).toBe('23 Nov 2026, 08:00:00 UTC');
});
