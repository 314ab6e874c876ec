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

export type Observe = (seen: { method: string; route: string; status: number; ms: number }) => void;

export const logRequests =
  ({ log, clock }: Pick<Services, 'log' | 'clock'>, observe: Observe): RequestHandler =>
  (req, res, next) => {
    const began = clock.monotonic();
    res.once('close', () => {
      const {
        requestId,
        keyId,
        tenantId,
        route = routeOf(req),
      } = res.locals as Record<string, string | null | undefined>;
      const ms = Math.round((clock.monotonic() - began) * 10) / 10;
      const status = res.headersSent ? res.statusCode : GONE;
      const seen = { method: req.method, route: route ?? 'none', status, ms };
      log.info({ ...seen, requestId, keyId, tenantId, whole: res.writableFinished }, 'request');
      observe(seen);
    });
    next();
  };

/** The pattern of the route that answered, such as /connect/:token. */
function routeOf(req: Parameters<RequestHandler>[0]): string {
  const { route } = req as { route?: { path?: unknown } };
  return typeof route?.path === 'string' ? `${req.baseUrl}${route.path}` : 'none';
}

export const notFound: RequestHandler = () => {
  throw new Refusal('not-found', 'There is nothing at this address.');
};

/** Behind an address's own methods. */
export const wrongMethod =
  (allow: string[]): RequestHandler =>
  () => {
    throw new Refusal('method-not-allowed', `This address takes ${allow.join(', ')}.`, { allow });
  };
