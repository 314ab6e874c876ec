/** Who is looking, and at which tenant: found once per request, for every page behind the sign-in. */

import type { Request, RequestHandler, Response } from 'express';
import { readQuery } from '../api/input';
import { Refusal } from '../api/problems';
import { makeRateLimit } from '../api/rateLimit';
import { takePlace } from '../api/ticket';
import { hasTenant, type Caller, type TenantCaller } from '../api/roles';
import type { Services } from '../api/services';
import { getTenant } from '../db/tenants';
import { localPathOf } from '../webAddress';
import { fieldsOf, type Fields } from './forms';
import { assertOwnPage, hasSessionCookie, isOwnForm, type SignedIn, signedInWith } from '../api/session';
import { pathOf } from '../web/html';
import type { Frame } from './layout';

export interface Visit {
  signedIn: SignedIn;
  /** With the tenant that is looked at; for an admin the one the address names, or null. */
  caller: Caller;
  query: Record<string, string>;
  frame: Frame;
}

export interface TenantVisit extends Visit {
  caller: TenantCaller;
}

const visits = new WeakMap<Response, Visit>();

export function visitOf(res: Response): Visit {
  const visit = visits.get(res);
  if (!visit) throw new TypeError('requireSignIn was left out');
  return visit;
}

/** One account's pages: an admin's address must name the tenant. */
export function tenantVisitOf(res: Response): TenantVisit {
  const visit = visitOf(res);
  const { caller } = visit;
  if (hasTenant(caller)) return { ...visit, caller };
  throw new Refusal('invalid-input', 'Choose a tenant first.', { field: 'tenantId' });
}

/** Where somebody who must sign in again goes on: a form is shown again, never sent again. */
function wayBack(req: Request): string {
  const path = localPathOf(req.originalUrl) ?? '/';
  const [pathname = '/'] = path.split('?', 1);
  if (req.method !== 'POST' || pathname === '/accounts/new') return path;
  return localPathOf(`${pathname.replace(/\/[^/]+$/, '')}${path.slice(pathname.length)}`) ?? '/';
}

async function callerFor({ db }: Services, { caller }: SignedIn, query: Record<string, string>): Promise<Caller> {
  const named = query['tenantId'] ?? '';
  if (caller.role !== 'admin' || named === '') return caller;
  if ((await getTenant(db, named)) === null) throw new Refusal('not-found', 'There is no such tenant.');
  return { ...caller, tenantId: named };
}

export function requireSignIn(services: Services): RequestHandler {
  const { config, clock, queues } = services;
  const rate = makeRateLimit(config.rateLimit, clock);
  return async (req, res, next) => {
    res.set('Cache-Control', 'no-store');
    const signedIn = await signedInWith(services, req.headers.cookie, res);
    if (!signedIn) {
      const expired = hasSessionCookie(req, config.publicUrl) ? '1' : null;
      if (req.get('x-requested-with') === 'fetch') res.status(401).end();
      else res.redirect(303, pathOf('/sign-in', { next: wayBack(req), expired }));
      return;
    }
    res.locals['keyId'] = signedIn.key.id;
    const retryAfterSeconds = rate.take(signedIn.key.id);
    if (retryAfterSeconds > 0)
      throw new Refusal('rate-limited', 'Too many requests: wait a moment.', { retryAfterSeconds });
    // A form is read first: its place is taken by readOwnForm.
    if (req.method !== 'POST') takePlace(res);
    const query = readQuery(req);
    const caller = await callerFor(services, signedIn, query);
    res.locals['tenantId'] = caller.tenantId;
    const frame: Frame = {
      signedIn,
      tenantId: caller.tenantId,
      isSandbox: config.ups.environment === 'sandbox',
      hasQueues: queues !== undefined,
      notice: services.epochNotice?.() ?? null,
      now: clock.now(),
    };
    visits.set(res, { signedIn, caller, query, frame });
    next();
  };
}

/** The fields of a form that one of our pages showed to this session. */
export function readOwnForm(req: Request, res: Response, services: Services): Fields {
  assertOwnPage(req, services);
  takePlace(res);
  const { formToken, ...fields } = fieldsOf(req);
  if (isOwnForm(visitOf(res).signedIn, formToken)) return fields;
  throw new Refusal('forbidden', 'This form belongs to an earlier sign-in. Open the page again and repeat.');
}

/** Links of an admin keep the tenant that was chosen. */
export const tenantIn = ({ signedIn, caller }: Visit): string | null =>
  signedIn.caller.role === 'admin' ? caller.tenantId : null;
