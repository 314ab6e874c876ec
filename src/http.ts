/** The outside face: every route, in the order in which a request meets them. */

import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { makeAdmission } from './api/admission';
import { browserRouter, keepPrivate } from './api/browser';
import { answerErrors } from './api/errors';
import { healthRouter } from './api/health';
import { makeMetrics } from './api/metrics';
import { operationsRouter } from './api/operations';
import { makeRateLimit } from './api/rateLimit';
import { logRequests, nameRequests } from './api/requests';
import { apiRouter } from './api/router';
import type { Services } from './api/services';
import { makePages } from './pages';

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
