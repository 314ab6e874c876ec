/**
 * One step of a campaign, by whoever gets to it: look at who was asked, decide whether to go on, ask the next wave.
 *
 * 1. An account's link is written down before the account hears of it, and given once: a step that is repeated, or done by
 *    two at once, dispatches the same link under the same event id, which has one effect.
 * 2. What is decided about the campaign is a compare-and-set on its document; who loses it has it looked at again.
 * 3. `wakeAt` says when to look again, until nobody is waited for. The queue is a hint.
 * 4. After an operator's word nobody new is asked. Whom a step was just asking is found by its link: noted, or taken back.
 * 5. An account that cannot be helped keeps none of the others; a store that is away keeps everybody.
 */

import type { Config } from '../config';
import type { AccountDocument } from '../db/accounts';
import {
  changeItem,
  countItems,
  ERASED,
  findCampaign,
  giveLink,
  listItems,
  stillAwaited,
  wakeCampaign,
  writeCampaign,
  type Campaign,
  type CampaignItem,
  type ItemCounts,
} from '../db/campaigns';
import type { Db } from '../db/connection';
import type { CampaignItemState } from '../db/schemas';
import { linkBelonging } from '../db/sealed';
import type { Vault } from '../db/vault';
import { StoreUnavailable, unlessMissing } from '../durable/errors';
import type { Runtime } from '../durable/runtime';
import type { Clock, Verdict } from '../durable/types';
import { inLanes } from '../lanes';
import { linkOf, newToken, readToken, textOf } from '../links';
import type { AccountData } from '../machines/data';
import { standingOf, type AccountView } from '../machines/definition';
import { BY_OPERATOR, endOf, isLeftOut, linkIn } from './outcome';

export interface CampaignParts {
  db: Db;
  runtime: Pick<Runtime<AccountData, AccountView>, 'dispatch' | 'load'>;
  vault: Pick<Vault, 'seal' | 'open'>;
  config: Pick<Config, 'publicUrl'>;
  clock: Clock;
  makeId(): string;
}

export interface Campaigns {
  /** Rejects when the store is away, and when an account could not be helped, after all others: it is done again then. */
  advance(id: string): Promise<void>;
}

const PAGE = 200;
const CONCURRENCY = 10;

/** How soon those who were asked are looked at again; many at a time less often. */
const LOOK_MS = 2_000;
const LOOK_MANY_MS = 15_000;
const MANY = 1_000;

/** So long an account that cannot be helped now is left, and with it whatever else is due. */
const KEPT_MS = 15_000;

/** So long after an operator's word a step that began before it may go on for. */
export const RESTLESS_MS = 60_000;

/** Fewer ends than these say nothing of a share. */
const ENDS_MIN = 5;

/** A few at a time. Null, or what kept the first that could not be helped; those in hand are waited for in any case. */
async function forEach<T>(items: T[], work: (item: T) => Promise<void>): Promise<unknown> {
  let failure: unknown = null;
  const isAway = (): boolean => failure instanceof StoreUnavailable;
  const note = (error: unknown): void => {
    if (isAway()) return;
    failure = error instanceof StoreUnavailable ? error : (failure ?? error);
  };
  await inLanes(
    items,
    CONCURRENCY,
    (item) => work(item).catch(note),
    () => !isAway(),
  );
  if (failure instanceof StoreUnavailable) throw failure;
  return failure;
}

async function forEachOf<T>(pages: AsyncIterable<T[]>, work: (item: T) => Promise<void>): Promise<unknown> {
  let failure: unknown = null;
  for await (const page of pages) {
    const kept = await forEach(page, work);
    failure ??= kept;
  }
  return failure;
}

export function makeCampaigns(parts: CampaignParts): Campaigns {
  const { db, runtime, vault, config, clock } = parts;

  const loadOrNull = (item: CampaignItem): Promise<AccountDocument | null> =>
    runtime.load(item.accountId, item.tenantId).catch(unlessMissing);

  /** Without the link: whatever ended it, it works no more. */
  const end = (item: CampaignItem, state: CampaignItemState, reason: string | null) =>
    changeItem(db, item, { state, reason, link: null, at: clock.now() });

  async function* pagesOf({ id, tenantId }: Campaign, state: CampaignItemState): AsyncGenerator<CampaignItem[]> {
    let cursor: string | undefined;
    do {
      const page = await listItems(db, { campaignId: id, tenantId, state, limit: PAGE, cursor });
      yield page.items;
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  /** Planned still, of waves that have begun. Waves are in the order of accounts: those of later ones come last. */
  async function* leftOver(campaign: Campaign): AsyncGenerator<CampaignItem[]> {
    for await (const page of pagesOf(campaign, 'planned')) {
      const begun = page.filter(({ wave }) => wave <= campaign.wave);
      yield begun;
      if (begun.length < page.length) return;
    }
  }

  /** Waited for, and something is new of them: one read a page for those of whom nothing is. */
  async function* moved(campaign: Campaign): AsyncGenerator<CampaignItem[]> {
    for await (const page of pagesOf(campaign, 'waiting')) {
      const awaited = await stillAwaited(db, campaign.tenantId, page);
      yield page.filter(({ accountId }) => !awaited.has(accountId));
    }
  }

  async function look(item: CampaignItem): Promise<void> {
    const document = await loadOrNull(item);
    const found = endOf(document, item);
    if (found) await end(item, found.state, found.reason);
    else if (item.link !== null && linkIn(document, item)?.outcome === 'replaced')
      await changeItem(db, item, { link: null, linkExpiresAt: null });
  }

  /** Whether an account whose ask was broken off has heard of it is told by its document. */
  async function noteIfAsked(item: CampaignItem): Promise<void> {
    if (item.consentId === null) return;
    const document = await loadOrNull(item);
    if (document && linkIn(document, item)) await noteWaiting(item, document);
  }

  /** The link goes to whom the account is now: it may have another number than when it was planned. */
  const noteWaiting = (item: CampaignItem, document: AccountDocument) => {
    const { name, accountNumber, externalId } = document.view;
    const linkExpiresAt = linkIn(document, item)?.expiresAt ?? null;
    const asked = { state: 'waiting' as const, at: clock.now(), linkExpiresAt };
    return changeItem(db, item, { ...asked, name, accountNumber, externalId });
  };

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
    const now = await findCampaign(db, id, item.tenantId);
    if (now?.state !== 'running') return;
    if (item.consentId === null && (await isTakenOutOfUse(item, now)))
      return void (await end(item, 'skipped', BY_OPERATOR));
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

  async function isTakenOutOfUse(item: CampaignItem, { filter }: Campaign): Promise<boolean> {
    const document = await loadOrNull(item);
    return document !== null && isLeftOut(document, filter);
  }

  /** One link an account, whoever makes it; null when somebody else has asked meanwhile. */
  async function withLink(item: CampaignItem): Promise<CampaignItem | null> {
    if (item.consentId !== null) return item;
    const named = { ...item, consentId: parts.makeId() };
    const link = vault.seal(textOf(newToken(item.accountId)), linkBelonging(named));
    return giveLink(db, item, { consentId: named.consentId, link });
  }

  async function noteAsked(item: CampaignItem, verdict: Verdict<AccountDocument> | null): Promise<void> {
    if (verdict === null) return void (await end(item, 'skipped', ERASED));
    if (verdict.verdict === 'applied' || verdict.verdict === 'duplicate')
      return void (await noteWaiting(item, verdict.document));
    await end(item, 'skipped', skippedBecause(verdict.document));
  }

  /** When to look again: null when there is nothing to see any more. */
  function nextLook(campaign: Campaign, counts: ItemCounts): number | null {
    const now = clock.now();
    const isRunning = campaign.state === 'running';
    const lookAt = counts.waiting > 0 ? now + (counts.waiting > MANY ? LOOK_MANY_MS : LOOK_MS) : null;
    const waveAt = isRunning && counts.planned > 0 ? campaign.nextWaveAt : null;
    const restAt = !isRunning && now < campaign.restlessUntil ? campaign.restlessUntil : null;
    const instants = [lookAt, waveAt, restAt].filter((one) => one !== null);
    return instants.length === 0 ? null : Math.min(...instants);
  }

  async function settle(campaign: Campaign, failure: unknown): Promise<void> {
    const counts = await countItems(db, campaign);
    const isOver = campaign.state === 'running' && counts.planned === 0 && counts.waiting === 0;
    const over = isOver ? { state: 'finished' as const, finishedAt: clock.now() } : {};
    const wakeAt = failure === null ? nextLook(campaign, counts) : clock.now() + KEPT_MS;
    const settled = await writeCampaign(db, campaign, { ...over, wakeAt });
    // Overtaken: what this step did was not known to whoever wrote meanwhile.
    if (!settled) await wakeCampaign(db, campaign, clock.now());
  }

  /** The campaign with its next wave begun, or as it is. Begun first, asked after: a crash in between asks it again. */
  async function nextWave(campaign: Campaign): Promise<Campaign | null> {
    const now = clock.now();
    const { wave, waves, plan } = campaign;
    if (wave >= waves || (campaign.nextWaveAt ?? 0) > now) return campaign;
    return writeCampaign(db, campaign, { wave: wave + 1, nextWaveAt: now + plan.pauseMs, wakeAt: now });
  }

  async function pauseIfFailing(campaign: Campaign): Promise<Campaign | null> {
    const counts = await countItems(db, campaign);
    if (!failsTooOften(campaign, counts)) return campaign;
    const paused = { state: 'paused' as const, pausedBecause: 'failures' as const };
    const now = clock.now();
    return writeCampaign(db, campaign, { ...paused, restlessUntil: now + RESTLESS_MS, wakeAt: now });
  }

  return {
    async advance(id) {
      const found = await findCampaign(db, id);
      if (!found || found.state === 'draft') return;
      const isRunning = found.state === 'running';
      const noted = isRunning ? null : await forEachOf(leftOver(found), noteIfAsked);
      const seen = found.undoing
        ? await forEachOf(pagesOf(found, 'waiting'), withdraw)
        : await forEachOf(moved(found), look);
      const checked = isRunning ? await pauseIfFailing(found) : found;
      const begun = checked?.state === 'running' ? await nextWave(checked) : checked;
      // Another step was quicker: its decision stands, and the next look follows it.
      if (!begun) return;
      const asked = begun.state === 'running' ? await forEachOf(leftOver(begun), (item) => ask(item, begun)) : null;
      const failure = noted ?? seen ?? asked;
      await settle(begun, failure);
      if (failure !== null) throw failure as Error;
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
