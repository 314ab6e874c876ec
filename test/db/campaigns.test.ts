import {
  countItems,
  findCampaign,
  giveLink,
  insertItems,
  itemId,
  listItems,
  type CampaignItem,
} from '../../src/db/campaigns';
import type { Db } from '../../src/db/connection';
import { openDb } from './testDb';

let db: Db;
beforeAll(async () => {
  db = await openDb('campaigns');
});
afterAll(() => db.close());

const item = (accountId: string, over: Partial<CampaignItem> = {}): CampaignItem => ({
  ...{ _id: itemId('cmp_1', accountId), campaignId: 'cmp_1', tenantId: 'acme', accountId, name: 'x' },
  ...{ accountNumber: 'A1B2C3', externalId: null, wave: 1, state: 'planned', reason: null, at: 1 },
  ...{ consentId: null, link: null, linkExpiresAt: null, ...over },
});

it('gives an account one link, whoever comes second', async () => {
  const one = item('acc_one');
  await insertItems(db, [one]);
  expect(await giveLink(db, one, { consentId: 'first', link: 'a' })).toMatchObject({ consentId: 'first', link: 'a' });
  expect(await giveLink(db, one, { consentId: 'second', link: 'b' })).toMatchObject({ consentId: 'first', link: 'a' });
});

it('shows a tenant nothing of another', async () => {
  await insertItems(db, [item('acc_two', { tenantId: 'other' })]);
  const theirs = { id: 'cmp_1', tenantId: 'nobody' };
  expect((await countItems(db, theirs)).planned).toBe(0);
  expect((await listItems(db, { campaignId: 'cmp_1', tenantId: 'nobody', limit: 5 })).items).toEqual([]);
  expect(await giveLink(db, item('acc_two', { tenantId: 'nobody' }), { consentId: 'x', link: 'y' })).toBeNull();
  expect(await findCampaign(db, 'cmp_1', 'nobody')).toBeNull();
});
