/**
 * The one way through every route under /v1. Order of checks: key, rate, role, tenant, input, state. The body is read before the
 * request takes its place, and judged after the tenant.
 * An input is looked at before its account is loaded, which saves a read; only when the input is wrong is the account
 * asked for, so that what belongs to somebody else is not found, whatever was sent.
 */

import type { Request, RequestHandler, Response } from 'express';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { getTenant } from '../db/tenants';
import { assertType, readBody, readQuery, validate } from './input';
import { codes } from './problem-codes';
import { Refusal, refusalOf } from './problems';
import type { RateLimit } from './rateLimit';
import { assertMay, callerOf, hasTenant, type Caller } from './roles';
import type { Asked, Reply, Route } from './route';
import { noneSchema } from './schemas/inputs';
import type { Services } from './services';
import { inPlace, lookUp } from './ticket';

const unauthorized = (detail: string): Refusal => new Refusal('unauthorized', detail);

/** A key that was not seen before is looked up among those of strangers; one that was never waits behind them. */
export function findKey({ apiKeys }: Pick<Services, 'apiKeys'>, key: string, res: Response) {
  const find = () => apiKeys.findByKey(key);
  return apiKeys.knows(key) ? find() : lookUp(res, { kind: 'key' }, find);
}

/** The caller by its key, counted against the key's rate. */
export async function authenticate(services: Services, rate: RateLimit, req: Request, res: Response): Promise<Caller> {
  const [, key] = /^Bearer +(\S+) *$/i.exec(req.headers.authorization ?? '') ?? [];
  if (key === undefined) throw unauthorized('Send an API key: Authorization: Bearer <api key>.');
  const found = await findKey(services, key, res);
  if (!found) throw unauthorized('This API key does not exist, or was deleted.');
  if (found === 'expired') throw unauthorized('This API key has expired. Use another one.');
  res.locals['keyId'] = found.id;
  res.locals['tenantId'] = found.tenantId;
  const retryAfterSeconds = rate.take(found.id);
  if (retryAfterSeconds > 0)
    throw new Refusal('rate-limited', 'This key made more requests than it may: slow down.', { retryAfterSeconds });
  return callerOf(found);
}

/** For an admin the tenant is the one the request names; whoever has one of its own names none. */
async function scoped(
  { db }: Services,
  { scope }: Route,
  caller: Caller,
  query: Record<string, string>,
): Promise<Caller> {
  const named = query['tenantId'];
  if (caller.role !== 'admin' || scope === 'installation' || named === undefined) return caller;
  if ((await getTenant(db, named)) === null) throw new Refusal('not-found', 'There is no such tenant.');
  return { ...caller, tenantId: named };
}

function assertTenantNamed({ scope }: Route, caller: Caller): void {
  if (scope !== 'one' || hasTenant(caller)) return;
  throw new Refusal('invalid-input', 'tenantId is missing: an admin names the tenant, as ?tenantId=….', {
    field: 'tenantId',
  });
}

/** Of an account that is not the caller's nothing is told, not even what was wrong with the request. */
async function assertFound({ runtime }: Services, { path }: Route, caller: Caller, req: Request): Promise<void> {
  const { id } = req.params;
  if (!path.startsWith('/accounts/:id') || typeof id !== 'string' || !hasTenant(caller)) return;
  await runtime.look(id, caller.tenantId);
}

/** A `tenantId` that was heard is no parameter of the route's own. */
function ownParameters(route: Route, caller: Caller, query: Record<string, string>): Record<string, string> {
  if (caller.role !== 'admin' || route.scope === 'installation') return query;
  const { tenantId: _, ...own } = query;
  return own;
}

/** Only the tenant's name is taken from a query that may be wrong otherwise: what else is in it is judged later. */
function namedTenant(req: Request): Record<string, string> {
  try {
    return readQuery(req);
  } catch {
    return {};
  }
}

/** A GET has none, and what is no JSON is read by the handler as it comes. */
const hasJson = ({ method, consumes }: Route): boolean => method !== 'get' && consumes === undefined;

/** Reads the body that was sent. The result throws what is wrong with it when it is called: the tenant is checked before. */
async function bodyOf(route: Route, req: Request, res: Response): Promise<() => unknown> {
  if (!hasJson(route)) return () => null;
  try {
    const body = await readBody(req, res);
    return () => body;
  } catch (error) {
    if (!isAboutInput(error)) throw error;
    return () => {
      throw error;
    };
  }
}

async function answer(
  services: Services,
  route: Route,
  caller: Caller,
  req: Request,
  sent: () => unknown,
): Promise<Reply> {
  if (route.consumes !== undefined) assertType(req, route.consumes);
  const body = sent();
  route.before?.(body, caller);
  const query = validate(route.query, ownParameters(route, caller, readQuery(req)), 'query');
  // Where none is taken an empty one does no harm; a field in it was meant for something, and would be lost unseen.
  const checked = hasJson(route) ? validate(route.body ?? noneSchema, body, 'body') : null;
  const asked = { services, caller, req, params: req.params, query, body: checked };
  return route.handle(asked as unknown as Asked<Caller, never, never>);
}

/** Statuses that say something about the request alone. */
const ABOUT_INPUT = [400, 413, 415, 422, 428];

const isAboutInput = (error: unknown): boolean =>
  ABOUT_INPUT.includes(codes[refusalOf(error)?.code ?? 'internal'].status);

/** An answer that has begun cannot become a problem: it ends in the middle, and so nobody takes it for whole. */
async function sendStream(res: Response, stream: Readable): Promise<void> {
  await pipeline(stream, res).catch((error: unknown) => {
    if (!res.headersSent) throw error;
    res.destroy();
  });
}

async function send(res: Response, { status, body, stream, type = 'json' }: Reply): Promise<void> {
  res.status(status);
  if (stream) await sendStream(res.type(type), stream);
  else if (body === undefined) res.end();
  else if (type === 'json') res.json(body);
  else res.type(type).send(body);
}

/** With a key that may, and a body that is here: from now on the request has a place. */
async function serveCaller(
  services: Services,
  route: Route,
  owner: Caller,
  req: Request,
  res: Response,
  sent: () => unknown,
): Promise<void> {
  const caller = await scoped(services, route, owner, namedTenant(req));
  res.locals['tenantId'] = caller.tenantId;
  assertTenantNamed(route, caller);
  try {
    await send(res, await answer(services, route, caller, req, sent));
  } catch (error) {
    if (isAboutInput(error)) await assertFound(services, route, caller, req);
    throw error;
  }
}

export const serve =
  (services: Services, rate: RateLimit, route: Route): RequestHandler =>
  async (req, res) => {
    // Every answer tells of a tenant: no cache between us and the caller may keep it.
    res.set('Cache-Control', 'no-store');
    const owner = await authenticate(services, rate, req, res);
    assertMay(owner, route.needs);
    const sent = await bodyOf(route, req, res);
    await inPlace(res, () => serveCaller(services, route, owner, req, res, sent));
  };
