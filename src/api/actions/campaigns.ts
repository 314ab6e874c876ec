/** Campaigns: planned, looked at, started, paused, stopped and taken back. What they do is done by src/campaigns. */

import { randomBytes } from 'node:crypto';
import { RESTLESS_MS } from '../../campaigns/advance';
import { BY_OPERATOR, isLeftOut } from '../../campaigns/outcome';
import {
  countItems,
  ERASED,
  findCampaign,
  insertCampaign,
  insertItems,
  itemId,
  listCampaigns as readCampaigns,
  listItems,
  writeCampaign,
  type Campaign,
  type CampaignItem,
  type ItemList,
} from '../../db/campaigns';
import type { AccountDocument } from '../../db/accounts';
import type { Db } from '../../db/connection';
import { countAccessKeys, listAccessKeys } from '../../db/queries';
import { linkBelonging } from '../../db/sealed';
import { DAY_MS, HOUR_MS } from '../../durations';
import { connectUrlOf, readToken } from '../../links';
import { standingOf } from '../../machines/definition';
import { instant, instantOrNull } from '../present';
import { Refusal } from '../problems';
import { actorOf, type Caller, type TenantCaller } from '../roles';
import type {
  CampaignAction,
  CampaignItemJson,
  CampaignItemsInput,
  CampaignJson,
  CampaignLinkJson,
  CampaignLinksInput,
  CampaignListInput,
  CreateCampaign,
} from '../schemas/campaigns';
import type { Services } from '../services';
import { action } from './action';
import { allowedReturn } from './events';

const PAGE = 50;
const BATCH = 200;

async function present({ db }: Services, campaign: Campaign): Promise<CampaignJson> {
  const { id, tenantId, name, state, pausedBecause, undoing, filter, plan, wave, waves } = campaign;
  return {
    ...{ id, tenantId, name, state, pausedBecause, undoing, wave, waves },
    filter: presentFilter(filter),
    waveSize: plan.waveSize,
    pauseSeconds: plan.pauseMs / 1000,
    stopWhenFailedShare: plan.stopWhenFailedShare,
    linkHours: plan.linkTtlMs / HOUR_MS,
    graceDays: plan.graceMs / DAY_MS,
    returnTo: plan.returnTo,
    nextWaveAt: state === 'running' ? instantOrNull(campaign.nextWaveAt) : null,
    counts: await countItems(db, campaign),
    createdAt: instant(campaign.createdAt),
    startedAt: instantOrNull(campaign.startedAt),
    finishedAt: instantOrNull(campaign.finishedAt),
  };
}

function presentFilter(filter: object): CampaignJson['filter'] {
  const { deadlineBefore, ...rest } = filter as CreateCampaign['filter'];
  return { ...rest, ...(deadlineBefore !== undefined && { deadlineBefore: instant(deadlineBefore) }) };
}

async function load({ db }: Services, { tenantId }: TenantCaller, id: string): Promise<Campaign> {
  const found = await findCampaign(db, id, tenantId);
  if (!found) throw new Refusal('not-found', 'There is no such campaign.');
  return found;
}

/** Whoever is on the way to UPS already is left alone. */
const isMigrating = ({ snapshot }: AccountDocument): boolean => standingOf(snapshot.value).state === 'migrating';

const itemFor = (campaign: Pick<Campaign, 'id' | 'tenantId'>, document: AccountDocument, at: number): CampaignItem => ({
  _id: itemId(campaign.id, document.id),
  campaignId: campaign.id,
  tenantId: campaign.tenantId,
  accountId: document.id,
  seq: document.seq,
  name: document.view.name,
  accountNumber: document.view.accountNumber,
  externalId: document.view.externalId,
  wave: 0,
  state: 'planned',
  reason: null,
  at,
  consentId: null,
  link: null,
  linkExpiresAt: null,
});

/** More than these are refused: fewer than matched, and nobody told, would be believed to be all. */
export const ACCOUNTS_MAX = 100_000;

export function assertNotTooMany(count: number): void {
  if (count > ACCOUNTS_MAX)
    throw new Refusal('invalid-input', `The filter matches ${count} accounts, and a campaign takes ${ACCOUNTS_MAX}.`, {
      field: 'filter',
      wayOut: 'Narrow the filter, and plan several campaigns.',
    });
}

async function countMatches({ db }: Services, tenantId: string, filter: CreateCampaign['filter']): Promise<number> {
  const counts = await countAccessKeys(db, { tenantId, ...filter });
  return Object.values(counts).reduce((sum, one) => sum + one, 0);
}

/** Who it is about is fixed now: what is previewed is what will be asked. */
async function planItems(
  { db, clock }: Services,
  campaign: Pick<Campaign, 'id' | 'tenantId'>,
  filter: CreateCampaign['filter'],
  waveSize: number,
): Promise<number> {
  let planned = 0;
  let cursor: string | undefined;
  do {
    const page = await listAccessKeys(db, { tenantId: campaign.tenantId, ...filter, limit: BATCH, cursor });
    const asked = page.items.filter((one) => !isMigrating(one) && !isLeftOut(one, filter));
    const items = asked.map((document, n) => ({
      ...itemFor(campaign, document, clock.now()),
      wave: Math.floor((planned + n) / waveSize) + 1,
    }));
    await insertItems(db, items);
    planned += items.length;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return planned;
}

/** Shown as skipped, in no wave: nobody is left out in silence. */
async function noteLeftOut(
  { db, clock }: Services,
  campaign: Pick<Campaign, 'id' | 'tenantId'>,
  filter: CreateCampaign['filter'],
): Promise<void> {
  if (filter.ids) return;
  let cursor: string | undefined;
  do {
    const about = { tenantId: campaign.tenantId, ...filter, reason: BY_OPERATOR } as const;
    const page = await listAccessKeys(db, { ...about, limit: BATCH, cursor });
    const items = page.items
      .filter((document) => !isMigrating(document))
      .map((document) => itemFor(campaign, document, clock.now()));
    await insertItems(
      db,
      items.map((item) => ({ ...item, state: 'skipped', reason: BY_OPERATOR })),
    );
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

/** A draft: nothing has happened to any account. */
export const createCampaign = action(
  'write',
  async (services, caller: TenantCaller, input: CreateCampaign): Promise<CampaignJson> => {
    const { tenantId } = caller;
    const { name, filter, waveSize, pauseSeconds, stopWhenFailedShare, linkHours, graceDays } = input;
    const returnTo = await allowedReturn(services, tenantId, input.returnTo);
    assertNotTooMany(await countMatches(services, tenantId, filter));
    const id = `cmp_${randomBytes(12).toString('hex')}`;
    const planned = await planItems(services, { id, tenantId }, filter, waveSize);
    if (planned === 0)
      throw new Refusal('nothing-to-migrate', 'No account on an old key that may be asked matches the filter.', {
        field: 'filter',
        wayOut: 'Accounts that an operator disconnected are asked only by their ids, and those that migrate are not.',
      });
    await noteLeftOut(services, { id, tenantId }, filter);
    const campaign: Campaign = {
      ...{ id, tenantId, name, filter, state: 'draft', pausedBecause: null, undoing: false, restlessUntil: 0 },
      plan: {
        ...{ waveSize, pauseMs: pauseSeconds * 1000, stopWhenFailedShare },
        ...{ linkTtlMs: linkHours * HOUR_MS, graceMs: graceDays * DAY_MS, returnTo },
      },
      ...{ wave: 0, waves: Math.ceil(planned / waveSize), nextWaveAt: null, forgiven: { ended: 0, failed: 0 } },
      ...{ rev: 1, wakeAt: null, createdAt: services.clock.now(), createdBy: actorOf(caller) },
      ...{ startedAt: null, finishedAt: null },
    };
    await insertCampaign(services.db, campaign);
    return present(services, campaign);
  },
);

export const getCampaign = action(
  'read',
  async (services, caller: TenantCaller, { id }: { id: string }): Promise<CampaignJson> =>
    present(services, await load(services, caller, id)),
);

export const listCampaigns = action(
  'read',
  async (services, { tenantId }: Caller, { limit = PAGE, cursor }: CampaignListInput) => {
    const page = await readCampaigns(services.db, { tenantId, limit, cursor });
    return {
      items: await Promise.all(page.items.map((one) => present(services, one))),
      nextCursor: page.nextCursor,
    };
  },
);

/** From which states each is possible; in the state it leads to it changes nothing. */
const possible: Record<CampaignAction, { from: Campaign['state'][]; to: Campaign['state'] }> = {
  start: { from: ['draft'], to: 'running' },
  pause: { from: ['running'], to: 'paused' },
  resume: { from: ['paused'], to: 'running' },
  stop: { from: ['draft', 'running', 'paused'], to: 'stopped' },
  undo: { from: ['running', 'paused', 'stopped', 'finished'], to: 'stopped' },
};

async function changesFor(
  { db, clock }: Services,
  campaign: Campaign,
  act: CampaignAction,
): Promise<Partial<Campaign>> {
  const now = clock.now();
  const changes = { state: possible[act].to, pausedBecause: null, wakeAt: now };
  switch (act) {
    case 'start':
      return { ...changes, startedAt: now, nextWaveAt: now };
    case 'resume':
      return { ...changes, ...(campaign.pausedBecause === 'failures' && (await forgiving(db, campaign))) };
    case 'pause':
      return { ...changes, pausedBecause: 'operator', restlessUntil: now + RESTLESS_MS };
    case 'stop':
      return { ...changes, restlessUntil: now + RESTLESS_MS };
    case 'undo':
      return { ...changes, undoing: true, restlessUntil: now + RESTLESS_MS };
  }
}

async function forgiving(db: Db, campaign: Campaign): Promise<Pick<Campaign, 'forgiven'>> {
  const { migrated, failed } = await countItems(db, campaign);
  return { forgiven: { ended: migrated + failed, failed } };
}

const TRIES = 5;

export const controlCampaign = action(
  'write',
  async (services, caller: TenantCaller, { id, act }: { id: string; act: CampaignAction }): Promise<CampaignJson> => {
    const { from, to } = possible[act];
    for (let tries = 0; tries < TRIES; tries++) {
      const campaign = await load(services, caller, id);
      if (campaign.state === to && act !== 'undo') return present(services, campaign);
      if (!from.includes(campaign.state))
        throw new Refusal('illegal-event', `A campaign that is ${campaign.state} cannot do that: ${act}.`, {
          more: {
            allowed: Object.entries(possible).flatMap(([name, one]) =>
              one.from.includes(campaign.state) ? [name] : [],
            ),
          },
        });
      const changed = await writeCampaign(services.db, campaign, await changesFor(services, campaign, act));
      if (changed) {
        await services.tellCampaign?.(id);
        return present(services, changed);
      }
    }
    throw new Refusal('too-busy', 'The campaign is being written by others.', { retryAfterSeconds: 2 });
  },
);

const presentItem = (item: CampaignItem): CampaignItemJson => {
  const { accountId, name, accountNumber, externalId, wave, state, reason, at, linkExpiresAt } = item;
  const shown = { accountId, name, accountNumber, externalId, wave, state, reason };
  return { ...shown, at: instant(at), linkExpiresAt: state === 'waiting' ? instantOrNull(linkExpiresAt) : null };
};

export const listCampaignItems = action(
  'read',
  async (services, caller: TenantCaller, { id, limit = PAGE, ...about }: CampaignItemsInput & { id: string }) => {
    await load(services, caller, id);
    const page = await listItems(services.db, { campaignId: id, tenantId: caller.tenantId, limit, ...about });
    return { items: page.items.map(presentItem), nextCursor: page.nextCursor };
  },
);

async function* each({ db }: Services, about: Omit<ItemList, 'limit' | 'cursor'>): AsyncGenerator<CampaignItem> {
  let cursor: string | undefined;
  do {
    const page = await listItems(db, { ...about, limit: BATCH, cursor });
    yield* page.items;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

/** The whole report, for people to read: an account that is gone says so in the place of its name. */
export const eachCampaignItem = action(
  'read',
  async (services, caller: TenantCaller, { id, state, wave }: CampaignItemsInput & { id: string }) => {
    await load(services, caller, id);
    const items = each(services, { campaignId: id, tenantId: caller.tenantId, state, wave });
    return (async function* (): AsyncGenerator<CampaignItemJson> {
      for await (const item of items) yield { ...presentItem(item), name: item.name ?? ERASED };
    })();
  },
);

/** Opened as it is read, and kept nowhere; nothing where a step has taken the link away meanwhile. */
function presentLink({ vault, config }: Services, item: CampaignItem): CampaignLinkJson[] {
  const token = item.link === null ? null : readToken(vault.open(item.link, linkBelonging(item)));
  if (token === null) return [];
  const { accountId, name, accountNumber, externalId, linkExpiresAt } = item;
  if (name === null || accountNumber === null) return [];
  const connectUrl = connectUrlOf(config, token);
  return [{ accountId, name, accountNumber, externalId, connectUrl, expiresAt: instantOrNull(linkExpiresAt) }];
}

async function linksOf(services: Services, caller: TenantCaller, id: string) {
  await load(services, caller, id);
  services.log.info({ campaignId: id, keyId: caller.keyId }, 'The links of a campaign are handed out.');
  return { campaignId: id, tenantId: caller.tenantId, state: 'waiting', hasLink: true } as const;
}

/** The links that work, to be handed to the merchants. */
export const listCampaignLinks = action(
  'write',
  async (services, caller: TenantCaller, { id, limit = PAGE, cursor }: CampaignLinksInput & { id: string }) => {
    const page = await listItems(services.db, { ...(await linksOf(services, caller, id)), limit, cursor });
    return { items: page.items.flatMap((item) => presentLink(services, item)), nextCursor: page.nextCursor };
  },
);

/** All of them, a page at a time: whoever reads slowly makes us read slowly. */
export const eachCampaignLink = action('write', async (services, caller: TenantCaller, { id }: { id: string }) => {
  const items = each(services, await linksOf(services, caller, id));
  return (async function* (): AsyncGenerator<CampaignLinkJson> {
    for await (const item of items) yield* presentLink(services, item);
  })();
});
