/**
 * The merchant's way back from UPS. Only the browser that followed the link, with the state it was given, changes anything;
 * what comes of it is told by the link's own record, so that a second visit hears the same.
 */

import type { AccountDocument } from '../../db/accounts';
import { getTenant } from '../../db/tenants';
import { StoreUnavailable, unlessMissing } from '../../durable/errors';
import type { Link } from '../../machines/data';
import type { CallbackEvent } from '../../machines/events';
import { sha256 } from '../../hash';
import { mayShow, proofCookie, shownFor, withoutOldest, type LinkCookie } from '../../linkCookies';
import { isTaken, readToken } from '../../links';
import { addressAt } from '../../webAddress';
import { within } from '../../within';
import { poll } from '../poll';
import { Refusal } from '../problems';
import type { Services } from '../services';
import { endingOf, type Ending } from './ending';

const WAIT_MS = 10_000;

export interface CallbackRequest {
  query: URLSearchParams;
  cookies: string | undefined;
}

export interface FoundLink {
  document: AccountDocument;
  link: Link;
}

export interface CallbackAnswer extends Ending {
  accountId: string;
  /** Null also where the tenant has withdrawn the origin since the link was made. */
  returnTo: string | null;
  cookies: LinkCookie[];
}

interface Visit {
  document: AccountDocument;
  link: Link;
  said: Said;
  /** Of the time a browser is kept waiting. */
  leftMs: () => number;
}

type Said = { code: string } | { end: 'denied' | 'interrupted' | 'unavailable' };

const invalid = (): Refusal =>
  new Refusal('invalid-state', 'This way back from UPS does not belong to a link opened in this browser.', {
    wayOut: 'Ask for a new link and open it in this browser.',
  });

/** UPS's errors that our registration at UPS has to answer for, not the merchant. */
const OURS = ['unauthorized_client', 'invalid_request', 'invalid_scope'];
const CODE_MAX = 4_000;

function readSaid(query: URLSearchParams): Said {
  const code = query.get('code');
  const error = query.get('error');
  if ((code === null) === (error === null)) throw invalid();
  if (code !== null) {
    if (code === '' || code.length > CODE_MAX) throw invalid();
    return { code };
  }
  if (error === 'access_denied') return { end: 'denied' };
  return { end: OURS.includes(error ?? '') ? 'unavailable' : 'interrupted' };
}

/** What the browser brought, if it has the form of what we gave it. */
export interface Brought {
  query: URLSearchParams;
  cookies: string | undefined;
  state: string;
  accountId: string;
}

/** Costs nothing. */
export function readCallback({ config }: Pick<Services, 'config'>, { query, cookies }: CallbackRequest): Brought {
  const isDoubled = [...query.keys()].some((name) => query.getAll(name).length > 1);
  const state = query.get('state') ?? '';
  const token = readToken(state);
  if (isDoubled || token === null || !mayShow(sha256(state), cookies, config.publicUrl)) throw invalid();
  return { query, cookies, state, accountId: token.accountId };
}

/**
 * The link this browser followed, by state and cookie; anything missing, doubled, forged or foreign is refused alike. The short
 * cookie of an earlier visit is enough to hear how that ended.
 */
export async function findLink({ runtime, config }: Services, brought: Brought): Promise<FoundLink> {
  const { state, accountId, cookies } = brought;
  const document = await runtime.load(accountId).catch(unlessMissing);
  const link = document?.data.links.find(({ stateHash }) => stateHash === sha256(state));
  const shown = link && shownFor(link, cookies, config.publicUrl);
  if (!document || !link || !shown || (shown.kind === 'proof' && !isTaken(link))) throw invalid();
  return { document, link };
}

const linkIn = (document: AccountDocument, { consentId }: Link): Link | undefined =>
  document.data.links.find((one) => one.consentId === consentId);

const isOver = (link: Link | undefined): boolean => link === undefined || link.outcome !== null;

/** Dispatches what UPS's redirect said; the exchange and the check run here, at once. */
async function take(services: Services, { document, link, said, leftMs }: Visit): Promise<AccountDocument> {
  const { runtime, performer, clock, log } = services;
  const { consentId } = link;
  const event: CallbackEvent =
    'code' in said ? { type: 'CODE_RECEIVED', consentId } : { type: 'CONSENT_REFUSED', consentId, end: said.end };
  const since = clock.monotonic();
  const options = { tenantId: document.tenantId, actor: 'merchant', claimBy: performer.by };
  const verdict = await runtime.dispatch(document.id, event, options);
  if (verdict.verdict !== 'applied' || !('code' in said)) return verdict.document;
  const carried = performer.carry(verdict.document, verdict.claimed, { code: said.code, since });
  const done = await within(leftMs(), carried, (error) =>
    log.error({ accountId: document.id, error }, 'An authorization ended in a fault.'),
  );
  return done ?? verdict.document;
}

/** Until it is known how the link ended, or nobody works on it: another visit may have been first, or the check goes on. */
const awaitEnd = ({ runtime, clock }: Services, { document, link, leftMs }: Visit) =>
  poll(clock, leftMs(), async () => {
    const now = await runtime.load(document.id).catch(unlessAway);
    if (now === null) return null;
    const isBusy = now.invocations.some(({ id }) => id === 'exchange' || id === 'verify');
    return isOver(linkIn(now, link)) || !isBusy ? now : null;
  });

/** The code was taken: a store that is away for a moment is no reason to tell the merchant otherwise. */
function unlessAway(error: unknown): null {
  if (error instanceof StoreUnavailable) return null;
  throw error;
}

async function endOf(services: Services, visit: Visit): Promise<Link | undefined> {
  const { document, link } = visit;
  let now = document;
  if (!isTaken(link)) {
    // A lapse that is due and not noticed yet is noticed now.
    if (link.expiresAt <= services.clock.now()) await services.runtime.wake(document.id);
    now = await take(services, visit);
  }
  if (!isOver(linkIn(now, link))) now = (await awaitEnd(services, visit)) ?? now;
  return linkIn(now, link);
}

/** What the browser is to keep of the link from now on. */
function cookiesAfter({ config, clock }: Services, link: Link, header: string | undefined): LinkCookie[] {
  if (!isTaken(link)) return [];
  const fresh = proofCookie(link, { publicUrl: config.publicUrl, now: clock.now() });
  return withoutOldest(fresh, header, config.publicUrl);
}

/** Errors: Refusal invalid-state, StoreUnavailable, TooBusy. */
export async function takeCallback(
  services: Services,
  { document, link }: FoundLink,
  { query, cookies }: CallbackRequest,
): Promise<CallbackAnswer> {
  // Read before the code is spent: if the store is away, the browser can come again and nothing is lost.
  const origins = (await getTenant(services.db, document.tenantId))?.returnOrigins ?? [];
  const until = services.clock.monotonic() + WAIT_MS;
  const leftMs = () => Math.max(0, until - services.clock.monotonic());
  const end = await endOf(services, { document, link, said: readSaid(query), leftMs });
  return {
    accountId: document.id,
    ...endingOf(end),
    returnTo: link.returnTo === null ? null : addressAt(link.returnTo, origins),
    cookies: cookiesAfter(services, end ?? link, cookies),
  };
}
