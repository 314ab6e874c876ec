import { judgeClocks } from '../../../src/cli/doctor/clock';

const other = (offMs: number, errorMs = 100) => ({
  whose: 'MongoDB',
  said: 1_000_000 - offMs,
  ours: 1_000_000,
  errorMs,
});

it('takes what the measuring alone may explain for no difference', () => {
  expect(judgeClocks([other(2_050)])).toMatchObject({ status: 'ok' });
  expect(judgeClocks([other(2_150)])).toMatchObject({ status: 'warn' });
});

it('judges the clock that differs most, and says which way', () => {
  expect(judgeClocks([other(0), { ...other(40_000), whose: 'UPS' }])).toMatchObject({
    status: 'fail',
    detail: '39.9 s ahead of UPS',
  });
  expect(judgeClocks([other(-5_100)])).toMatchObject({ status: 'warn', detail: '5.0 s behind MongoDB' });
});

it('says so when there is nobody to ask', () => {
  expect(judgeClocks([])).toMatchObject({ status: 'warn' });
});
