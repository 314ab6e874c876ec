/**
 * One step of a campaign, by whoever gets to it: look at who was asked, decide whether to go on, ask the next wave.
 *
 * 1. An account's link is written down before the account hears of it, and given once: a step that is repeated, or done by
 *    two at once, dispatches the same link under the same event id, which has one effect.
 * 2. What is decided about the campaign is a compare-and-set on its document; who loses it looks again at the next step.
 * 3. `wakeAt` says when to look again, until nobody is waited for. The queue is a hint.
 */

import type { Config } from '../config';
import type { AccountDocument } from '../db/accounts';
import {
  changeItem,
  countItems,
  findCampaign,
  giveLink,
  listItems,
  writeCampaign,
  type Campaign,
  type CampaignItem,
  type ItemCounts,
} from '../db/campaigns';
import type { Db } from '../db/connection';
import type { CampaignItemState } from '../db/schemas';
import type { Vault } from '../db/vault';
import { NotFound } from '../durable/errors';
import type { Runtime } from '../durable/runtime';
import type { Clock, Verdict } from '../durable/types';
import { linkOf, newToken, readToken, textOf } from '../links';
import type { AccountData } from '../machines/data';
import { standingOf, type AccountView } from '../machines/definition';
import { endOf } from './outcome';

export interface CampaignParts {
  db: Db;
  runtime: Pick<Runtime<AccountData, AccountView>, 'dispatch' | 'load'>;
  vault: Pick<Vault, 'seal' | 'open'>;
  config: Pick<Config, 'publicUrl'>;
  clock: Clock;
  makeId(): string;
}

export interface Campaigns {
  /** Rejects when the store is away: the step is done again then. */
  advance(id: string): Promise<void>;
}

const PAGE = 200;
const CONCURRENCY = 10;

/** How soon those who were asked are looked at again; many at a time less often. */
const LOOK_MS = 2_000;
const LOOK_MANY_MS = 15_000;
const MANY = 1_000;

/** Fewer ends than these say nothing of a share. */
const ENDS_MIN = 5;

/** What a link's box is bound to. */
export const linkBelonging = ({ tenantId, accountId, consentId }: CampaignItem) => ({
  ...{ tenantId, accountId, field: 'campaign-link' },
  grantId: consentId ?? '',
  generation: 0,
});

async function forEach<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const lane = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, lane));
}

export function makeCampaigns(parts: CampaignParts): Campaigns {
  const { db, runtime, vault, config, clock } = parts;

  const loadOrNull = (item: CampaignItem): Promise<AccountDocument | null> =>
    runtime.load(item.accountId, item.tenantId).catch((error: unknown) => {
      if (error instanceof NotFound) return null;
      throw error;
    });

  /** Without the link: whatever ended it, it works no more. */
  const end = (item: CampaignItem, state: CampaignItemState, reason: string | null) =>
    changeItem(db, item, { state, reason, link: null, at: clock.now() });

  async function eachItem(
    { id, tenantId }: Campaign,
    about: { state: CampaignItemState; wave?: number },
    work: (item: CampaignItem) => Promise<void>,
  ): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await listItems(db, { campaignId: id, tenantId, ...about, limit: PAGE, cursor });
      await forEach(page.items, work);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  async function look(item: CampaignItem): Promise<void> {
    const found = endOf(await loadOrNull(item), item);
    if (found) await end(item, found.state, found.reason);
  }

  /** A link that was used is on its way: how that ends is seen later. */
  async function withdraw(item: CampaignItem): Promise<void> {
    const { accountId, tenantId, campaignId, consentId } = item;
    const options = { tenantId, actor: `campaign:${campaignId}`, eventId: `${campaignId}:withdrawn` };
    const verdict = await runtime
      .dispatch(accountId, { type: 'LINK_WITHDRAWN', consentId } as never, options)
      .catch(unlessMissing);
    if (verdict?.verdict === 'applied' || verdict?.verdict === 'duplicate') await end(item, 'undone', null);
    else await look(item);
  }

  async function ask(item: CampaignItem, { id, plan }: Campaign): Promise<void> {
    const given = await withLink(item);
    if (given === null) return;
    const token = given.link === null ? null : readToken(vault.open(given.link, linkBelonging(given)));
    if (token === null) return;
    const { consentId, accountId, tenantId } = given;
    const { returnTo, linkTtlMs: ttlMs, graceMs } = plan;
    const { opens, secrets } = linkOf(config, token, { consentId: consentId ?? '', returnTo, ttlMs });
    const options = { tenantId, actor: `campaign:${id}`, eventId: `${id}:asked`, secrets };
    const event = { type: 'CAMPAIGN_MIGRATE', ...opens, graceMs, campaignId: id };
    const verdict = await runtime.dispatch(accountId, event, options).catch(unlessMissing);
    await noteAsked(given, verdict);
  }

  /** One link an account, whoever makes it; null when somebody else has asked meanwhile. */
  async function withLink(item: CampaignItem): Promise<CampaignItem | null> {
    if (item.consentId !== null) return item;
    const named = { ...item, consentId: parts.makeId() };
    const link = vault.seal(textOf(newToken(item.accountId)), linkBelonging(named));
    return giveLink(db, item, { consentId: named.consentId, link });
  }

  async function noteAsked(item: CampaignItem, verdict: Verdict<AccountDocument> | null): Promise<void> {
    if (verdict === null) return void (await end(item, 'skipped', 'erased'));
    if (verdict.verdict === 'applied' || verdict.verdict === 'duplicate') {
      const link = verdict.document.data.links.find((one) => one.consentId === item.consentId);
      const waiting = { state: 'waiting' as const, at: clock.now(), linkExpiresAt: link?.expiresAt ?? null };
      return void (await changeItem(db, item, waiting));
    }
    await end(item, 'skipped', skippedBecause(verdict.document));
  }

  /** When to look again: null when there is nothing to see any more. */
  function nextLook(campaign: Campaign, counts: ItemCounts): number | null {
    const lookAt = counts.waiting > 0 ? clock.now() + (counts.waiting > MANY ? LOOK_MANY_MS : LOOK_MS) : null;
    const waveAt = campaign.state === 'running' && counts.planned > 0 ? campaign.nextWaveAt : null;
    const instants = [lookAt, waveAt].filter((one) => one !== null);
    return instants.length === 0 ? null : Math.min(...instants);
  }

  async function settle(campaign: Campaign): Promise<void> {
    const counts = await countItems(db, campaign.id);
    const isOver = campaign.state === 'running' && counts.planned === 0 && counts.waiting === 0;
    const over = isOver ? { state: 'finished' as const, finishedAt: clock.now() } : {};
    await writeCampaign(db, campaign, { ...over, undoing: false, wakeAt: nextLook(campaign, counts) });
  }

  /** The campaign with its next wave begun, or as it is. Begun first, asked after: a crash in between asks it again. */
  async function nextWave(campaign: Campaign): Promise<Campaign | null> {
    const now = clock.now();
    const { wave, waves, plan } = campaign;
    if (wave >= waves || (campaign.nextWaveAt ?? 0) > now) return campaign;
    return writeCampaign(db, campaign, { wave: wave + 1, nextWaveAt: now + plan.pauseMs, wakeAt: now });
  }

  async function pauseIfFailing(campaign: Campaign): Promise<Campaign | null> {
    const counts = await countItems(db, campaign.id);
    if (!failsTooOften(campaign, counts)) return campaign;
    const paused = { state: 'paused' as const, pausedBecause: 'failures' as const };
    return writeCampaign(db, campaign, { ...paused, wakeAt: clock.now() });
  }

  return {
    async advance(id) {
      const found = await findCampaign(db, id);
      if (!found || found.state === 'draft') return;
      await eachItem(found, { state: 'waiting' }, found.undoing ? withdraw : look);
      const checked = found.state === 'running' ? await pauseIfFailing(found) : found;
      const begun = checked?.state === 'running' ? await nextWave(checked) : checked;
      // Another step was quicker: its decision stands, and the next look follows it.
      if (!begun) return;
      if (begun.state === 'running') {
        await eachItem(begun, { state: 'planned', wave: begun.wave }, (item) => ask(item, begun));
      }
      await settle(begun);
    },
  };
}

export function failsTooOften({ plan, forgiven }: Campaign, { migrated, failed }: ItemCounts): boolean {
  const ended = migrated + failed - forgiven.ended;
  const failedSince = failed - forgiven.failed;
  return ended >= Math.min(ENDS_MIN, plan.waveSize) && failedSince / Math.max(1, ended) > plan.stopWhenFailedShare;
}

function skippedBecause(document: AccountDocument): string {
  const { state } = standingOf(document.snapshot.value);
  if (state === 'migrating') return 'migrating-already';
  return document.view.scheme === 'oauth' ? 'migrated-already' : state;
}

const unlessMissing = (error: unknown): null => {
  if (error instanceof NotFound) return null;
  throw error;
};
