/** Every request gets an id and a line in the log. Addresses may hold link tokens and codes: the route's pattern stands for them. */

import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { Refusal } from './problems';
import type { Services } from './services';

const GIVEN = /^[\w.-]{8,64}$/;

export const requestIdOf = (res: Response): string => String(res.locals['requestId'] ?? '');

export const nameRequests: RequestHandler = (req, res, next) => {
  const given = req.get('x-request-id');
  const requestId = given !== undefined && GIVEN.test(given) ? given : randomUUID();
  res.locals['requestId'] = requestId;
  res.set('X-Request-Id', requestId);
  next();
};

/** Whoever asked had gone before an answer began; the number is nginx's. */
const GONE = 499;

/** Aborted as soon as whoever asked has closed the connection: it asks again, and goes by that answer. */
export function whileWanted(req: Request): AbortSignal {
  const wanted = new AbortController();
  const leave = (): void => wanted.abort(new Refusal('too-busy', 'Whoever asked has gone: nothing was changed.'));
  const { socket } = req;
  if (socket.readableEnded || socket.destroyed) leave();
  socket.once('end', leave);
  req.res?.once('close', () => {
    socket.off('end', leave);
    leave();
  });
  return wanted.signal;
}

/** What was asked for, in words of ours: clients choose addresses and methods, and must not choose what we log and count. */
export interface Labels {
  method: string;
  route: string;
}
export type Observe = (seen: Labels & { status: number; ms: number }) => void;

/** For an address that no route has, and for a method that its route does not take. */
export const NO_ROUTE = 'none';
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Stands for the pattern of the route that express found. */
export const setRoute = (res: Response, route: string): void => void (res.locals['route'] = route);

/** A pattern, such as /connect/:token. A list of patterns belongs to what only looks at requests on their way. */
function labelsOf(req: Request, res: Response): Labels {
  const { path } = (req.route ?? {}) as { path?: unknown };
  const given = res.locals['route'] as string | undefined;
  const route = given ?? (typeof path === 'string' ? path : NO_ROUTE);
  const method = METHODS.includes(req.method) && route !== NO_ROUTE ? req.method : 'other';
  return { method, route };
}

export const logRequests =
  ({ log, clock }: Pick<Services, 'log' | 'clock'>, observe: Observe): RequestHandler =>
  (req, res, next) => {
    const began = clock.monotonic();
    res.once('close', () => {
      const { requestId, keyId, tenantId } = res.locals as Record<string, string | null | undefined>;
      const ms = Math.round((clock.monotonic() - began) * 10) / 10;
      const status = res.headersSent ? res.statusCode : GONE;
      const seen = { ...labelsOf(req, res), status, ms };
      log.info({ ...seen, requestId, keyId, tenantId, whole: res.writableFinished }, 'request');
      observe(seen);
    });
    next();
  };

export const notFound: RequestHandler = (_req, res) => {
  setRoute(res, NO_ROUTE);
  throw new Refusal('not-found', 'There is nothing at this address.');
};

/** Behind an address's own methods. */
export const wrongMethod =
  (allow: string[]): RequestHandler =>
  (_req, res) => {
    setRoute(res, NO_ROUTE);
    throw new Refusal('method-not-allowed', `This address takes ${allow.join(', ')}.`, { allow });
  };
