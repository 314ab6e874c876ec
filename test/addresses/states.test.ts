import { readState, statesOf } from '../../src/addresses/states';

const codes = (country: string) => statesOf(country).map(({ code }) => code);

it('lists the states with the District of Columbia and the armed forces, and the provinces', () => {
  expect(codes('US')).toHaveLength(54);
  expect(codes('US')).toEqual(expect.arrayContaining(['MD', 'DC', 'AK', 'HI', 'AA', 'AE', 'AP']));
  expect(codes('CA')).toEqual(['AB', 'BC', 'MB', 'NB', 'NL', 'NS', 'NT', 'NU', 'ON', 'PE', 'QC', 'SK', 'YT']);
  expect(codes('PR')).toEqual(['PR']);
  expect(codes('DE')).toEqual([]);
});

it.each([
  ['US', 'MD', 'MD'],
  ['US', ' md ', 'MD'],
  ['CA', 'qc', 'QC'],
  ['PR', 'pr', 'PR'],
  ['DE', 'by', 'BY'],
  ['GB', 'ENG', 'ENG'],
])('takes in %s the state %j', (country, given, value) => {
  expect(readState(country, given)).toEqual({ value });
});

it.each([
  ['US', 'Maryland', 'for Maryland use MD'],
  ['US', 'NEW  YORK', 'for New York use NY'],
  ['US', 'US-MD', 'for Maryland use MD'],
  ['US', 'D.C.', 'for District of Columbia use DC'],
  ['CA', 'Québec', 'for Quebec use QC'],
  ['PR', 'Puerto Rico', 'for Puerto Rico use PR'],
  ['US', 'PR', 'use PR as the country, and PR as the state too'],
  ['US', 'Puerto Rico', 'use PR as the country, and PR as the state too'],
  ['US', 'GU', 'use GU as the country'],
  ['US', 'VI', 'use VI as the country'],
  ['US', 'ON', 'belongs to the country CA'],
  ['CA', 'WA', 'belongs to the country US'],
  ['PR', 'FL', 'belongs to the country US'],
  ['US', 'XX', 'use its code of two letters'],
  ['US', '24', 'use its code of two letters'],
  ['US', 'ıl', 'use its code of two letters'],
  ['PR', 'San Juan', 'such as PR'],
  ['DE', 'Bavaria', 'has up to 5 letters and digits'],
])('refuses in %s the state %j with a way out', (country, given, hint) => {
  expect(readState(country, given)).toEqual({ fault: expect.stringContaining(hint) as string });
});
