/** Accounts that were erased: campaigns keep what became of them, and not who they were. */

import { awaitAgain, forgetAccount, insertItems, itemId } from '../../src/db/campaigns';
import { bury, finishErasure } from '../../src/db/erasure';
import { accountIdOf } from '../../src/hash';
import type { TestApi } from '../api/testApi';
import { makeBrowser } from '../support/merchantBrowser';
import { openCampaignSetup, type CampaignSetup } from './campaignSetup';

let setup: CampaignSetup;
let api: TestApi;
beforeAll(async () => {
  setup = await openCampaignSetup('campaigns-erased');
  api = setup.api;
});
afterAll(() => api.release());

/** As the command does it, and once more: whoever was interrupted comes again. */
async function erase(accountId: string): Promise<void> {
  const { db, runtime, clock } = api.services;
  await runtime.relay.idle();
  const document = await runtime.load(accountId, 'acme');
  expect(await bury(db, document, { by: 'cli', at: clock.now() })).toBe(true);
  await finishErasure(db, accountId, 'acme');
  await finishErasure(db, accountId, 'acme');
}

const itemsOf = async (id: string) => api.services.db.campaignItems.find({ campaignId: id }).toArray();
const nobody = { name: null, accountNumber: null, externalId: null };

it('are skipped where they were planned, have failed where they were waited for, and are named nowhere', async () => {
  const text = await setup.accounts(3);
  const draft = (await setup.plan(text)).body.id;
  const id = await setup.started(text, { waveSize: 3 });
  await setup.worker().advance(id);
  const [done, waiting] = await setup.links(id);
  if (!done || !waiting) throw new Error('nobody was asked');
  await setup.comeBack(done, ['A1B2C3']);
  await setup.worker().advance(id);
  for (const { accountId } of [done, waiting]) await erase(accountId);
  expect(await setup.items(id)).toMatchObject([
    { ...nobody, state: 'migrated', reason: null },
    { ...nobody, state: 'failed', reason: 'erased' },
    { accountNumber: 'A1B2C3', state: 'waiting', reason: null },
  ]);
  expect((await setup.items(draft)).slice(0, 2)).toEqual(
    Array(2).fill(expect.objectContaining({ ...nobody, state: 'skipped', reason: 'erased' })),
  );
  const kept = [...(await itemsOf(id)), ...(await itemsOf(draft))].filter(({ name }) => name === null);
  expect(kept.map(({ link }) => link)).toEqual(Array(4).fill(null));
  expect((await setup.links(id)).map(({ accountId }) => accountId)).not.toContain(waiting.accountId);
});

it('are not asked as whoever has their name later', async () => {
  const text = await setup.accounts(1);
  const name = `${text}0`;
  const draft = (await setup.plan(text)).body.id;
  const accountId = accountIdOf('acme', name);
  await erase(accountId);
  const { id } = await api.withKey({ name, accountNumber: 'B2C3D4' });
  expect(id).toBe(accountId);
  await setup.press(draft, 'start');
  await setup.worker().advance(draft);
  expect((await setup.read(draft)).counts).toMatchObject({ waiting: 0, skipped: 1 });
  expect(await api.read(id)).toMatchObject({ state: 'connected', accountNumber: 'B2C3D4' });
});

it('are not waited for again when a later account of their name goes back to its key', async () => {
  const text = await setup.accounts(1);
  const { db } = api.services;
  const [item] = await itemsOf((await setup.plan(text)).body.id);
  if (!item) throw new Error('nobody was planned');
  const { tenantId, accountId } = item;
  const old = { ...item, ...nobody, _id: itemId('cmp_old', accountId), campaignId: 'cmp_old' };
  await insertItems(db, [{ ...old, state: 'migrated' }]);
  expect(await awaitAgain(db, { tenantId, accountId }, 1)).toEqual([]);
});

it('take nothing along of an account of that name that came later', async () => {
  const text = await setup.accounts(1);
  const accountId = accountIdOf('acme', `${text}0`);
  const { db, runtime, clock } = api.services;
  const document = await runtime.load(accountId, 'acme');
  await erase(accountId);
  await api.withKey({ name: `${text}0` });
  const later = (await setup.plan(text)).body.id;
  await forgetAccount(db, { tenantId: 'acme', accountId, seq: document.seq, erasedAt: clock.now() });
  expect(await setup.items(later)).toMatchObject([{ name: `${text}0`, state: 'planned' }]);
});

it('are shown as erased on pages and in the report', async () => {
  const text = await setup.accounts(1);
  const { id } = (await setup.plan(text)).body;
  const accountId = accountIdOf('acme', `${text}0`);
  await erase(accountId);
  const headers = { authorization: `Bearer ${api.keys.reader}`, accept: 'text/csv' };
  const report = await api.send('GET', `/v1/campaigns/${id}/accounts`, { headers });
  expect(report.text).toContain(`${accountId},erased,,,1,skipped,erased,`);
  const browser = makeBrowser();
  await browser.submit(await browser.open(`${api.publicUrl}/sign-in`), { key: api.keys.operator });
  const { html } = await browser.open(`${api.publicUrl}/campaigns/${id}`);
  expect(html).toContain('(erased)');
  expect(html).not.toContain(`/accounts/${accountId}`);
});
