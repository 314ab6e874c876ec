/** Accounts that a campaign migrated and that went back to their keys are none of those it got through. */

import { LOOK_AFTER_MS, takingBack } from '../../src/campaigns/takenBack';
import { dueCampaigns } from '../../src/db/campaigns';
import type { TestApi } from '../api/testApi';
import { openCampaignSetup, type CampaignSetup } from './campaignSetup';

let setup: CampaignSetup;
let api: TestApi;
beforeAll(async () => {
  setup = await openCampaignSetup('campaigns-taken-back');
  api = setup.api;
});
afterAll(() => api.release());

const RESTORE = { type: 'RESTORE_ACCESS_KEY' };
const endsOf = async (id: string) => (await setup.items(id)).map(({ state, reason }) => [state, reason]);

/** Through UPS, with an old key that is kept for a while; `noted`: the campaign has seen it. */
async function migrated({ noted, count = 1 }: { noted: boolean; count?: number }) {
  const id = await setup.started(await setup.accounts(count), { waveSize: count, graceDays: 7 });
  await setup.worker().advance(id);
  const links = await setup.links(id);
  for (const link of links) await setup.comeBack(link, ['A1B2C3']);
  if (noted) await setup.worker().advance(id);
  return { id, accountId: links[0]?.accountId ?? '' };
}

it('an account that was counted as migrated is shown as restored at once, and its campaign is finished still', async () => {
  const { id, accountId } = await migrated({ noted: true, count: 2 });
  expect(await setup.read(id)).toMatchObject({ state: 'finished', counts: { migrated: 2 } });
  const preview = await api.call('POST', `/accounts/${accountId}/events?dryRun=1`, { body: RESTORE });
  expect([preview.status, (await setup.read(id)).counts.migrated]).toEqual([200, 2]);
  expect((await api.event(accountId, RESTORE)).body.verdict).toBe('applied');
  const ends = [
    ['failed', 'access-key-restored'],
    ['migrated', null],
  ];
  expect(await endsOf(id)).toEqual(ends);
  expect((await api.event(accountId, RESTORE)).body.verdict).toBe('illegal');
  await setup.worker().advance(id);
  expect(await endsOf(id)).toEqual(ends);
  expect(await setup.read(id)).toMatchObject({ state: 'finished', counts: { migrated: 1, failed: 1, waiting: 0 } });
});

it('so is one that was restored before its campaign looked', async () => {
  const { id, accountId } = await migrated({ noted: false });
  await api.event(accountId, RESTORE);
  await setup.worker().advance(id);
  expect(await endsOf(id)).toEqual([['failed', 'access-key-restored']]);
});

const dispatch = (accountId: string, dryRun: boolean) =>
  api.services.runtime.dispatch(accountId, RESTORE, { tenantId: 'acme', actor: 'key:test', dryRun });

describe('whoever takes it back and dies in the middle', () => {
  const dies = async (accountId: string, restores: boolean) => {
    const restore = async (dryRun: boolean) => {
      if (dryRun) return dispatch(accountId, true);
      if (restores) await dispatch(accountId, false);
      throw new Error('dead');
    };
    await takingBack(api.services, { tenantId: 'acme', accountId }, restore).catch(() => undefined);
  };
  const isDue = async (id: string) => (await dueCampaigns(api.services.db, api.clock.now(), 1000)).includes(id);

  it.each([
    { when: 'after it', restores: true, end: ['failed', 'access-key-restored'] },
    { when: 'before it', restores: false, end: ['migrated', null] },
  ])('$when leaves it to the campaign, which is looked at again', async ({ restores, end }) => {
    const { id, accountId } = await migrated({ noted: true });
    await dies(accountId, restores);
    expect(await endsOf(id)).toEqual([['waiting', 'access-key-restored']]);
    expect(await isDue(id)).toBe(false);
    api.pass(LOOK_AFTER_MS);
    expect(await isDue(id)).toBe(true);
    await setup.worker().advance(id);
    expect(await endsOf(id)).toEqual([end]);
    expect(await isDue(id)).toBe(false);
  });
});

it('a step of the campaign that comes in between does not keep it from being shown', async () => {
  const { id, accountId } = await migrated({ noted: true });
  const restore = async (dryRun: boolean) => {
    if (!dryRun) {
      await setup.worker().advance(id);
      expect(await endsOf(id)).toEqual([['migrated', null]]);
    }
    return dispatch(accountId, dryRun);
  };
  await takingBack(api.services, { tenantId: 'acme', accountId }, restore);
  expect(await endsOf(id)).toEqual([['failed', 'access-key-restored']]);
});
