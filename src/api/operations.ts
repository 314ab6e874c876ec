/** /metrics and /admin/queues: by key, or by the session of the pages. */

import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Router, type Request, type RequestHandler, type Response } from 'express';
import helmet from 'helmet';
import { assertOwnPage, signedInWith } from './session';
import { pathOf } from '../web/html';
import { localPathOf } from '../webAddress';
import type { Metrics } from './metrics';
import type { RateLimit } from './rateLimit';
import { setRoute, wrongMethod } from './requests';
import { assertMay, type Caller, type Permission } from './roles';
import { authenticate } from './serve';
import { takePlace } from './ticket';
import type { Services } from './services';

const QUEUES = '/admin/queues';

/** A browser shows its session; a form of another site cannot press the board's buttons. */
async function sessionOf(services: Services, req: Request, res: Response): Promise<Caller | null> {
  if (req.headers.authorization !== undefined) return null;
  const caller = (await signedInWith(services, req.headers.cookie, res))?.caller ?? null;
  if (caller && req.method !== 'GET' && req.method !== 'HEAD') assertOwnPage(req, services);
  return caller;
}

/** Somebody opened the board's address without having signed in. */
const isForPeople = (req: Request): boolean =>
  req.method === 'GET' && req.headers.authorization === undefined && req.accepts(['json', 'html']) === 'html';

const onlyWith =
  (permission: Permission, services: Services, rate: RateLimit): RequestHandler =>
  async (req, res, next) => {
    res.set('Cache-Control', 'no-store');
    const session = await sessionOf(services, req, res);
    if (session === null && isForPeople(req)) {
      res.redirect(303, pathOf('/sign-in', { next: localPathOf(req.originalUrl) }));
      return;
    }
    const caller = session ?? (await authenticate(services, rate, req, res));
    assertMay(caller, permission);
    res.locals['keyId'] = caller.keyId;
    takePlace(res);
    next();
  };

const nameBoard: RequestHandler = (_req, res, next) => {
  setRoute(res, QUEUES);
  next();
};

/** The board is an application of its own, with styles and pictures in its pages. */
const boardPolicy = helmet.contentSecurityPolicy({
  directives: {
    'style-src': ["'self'", "'unsafe-inline'", 'https:'],
    'img-src': ["'self'", 'data:', 'https:'],
    'upgrade-insecure-requests': null,
  },
});

function boardOf(queues: NonNullable<Services['queues']>): RequestHandler {
  const adapter = new ExpressAdapter();
  adapter.setBasePath(QUEUES);
  createBullBoard({ queues: queues.all.map((queue) => new BullMQAdapter(queue)), serverAdapter: adapter });
  return adapter.getRouter() as RequestHandler;
}

export function operationsRouter(services: Services, rate: RateLimit, metrics: Metrics): Router {
  const router = Router({ caseSensitive: true });
  const forMetrics = onlyWith('metrics', services, rate);

  router.get('/metrics', forMetrics, async (_req, res) => {
    const { type, text } = await metrics.read();
    res.set('Content-Type', type).send(text);
  });
  router.all('/metrics', forMetrics, wrongMethod(['GET', 'HEAD']));

  // The board's own routes are one: their addresses name queues and jobs.
  router.use(QUEUES, nameBoard, onlyWith('administer', services, rate));
  if (services.queues) router.use(QUEUES, boardPolicy, boardOf(services.queues));
  return router;
}
