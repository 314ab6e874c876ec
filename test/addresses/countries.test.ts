import { hasPostalCodes, isCountry, needsStateAndPostalCode } from '../../src/addresses/countries';

it('knows the two-letter codes that are assigned, and none that was withdrawn or made up', () => {
  for (const code of ['US', 'CA', 'PR', 'GB', 'XK', 'UK', 'AN', 'YU', 'EU', 'us', 'USA', ''])
    expect([code, isCountry(code)]).toEqual([code, ['US', 'CA', 'PR', 'GB'].includes(code)]);
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  expect(letters.flatMap((one) => letters.map((two) => one + two)).filter(isCountry)).toHaveLength(249);
});

it('lists countries that exist where it lists any', () => {
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  const codes = letters.flatMap((one) => letters.map((two) => one + two));
  expect(codes.filter(needsStateAndPostalCode)).toEqual(['CA', 'PR', 'US']);
  expect(codes.filter((code) => !hasPostalCodes(code)).every(isCountry)).toBe(true);
  expect(['HK', 'AE', 'US', 'DE'].map(hasPostalCodes)).toEqual([false, false, true, true]);
});
