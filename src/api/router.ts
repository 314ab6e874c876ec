/** Every route under /v1, each with its key asked for first. */

import express, { type ErrorRequestHandler, type RequestHandler, type Router } from 'express';
import type { RateLimit } from './rateLimit';
import { NO_ROUTE, notFound, setRoute, wrongMethod } from './requests';
import type { Route } from './route';
import { allRoutes } from './routes';
import { authenticate, serve } from './serve';
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

export function apiRouter(services: Services, rate: RateLimit): Router {
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
