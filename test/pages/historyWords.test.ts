import { pendingWords } from '../../src/pages/account/historyView';
import { factsOf, titleOf } from '../../src/pages/historyWords';
import { timerNames } from '../../src/api/rowTypes';
import { publicEvents } from '../../src/machines/events';

const row = {
  seq: 2,
  at: '2026-11-23T08:00:00.000Z',
  actorName: null,
  actor: 'machine',
  from: 'connected',
  to: 'connected',
  eventId: 'e',
};

it('has words of its own for every timer and every event of today', () => {
  const types = [...Object.values(timerNames), ...publicEvents];
  expect(types.filter((type) => titleOf({ type }).toUpperCase().replaceAll(' ', '_') === type)).toEqual([]);
  expect(titleOf({ type: 'SOMETHING_NEW' })).toBe('Something new');
});

it('has words for everything that comes by itself', () => {
  const planned = [...Object.values(timerNames), 'exchange', 'verify', 'refresh'];
  expect(planned.filter((name) => !(name in pendingWords))).toEqual([]);
});

it('shows of a row what a person wants to know, and UPS’s own words', () => {
  expect(factsOf({ ...row, type: 'REFRESHED', generation: 3, grantId: 'g' })).toBe('generation 3');
  const ups = { httpStatus: 400, code: '120100', message: 'Missing or invalid shipper number' };
  const refused = {
    ...row,
    type: 'VERIFICATION_FAILED',
    result: 'not-in-profile',
    reason: 'account-not-in-profile',
    ups,
  };
  expect(factsOf(refused)).toBe(
    'UPS: 120100 Missing or invalid shipper number · The UPS login that was used does not hold this account number.',
  );
  expect(factsOf({ ...row, type: 'VERIFIED', ups: { httpStatus: 200, code: null, message: null } })).toBe('');
});
