import { planBirth } from '../../../src/api/imports/birth';

const home = { tenantId: 'acme', refreshPolicy: 'eager' as const, deadlineAt: 0 };
const vault = { fingerprints: (): [string, ...string[]] => ['f'] };

it('judges a cell of nothing but marks in no time', () => {
  const marks = `a${'\u0301\u0316'.repeat(32_000)}`;
  const cells = { name: marks, account_number: marks, address_line: marks, city: marks, external_id: marks };
  const began = process.cpuUsage();
  expect(planBirth({ line: 2, cells }, home, vault)).toMatchObject({ line: 2, code: 'invalid-input' });
  const { user } = process.cpuUsage(began);
  // Sorted one by one they take seconds.
  expect(user).toBeLessThan(500_000);
});

it('takes a name as long as names may be, however many marks its letters are written with', () => {
  const name = 'o\u0323\u0302'.repeat(100);
  const cells = {
    ...{ name, account_number: 'A1B2C3', address_line: '1 Dock St', city: 'Timonium', state: 'MD' },
    ...{ postal_code: '21093', country: 'US', owner: 'shipper' },
    ...{ access_license_number: 'KEY', user_id: 'user', password: 'pass' },
  };
  expect(planBirth({ line: 2, cells }, home, vault)).toMatchObject({
    birth: { data: { settings: { name: '\u1ed9'.repeat(100) } } },
  });
});
