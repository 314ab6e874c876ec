import { makeStore } from '../../src/db/accounts';
import type { Db } from '../../src/db/connection';
import { countByState, listAccounts, type AccountList } from '../../src/db/queries';
import type { AccountView } from '../../src/machines/definition';
import { sampleDocument } from '../durable/samples';
import { openDb } from './testDb';

let db: Db;

const views: [id: string, tenantId: string, view: Partial<AccountView>][] = [
  ['acc_1', 'acme', { name: 'UPS East', accountNumber: 'A1B2C3' }],
  ['acc_2', 'acme', { name: 'ups west', accountNumber: 'X1B2C3', state: 'connected', scheme: 'oauth' }],
  ['acc_3', 'globex', { name: 'UPS East', accountNumber: 'A1B2C3', state: 'connected', scheme: 'oauth' }],
  ['acc_4', 'acme', { name: 'Depot', state: 'disconnected', reason: 'consent-denied', externalId: 'carrier-77' }],
  ['acc_5', 'acme', { name: 'A very long name (1) of a depot', accountNumber: 'UPS123' }],
  ['acc_6', 'acme', { name: 'A very long name [2] of a depot', accountNumber: 'Q1B2C3', state: 'connected' }],
];

beforeAll(async () => {
  db = await openDb('queries');
  for (const [id, tenantId, view] of views) {
    const document = sampleDocument({ id, tenantId });
    await makeStore(db).insert({ ...document, view: { ...document.view, ...view } });
  }
});
afterAll(() => db.close());

async function listed(list: Partial<AccountList>): Promise<string[]> {
  const { items } = await listAccounts(db, { tenantId: 'acme', limit: 50, ...list });
  return items.map(({ id }) => id.slice(-1));
}

it('lists a tenant’s accounts, or for admins all of them, in order of id', async () => {
  expect(await listed({})).toEqual(['1', '2', '4', '5', '6']);
  expect(await listed({ tenantId: 'globex' })).toEqual(['3']);
  expect(await listed({ tenantId: null })).toEqual(['1', '2', '3', '4', '5', '6']);
});

it.each<[Partial<AccountList>, string[]]>([
  [{ state: 'connected' }, ['2', '6']],
  [{ state: 'connected', tenantId: null }, ['2', '3', '6']],
  [{ scheme: 'oauth' }, ['2']],
  [{ scheme: null }, ['1', '4', '5', '6']],
  [{ reason: 'consent-denied' }, ['4']],
  [{ externalId: 'carrier-77' }, ['4']],
  [{ externalId: 'carrier' }, []],
  [{ text: 'UPS' }, ['1', '2', '5']],
  [{ text: 'ups e' }, ['1']],
  [{ text: 'a1b' }, ['1', '4']],
  [{ text: 'East' }, []],
  [{ text: '.*' }, []],
  [{ text: '' }, ['1', '2', '4', '5', '6']],
  [{ text: 'a very long name' }, ['5', '6']],
  [{ text: 'A very long name (1) OF' }, ['5']],
  [{ text: 'A very long name .' }, []],
  [{ text: 'UPS', state: 'connected', scheme: 'oauth' }, ['2']],
  [{ text: 'UPS', tenantId: null }, ['1', '2', '3', '5']],
])('filters by %j', async (filter, expected) => {
  expect(await listed(filter)).toEqual(expected);
});

it('pages by the last id, and says when there is no more', async () => {
  const first = await listAccounts(db, { tenantId: 'acme', limit: 3 });
  expect(first.nextCursor).toBe('acc_4');
  const rest = await listAccounts(db, { tenantId: 'acme', limit: 3, cursor: 'acc_4' });
  expect(rest.items.map(({ id }) => id)).toEqual(['acc_5', 'acc_6']);
  expect(rest.nextCursor).toBeNull();
  const exactly = await listAccounts(db, { tenantId: 'acme', limit: 5 });
  expect(exactly.nextCursor).toBeNull();
});

it('counts by state within a tenant, and for admins over all', async () => {
  const none = { created: 0, 'pending-authorization': 0, connected: 0, disconnected: 0, migrating: 0, inactive: 0 };
  expect(await countByState(db, 'acme')).toEqual({ ...none, created: 2, connected: 2, disconnected: 1 });
  expect(await countByState(db, null)).toEqual({ ...none, created: 2, connected: 3, disconnected: 1 });
  expect(await countByState(db, 'nobody')).toEqual(none);
});
