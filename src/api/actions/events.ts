/** Public events: one function, for every button and every client. */

import type { AccountDocument } from '../../db/accounts';
import { takingBack } from '../../campaigns/takenBack';
import { getTenant } from '../../db/tenants';
import type { Dispatch } from '../../durable/runtime';
import type { Effect, Verdict } from '../../durable/types';
import { DAY_MS } from '../../durations';
import type { PublicEventType } from '../../machines/events';
import { hashOf } from '../../hash';
import { mintLink } from '../../links';
import { addressAt } from '../../webAddress';
import { instant, neverComes, presentAccount } from '../present';
import { Refusal } from '../problems';
import { actorOf, assertMay, type TenantCaller } from '../roles';
import { readableEvent } from '../rowTypes';
import type { VerdictJson } from '../schemas/answers';
import type { EventInput, ResolveInput } from '../schemas/inputs';
import type { Services } from '../services';
import { action } from './action';

type AccountVerdict = Verdict<AccountDocument>;

export interface Dispatched {
  verdict: VerdictJson;
  /** 409 where nobody may take it for done. */
  status: 200 | 409;
}

/** Escaped, a text of the allowed length can grow tenfold; the redirect must fit in what proxies take. */
const RETURN_MAX = 2_000;

/** The address as it is stored and judged again when the merchant comes back; null: nowhere was named. */
export async function allowedReturn(
  { db }: Pick<Services, 'db'>,
  tenantId: string,
  returnTo: string | null | undefined,
): Promise<string | null> {
  if (returnTo === null || returnTo === undefined) return null;
  const address = addressAt(returnTo, (await getTenant(db, tenantId))?.returnOrigins ?? []);
  if (address !== null && address.length <= RETURN_MAX) return address;
  const detail =
    address === null
      ? 'returnTo must be an http or https address at one of the allowed origins of the tenant, without a login.'
      : `returnTo must have at most ${RETURN_MAX} characters when it is escaped; it has ${address.length}.`;
  throw new Refusal('invalid-input', detail, {
    field: 'returnTo',
    ...(address === null && { wayOut: 'An admin adds the origin to the tenant (PATCH /v1/tenants/:id).' }),
  });
}

function assertAhead(until: number, now: number): void {
  if (until > now) return;
  throw new Refusal('invalid-input', 'until has passed already: choose a day before the deadline.', { field: 'until' });
}

/** What is dispatched of an input: an AUTHORIZE or MIGRATE gets its link, everything else goes as it is. */
async function eventOf(services: Services, { tenantId }: TenantCaller, id: string, input: EventInput) {
  const { id: _, ...event } = input;
  if (event.type === 'POSTPONE') assertAhead(event.until, services.clock.now());
  if (event.type !== 'AUTHORIZE' && event.type !== 'MIGRATE') return { event, secrets: {}, connectUrl: null };
  const returnTo = await allowedReturn(services, tenantId, event.returnTo);
  const { connectUrl, opens, secrets } = mintLink(services, { accountId: id, returnTo });
  if (event.type === 'AUTHORIZE') return { event: { type: event.type, ...opens }, secrets, connectUrl };
  const graceMs = (event.graceDays ?? 0) * DAY_MS;
  return { event: { type: event.type, ...opens, graceMs }, secrets, connectUrl };
}

const newestLink = ({ data }: AccountDocument) => data.links.at(-1);

function authorizationOf(verdict: AccountVerdict, connectUrl: string | null, dryRun: boolean) {
  const expiresAt = newestLink(verdict.document)?.expiresAt;
  if (verdict.verdict !== 'applied' || dryRun || connectUrl === null || expiresAt === undefined) return null;
  return { connectUrl, expiresAt: instant(expiresAt) };
}

function presentEffect(document: AccountDocument, effect: Effect): Record<string, unknown>[] {
  if (!('timer' in effect)) return [{ ...effect }];
  const { timer, dueAt } = effect;
  if (neverComes(document, timer, dueAt)) return [];
  return [{ timer: readableEvent({ type: timer }), dueAt: instant(dueAt) }];
}

function presentVerdict(
  verdict: AccountVerdict,
  about: { type: PublicEventType; connectUrl: string | null; dryRun: boolean; at: number },
): VerdictJson {
  const { document, effects, claimed: _, allowed, ...rest } = verdict;
  const account = presentAccount(document, about.at);
  const opensLink = about.type === 'AUTHORIZE' || about.type === 'MIGRATE';
  return {
    ...rest,
    allowed: allowed(),
    account,
    ...(opensLink && { authorization: authorizationOf(verdict, about.connectUrl, about.dryRun) }),
    ...(verdict.why === 'in-use' && { usedBy: account.usedBy }),
    ...(about.dryRun && { wouldDo: effects.flatMap((effect) => presentEffect(document, effect)) }),
  };
}

const statusOf = ({ verdict, why }: AccountVerdict): Dispatched['status'] =>
  verdict === 'illegal' || why === 'in-use' ? 409 : 200;

/** `input.id` is the client's own id of the event. */
export const dispatchEvent = action(
  'write',
  async (
    services,
    caller: TenantCaller,
    { id, input, dryRun = false }: { id: string; input: EventInput; dryRun?: boolean },
  ): Promise<Dispatched> => {
    if (input.type === 'DISCONNECT') assertMay(caller, 'disconnect');
    const { id: eventId, ...body } = input;
    const { tenantId } = caller;
    const { event, secrets, connectUrl } = await eventOf(services, caller, id, input);
    const options: Dispatch = {
      tenantId,
      actor: actorOf(caller),
      ...(eventId !== undefined && { eventId, bodyHash: hashOf(body) }),
      secrets,
    };
    const dispatch = (isDry: boolean) => services.runtime.dispatch(id, event, { ...options, dryRun: isDry });
    const takesBack = input.type === 'RESTORE_ACCESS_KEY' && !dryRun;
    const verdict = await (takesBack ? takingBack(services, { tenantId, accountId: id }, dispatch) : dispatch(dryRun));
    const at = services.clock.now();
    return {
      verdict: presentVerdict(verdict, { type: input.type, connectUrl, dryRun, at }),
      status: statusOf(verdict),
    };
  },
);

const resolutions = { migrate: 'MIGRATE', postpone: 'POSTPONE', deactivate: 'DEACTIVATE' } as const;

/** One of the three ways to deal with an old key: each is an event, and nothing else. */
export const resolve = action(
  'write',
  async (
    services,
    caller: TenantCaller,
    { id, input: { action: chosen, ...rest } }: { id: string; input: ResolveInput },
  ): Promise<Dispatched> =>
    dispatchEvent(services, caller, { id, input: { type: resolutions[chosen], ...rest } as EventInput }),
);

/** A link for the merchant: the event AUTHORIZE, or why it cannot be. */
export const startAuthorization = action(
  'write',
  async (
    services,
    caller: TenantCaller,
    { id, returnTo }: { id: string; returnTo?: string | undefined },
  ): Promise<{ connectUrl: string; expiresAt: string; account: VerdictJson['account'] }> => {
    const input: EventInput = { type: 'AUTHORIZE', ...(returnTo !== undefined && { returnTo }) };
    const { verdict } = await dispatchEvent(services, caller, { id, input });
    if (verdict.authorization) return { ...verdict.authorization, account: verdict.account };
    if (verdict.verdict === 'ignored')
      throw new Refusal('exchange-under-way', 'The merchant has just come back from UPS: wait for the outcome.');
    throw new Refusal('illegal-event', `An account that is ${verdict.from} cannot be authorized.`, {
      more: { allowed: verdict.allowed },
      ...(verdict.allowed.includes('REACTIVATE') && { wayOut: 'REACTIVATE' }),
    });
  },
);
