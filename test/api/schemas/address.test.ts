import fc from 'fast-check';
import { addressSchema } from '../../../src/api/schemas/address';

const dock = {
  addressLine: '1 Dock St',
  city: 'Timonium',
  stateProvinceCode: 'MD',
  postalCode: '21093',
  countryCode: 'US',
};
const ottawa = { ...dock, city: 'Ottawa', stateProvinceCode: 'ON', postalCode: 'K1A 0B1', countryCode: 'CA' };

/** By field, in the order in which they are told. */
function faultsOf(changes: object): Record<string, string> {
  const faults: Record<string, string> = {};
  const { error } = addressSchema.safeParse({ ...dock, ...changes });
  for (const { path, message } of error?.issues ?? []) faults[path.join('.')] ??= message;
  return faults;
}

it('keeps one form of what is written in several', () => {
  const written = { ...ottawa, addressLine: ' 1  Dock\u00a0St', stateProvinceCode: ' on', postalCode: 'k1a0b1' };
  expect(addressSchema.parse(written)).toEqual({ ...ottawa, addressLine: '1 Dock St' });
});

it('takes an empty state or postal code for none', () => {
  for (const none of ['', ' ', '\u00a0', null, undefined])
    expect(
      addressSchema.parse({ ...dock, stateProvinceCode: none, postalCode: none, countryCode: 'HK' }),
    ).toMatchObject({
      stateProvinceCode: null,
      postalCode: null,
    });
  expect(faultsOf({ stateProvinceCode: '', postalCode: ' ' })).toEqual({
    stateProvinceCode: 'is needed in US: use its code of two letters, such as AK',
    postalCode: 'is needed in US',
  });
});

it('says everything that is wrong at once, what is absent first', () => {
  const faults = faultsOf({ addressLine: '', stateProvinceCode: 'XX', postalCode: '2109' });
  expect(Object.keys(faults)).toEqual(['addressLine', 'stateProvinceCode', 'postalCode']);
  expect(Object.keys(faultsOf({ ...ottawa, stateProvinceCode: 'MD', postalCode: null }))).toEqual([
    'postalCode',
    'stateProvinceCode',
  ]);
});

it('judges no code by a country that does not exist', () => {
  expect(Object.keys(faultsOf({ countryCode: 'XX', postalCode: '?' }))).toEqual(['countryCode']);
  expect(Object.keys(faultsOf({ countryCode: 'us' }))).toEqual(['countryCode']);
});

it('refuses codes with something invisible in them, or of another type', () => {
  expect(faultsOf({ postalCode: '21\u200b093' }).postalCode).toMatch(/^holds an invisible character/);
  expect(Object.keys(faultsOf({ postalCode: 21093, stateProvinceCode: ['MD'] }))).toEqual([
    'stateProvinceCode',
    'postalCode',
  ]);
});

it('takes an address it kept for the same address', () => {
  const address = fc.record({
    addressLine: fc.constantFrom('1 Dock St', '1\u00a0Dock  St', 'Straße\u0301 7'),
    city: fc.constantFrom(' Ottawa ', 'Montre\u0301al'),
    stateProvinceCode: fc.constantFrom('on', ' QC', 'md', null, ''),
    postalCode: fc.constantFrom('k1a0b1', 'K1A  0B1', '21093', ' 21093-1234', 'sw1a 1aa', null),
    countryCode: fc.constantFrom('CA', 'US', 'PR', 'GB', 'HK'),
  });
  fc.assert(
    fc.property(address, (given) => {
      const { data } = addressSchema.safeParse(given);
      if (data) expect(addressSchema.parse(data)).toEqual(data);
    }),
  );
});
