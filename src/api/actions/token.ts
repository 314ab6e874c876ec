/**
 * A valid access token, now. One read if enough of it is left; else it is refreshed by this process, and whoever asks for
 * the same account meanwhile waits for the same refresh.
 */

import type { AccountDocument } from '../../db/accounts';
import type { Slot } from '../../machines/data';
import { livesOnKey, standingOf } from '../../machines/definition';
import { within } from '../../within';
import { poll } from '../poll';
import { contextOf, instant, sentenceFor } from '../present';
import { Refusal } from '../problems';
import type { Code } from '../problem-codes';
import { actorOf, type TenantCaller } from '../roles';
import type { TokenJson } from '../schemas/answers';
import type { Services } from '../services';
import { loadAccount, lookAtAccount } from './accounts';
import { isLeftAlone } from '../../workers/work';
import { action } from './action';

const WAIT_MS = 8_000;
const DEFAULT_MIN_MS = 300_000;
const DEFAULT_SHARE = 0.2;
/** More of its life than this no token is asked to have left, or every request would be a refresh. */
const LARGEST_SHARE = 0.75;
const RETRY_SECONDS = 5;
const RETRY_MAX_SECONDS = 60;

interface Wish {
  /** What was asked for, or the default. */
  askedMs: number;
  /** What a refresh is worth. */
  neededMs: number;
}

function wishFor({ issuedAt, accessExpiresAt }: Slot, minTtl: number | undefined): Wish {
  const lifeMs = accessExpiresAt - issuedAt;
  const askedMs = minTtl === undefined ? Math.min(DEFAULT_MIN_MS, DEFAULT_SHARE * lifeMs) : minTtl * 1000;
  return { askedMs, neededMs: Math.min(askedMs, LARGEST_SHARE * lifeMs) };
}

/** Why there is no token, as a problem's code. */
function codeFor(document: AccountDocument): Code {
  const standing = standingOf(document.snapshot.value);
  const { state } = standing;
  const { reason } = contextOf(document);
  if (livesOnKey(standing)) return 'uses-access-key';
  if (state === 'inactive') return 'inactive';
  if (state === 'pending-authorization' || state === 'migrating') return 'authorization-pending';
  return state === 'disconnected' && reason !== null ? reason : 'not-authorized-yet';
}

function notConnected(document: AccountDocument): Refusal {
  const { message, nextStep } = sentenceFor(document);
  return new Refusal(codeFor(document), message, { ...(nextStep && { wayOut: nextStep.text }), more: { nextStep } });
}

/** The pair in use, of a connected account only. */
function slotOf(document: AccountDocument): Slot {
  const isConnected = standingOf(document.snapshot.value).state === 'connected';
  if (!isConnected || document.data.current === null) throw notConnected(document);
  return document.data.current;
}

function present({ vault, clock }: Services, document: AccountDocument, minTtl: number | undefined): TokenJson | null {
  const slot = slotOf(document);
  const leftMs = slot.accessExpiresAt - clock.now();
  if (leftMs <= 0) return null;
  const { grantId, generation } = slot;
  const belonging = { tenantId: document.tenantId, accountId: document.id, field: 'access', grantId, generation };
  return {
    accessToken: vault.open(slot.access, belonging),
    tokenType: 'Bearer',
    expiresAt: instant(slot.accessExpiresAt),
    accountNumber: document.data.settings.accountNumber,
    generation,
    belowMinTtl: leftMs < wishFor(slot, minTtl).askedMs,
  };
}

const hasEnough = ({ clock }: Services, slot: Slot, minTtl: number | undefined): boolean =>
  slot.accessExpiresAt - clock.now() >= wishFor(slot, minTtl).neededMs;

/** Somebody else refreshes: their pair, or the end of their try, shows in the document. */
const othersRefresh = ({ runtime, clock }: Services, { id, data }: AccountDocument) =>
  poll(clock, WAIT_MS, async () => {
    const now = await runtime.load(id);
    const isOver = standingOf(now.snapshot.value).token !== 'refreshing';
    return isOver || now.data.current?.generation !== data.current?.generation ? now : null;
  });

async function refresh(services: Services, document: AccountDocument, actor: string): Promise<void> {
  const { runtime, performer, clock, log } = services;
  // The gate is shut: a try would only cost writes.
  if (!performer.peek('token-refresh').ok) return;
  const since = clock.monotonic();
  const options = { tenantId: document.tenantId, actor, claimBy: performer.by };
  const verdict = await runtime.dispatch(document.id, { type: 'REFRESH' }, options);
  if (verdict.verdict === 'applied') {
    await within(WAIT_MS, performer.carry(verdict.document, verdict.claimed, { since }), (error) =>
      log.error({ accountId: document.id, error }, 'A refresh ended in a fault.'),
    );
  } else if (verdict.why === 'refresh-under-way') await othersRefresh(services, verdict.document);
}

/** By account: the refresh this process has under way. */
const underWay = new WeakMap<Services['runtime'], Map<string, Promise<void>>>();

function coalesced(services: Services, document: AccountDocument, actor: string): Promise<void> {
  const mine = underWay.get(services.runtime) ?? new Map<string, Promise<void>>();
  underWay.set(services.runtime, mine);
  const found = mine.get(document.id);
  if (found) return found;
  const started = refresh(services, document, actor).finally(() => mine.delete(document.id));
  mine.set(document.id, started);
  return started;
}

function noneLives({ clock, epochNotice }: Services, document: AccountDocument): Refusal {
  const waitMs = contextOf(document).retryAt - clock.now();
  const retryAfterSeconds = Math.min(RETRY_MAX_SECONDS, Math.max(RETRY_SECONDS, waitMs / 1000));
  const notice = epochNotice?.() ?? null;
  const why = notice === null ? 'UPS has not given a new one yet: it is asked again.' : `none is asked for. ${notice}`;
  const detail = `The access token has expired, and ${why}`;
  return new Refusal('no-live-token', detail, { retryAfterSeconds });
}

/** What lives after a refresh was tried. An expired grant's end may be due and not noticed yet: then it is now. */
async function readAgain(services: Services, caller: TenantCaller, id: string): Promise<AccountDocument> {
  const document = await loadAccount(services, caller, id);
  const { token } = standingOf(document.snapshot.value);
  const isOver = token === 'ending' && (document.data.current?.accessExpiresAt ?? 0) <= services.clock.now();
  if (!isOver) return document;
  await services.runtime.wake(id);
  return loadAccount(services, caller, id);
}

/** Of an account that is left to another machine what lives is served still; when nothing does, its error is the answer. */
async function afterRefresh(
  services: Services,
  caller: TenantCaller,
  document: AccountDocument,
  isEnding: boolean,
): Promise<AccountDocument> {
  try {
    if (!isEnding) await coalesced(services, document, actorOf(caller));
    return await readAgain(services, caller, document.id);
  } catch (error) {
    const lives = slotOf(document).accessExpiresAt > services.clock.now();
    if (!isLeftAlone(error) || !lives) throw error;
    return lookAtAccount(services, caller, document.id);
  }
}

/** `minTtl` in seconds. */
export const readToken = action(
  'token',
  async (
    services,
    caller: TenantCaller,
    { id, minTtl }: { id: string; minTtl?: number | undefined },
  ): Promise<TokenJson> => {
    // A token that lives is served whoever carries the account: only to refresh it takes a machine that fits.
    const document = await lookAtAccount(services, caller, id);
    if (hasEnough(services, slotOf(document), minTtl)) {
      const token = present(services, document, minTtl);
      if (token) return token;
    }
    const isEnding = standingOf(document.snapshot.value).token === 'ending';
    const now = await afterRefresh(services, caller, document, isEnding);
    const token = present(services, now, minTtl);
    if (token === null) throw noneLives(services, now);
    return token;
  },
);
