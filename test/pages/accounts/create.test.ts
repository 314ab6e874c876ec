import { createAccountSchema } from '../../../src/api/schemas/inputs';
import { errorsIn, inputFrom } from '../../../src/pages/accounts/create';

const fields = {
  name: 'UPS East',
  accountNumber: ' a1b2c3 ',
  owner: 'shipper',
  externalId: '',
  refreshPolicy: '',
  'address.addressLine': '1 Dock St',
  'address.city': 'Timonium',
  'address.stateProvinceCode': 'md',
  'address.postalCode': '21093',
  'address.countryCode': 'US',
};

it('turns a form into what the api takes: codes in upper case, what was left empty not given', () => {
  expect(createAccountSchema.parse(inputFrom(fields))).toMatchObject({
    accountNumber: 'A1B2C3',
    address: { stateProvinceCode: 'MD' },
  });
  expect(inputFrom(fields)).not.toHaveProperty('externalId');
});

it('names what is wrong by field, once each', () => {
  const bad = { ...fields, name: '', accountNumber: 'x', 'address.city': ' ', 'address.planet': 'Earth', other: '1' };
  const read = createAccountSchema.safeParse(inputFrom(bad), { reportInput: true });
  const errors = errorsIn(read.error?.issues ?? []);
  expect(errors).toMatchObject({
    name: 'is missing',
    accountNumber: 'has 6 letters and digits, upper case',
    'address.city': 'is missing',
  });
});
