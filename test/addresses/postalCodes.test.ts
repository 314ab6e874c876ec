import fc from 'fast-check';
import { readPostalCode } from '../../src/addresses/postalCodes';

it.each([
  ['US', '21093', '21093'],
  ['US', ' 02109-1234 ', '02109-1234'],
  ['PR', '00901', '00901'],
  ['PR', '00601', '00601'],
  ['PR', '00725-0001', '00725-0001'],
  ['VI', '00802', '00802'],
  ['CA', 'K1A 0B1', 'K1A 0B1'],
  ['CA', 'k1a0b1', 'K1A 0B1'],
  ['CA', ' K1A\u00a0 0B1', 'K1A 0B1'],
  ['GB', 'sw1a 1aa', 'SW1A 1AA'],
  ['DE', '01067', '01067'],
  ['PL', '00-950', '00-950'],
  ['HK', '000', '000'],
])('takes in %s the postal code %j', (country, given, value) => {
  expect(readPostalCode(country, given)).toEqual({ value });
});

it.each([
  ['US', '2109', 'leading zero, write 02109'],
  ['PR', '901', 'leading zero, write 00901'],
  ['VI', '802', 'leading zero, write 00802'],
  ['US', '2109-1234', 'leading zero, write 02109-1234'],
  ['US', '21091234', 'the hyphen is missing, write 02109-1234'],
  ['US', '210931234', 'the hyphen is missing, write 21093-1234'],
  ['US', '21093 1234', 'the hyphen is missing, write 21093-1234'],
  ['US', '21093\u20131234', 'write 21093-1234'],
  ['US', '21093.0', 'made a number of it, write 21093'],
  ['US', '2109.0', 'made a number of it, write 02109'],
  ['US', 'K1A 0B1', 'Canadian, check the country'],
  ['US', '00000', '00000 does not'],
  ['US', '00000-1234', '00000 does not'],
  ['US', '21093-', 'has 5 digits'],
  ['US', '21093-123', 'has 5 digits'],
  ['US', '2109O', 'has 5 digits'],
  ['US', '\uff12\uff11\uff10\uff19\uff13', 'has 5 digits'],
  ['US', '21', 'has 5 digits'],
  ['PR', '21093', 'must begin with 006, 007 or 009'],
  ['PR', '00802', 'must begin with 006, 007 or 009'],
  ['CA', '21093', 'ZIP code, check the country'],
  ['CA', 'K1A-0B1', 'write K1A 0B1'],
  ['CA', 'K1A OB1', 'write K1A 0B1'],
  ['CA', 'W1A 0B1', 'does not begin with W or Z'],
  ['CA', 'Z1A 0B1', 'does not begin with W or Z'],
  ['CA', 'D1A 0B1', 'without the letters D'],
  ['CA', 'K1U 0B1', 'without the letters D'],
  ['CA', 'K1A 0B', 'A1A 1A1'],
  ['CA', '1K1 A0B', 'A1A 1A1'],
  ['DE', '-1067', 'has up to 16'],
  ['DE', 'x'.repeat(17), 'has up to 16'],
])('refuses in %s the postal code %j with a way out', (country, given, hint) => {
  expect(readPostalCode(country, given)).toEqual({ fault: expect.stringContaining(hint) as string });
});

it.each(['0', '00', '0000', '000', '0000-1234', '00000000'])('suggests no code that does not exist for %s', (given) => {
  const read = readPostalCode('US', given);
  expect('fault' in read && read.fault).not.toContain('write');
});

it('suggests in Puerto Rico no code of elsewhere', () => {
  expect(readPostalCode('PR', '2109')).toEqual({ fault: expect.not.stringContaining('write') as string });
});

const country = fc.constantFrom('US', 'PR', 'CA', 'VI', 'GB', 'DE', 'HK');
const anyCode = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'0123456789ABKVWZabk -.\u00a0'), maxLength: 12 }),
  fc.stringMatching(/^\s?\d{5}(-\d{4})?\s?$/),
  fc.stringMatching(/^[A-Za-z]\d[A-Za-z] {0,2}\d[A-Za-z]\d$/),
);

it('takes every code it accepted in the form it keeps, and keeps that form', () => {
  fc.assert(
    fc.property(country, anyCode, (where, given) => {
      const read = readPostalCode(where, given);
      if ('value' in read) expect(readPostalCode(where, read.value)).toEqual(read);
    }),
  );
});

it('suggests only codes that it takes', () => {
  fc.assert(
    fc.property(country, anyCode, (where, given) => {
      const read = readPostalCode(where, given);
      const meant = 'fault' in read ? /write ([A-Z0-9 -]+)$/.exec(read.fault)?.[1] : undefined;
      if (meant !== undefined) expect(readPostalCode(where, meant)).toEqual({ value: meant });
    }),
  );
});
