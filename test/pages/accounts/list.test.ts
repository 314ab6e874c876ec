import { readFilters } from '../../../src/pages/accounts/list';

it('takes the filters that make sense, and names those that make none', () => {
  expect(readFilters({ state: 'connected', text: '', tenantId: 'acme' })).toEqual({
    filters: { state: 'connected' },
    dropped: [],
  });
  expect(readFilters({ state: 'broken', text: 'ups', planet: 'earth' })).toEqual({
    filters: { text: 'ups' },
    dropped: ['state', 'planet'],
  });
});
