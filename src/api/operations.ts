/** /metrics and /admin/queues: for role admin, by key or by the session of the pages. */

import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Router, type Request, type RequestHandler } from 'express';
import helmet from 'helmet';
import { assertOwnPage } from '../pages/forms';
import { pathOf } from '../pages/html';
import { signedInWith } from '../pages/session';
import { localPathOf } from '../webAddress';
import type { Metrics } from './metrics';
import type { RateLimit } from './rateLimit';
import { wrongMethod } from './requests';
import { assertMay, type Caller } from './roles';
import { authenticate } from './serve';
import type { Services } from './services';

const QUEUES = '/admin/queues';

/** A browser shows its session; a form of another site cannot press the board's buttons. */
async function sessionOf(services: Services, req: Request): Promise<Caller | null> {
  if (req.headers.authorization !== undefined) return null;
  const caller = (await signedInWith(services, req.headers.cookie))?.caller ?? null;
  if (caller && req.method !== 'GET' && req.method !== 'HEAD') assertOwnPage(req, services);
  return caller;
}

/** Somebody opened the board's address without having signed in. */
const isForPeople = (req: Request): boolean =>
  req.method === 'GET' && req.headers.authorization === undefined && req.accepts(['json', 'html']) === 'html';

const forAdmins =
  (services: Services, rate: RateLimit): RequestHandler =>
  async (req, res, next) => {
    const session = await sessionOf(services, req);
    if (session === null && isForPeople(req)) {
      res.redirect(303, pathOf('/sign-in', { next: localPathOf(req.originalUrl) }));
      return;
    }
    const caller = session ?? (await authenticate(services, rate, req, res));
    assertMay(caller, 'administer');
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
  const guard = forAdmins(services, rate);

  router.get('/metrics', guard, async (_req, res) => {
    const { type, text } = await metrics.read();
    res.set('Content-Type', type).set('Cache-Control', 'no-store').send(text);
  });
  router.all('/metrics', guard, wrongMethod(['GET', 'HEAD']));

  router.use(QUEUES, guard);
  if (services.queues) router.use(QUEUES, boardPolicy, boardOf(services.queues));
  return router;
}
