/** The outside face: every route, in the order in which a request meets them. */

import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Router } from 'express';
import helmet from 'helmet';
import { makeAdmission } from './admission';
import { browserRouter, keepPrivate } from './browser';
import { makePages } from '../pages';
import { answerErrors } from './errors';
import { healthRouter } from './health';
import { makeMetrics } from './metrics';
import { operationsRouter } from './operations';
import { makeRateLimit, type RateLimit } from './rateLimit';
import { logRequests, nameRequests, NO_ROUTE, notFound, setRoute, wrongMethod } from './requests';
import type { Route } from './route';
import { allRoutes } from './routes';
import { serve, authenticate } from './serve';
import type { Services } from './services';

const byPath = (routes: readonly Route[]): Map<string, Route[]> => {
  const paths = new Map<string, Route[]>();
  for (const route of routes) paths.set(route.path, [...(paths.get(route.path) ?? []), route]);
  return paths;
};

const methodsOf = (routes: Route[]): string[] =>
  routes.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));

/** An address that cannot be decoded fails before its route is reached, and with it before the key was looked at. */
const keyFirst =
  (services: Services, rate: RateLimit): ErrorRequestHandler =>
  async (error: unknown, req, res, next) => {
    if (error instanceof URIError) await authenticate(services, rate, req, res);
    next(error);
  };

function apiRouter(services: Services, rate: RateLimit): Router {
  const router = express.Router({ caseSensitive: true });
  // Also what is not there is told to those with a key only.
  const withKey: RequestHandler = async (req, res, next) => {
    setRoute(res, NO_ROUTE);
    await authenticate(services, rate, req, res);
    next();
  };
  for (const [path, routes] of byPath(allRoutes)) {
    const place = router.route(path);
    for (const route of routes) {
      const handler = serve(services, rate, route);
      place[route.method]((req, res, next) => {
        setRoute(res, `/v1${path}`);
        return handler(req, res, next);
      });
    }
    place.all(withKey, wrongMethod(methodsOf(routes)));
  }
  router.use(withKey, notFound);
  router.use(keyFirst(services, rate));
  return router;
}

/** Styles stand in the pages themselves; scripts never do. Over plain http, on localhost, nothing is to be upgraded. */
function protect(publicUrl: string): RequestHandler {
  const isHttps = publicUrl.startsWith('https:');
  const directives = {
    'style-src': ["'self'", "'unsafe-inline'"],
    ...(!isHttps && { 'upgrade-insecure-requests': null }),
  };
  return helmet({ contentSecurityPolicy: { directives }, strictTransportSecurity: isHttps });
}

/** The pages come last: what people look at stands behind the api's own addresses. */
export function makeApp(services: Services): Express {
  const app = express();
  const rate = makeRateLimit(services.config.rateLimit, services.clock);
  const admission = makeAdmission({ places: services.config.maxConcurrentRequests });
  const metrics = makeMetrics(services, admission.figures);
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').set('query parser', 'simple');
  app.set('trust proxy', [...services.config.trustedProxies]);
  app.use(nameRequests, logRequests(services, metrics.observe), protect(services.config.publicUrl));
  app.use(keepPrivate, admission.handle);
  app.use('/v1', apiRouter(services, rate));
  app.use(healthRouter(services), browserRouter(services), operationsRouter(services, rate, metrics));
  app.use(makePages(services), answerErrors(services));
  return app;
}
