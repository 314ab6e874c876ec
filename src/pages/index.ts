/** What people see, mounted behind the api's own addresses. Every page asks the api's actions, and decides nothing itself. */

import { Router } from 'express';
import { notFound } from '../api/requests';
import type { Services } from '../api/services';
import { addPressRoutes } from './account/press';
import { addShowRoutes } from './account/show';
import { addCreateRoutes } from './accounts/create';
import { addListRoutes } from './accounts/list';
import { assetsRouter } from './assets';
import { answerByPage } from './problem';
import { signInRouter } from './signIn';
import { requireSignIn } from './visitor';

export function makePages(services: Services): Router {
  const router = Router({ caseSensitive: true });
  router.use(answerByPage, assetsRouter(), signInRouter(services));
  router.all(['/', '/lifecycle.svg', '/accounts/{*rest}'], requireSignIn(services));
  addListRoutes(router, services);
  addCreateRoutes(router, services);
  addShowRoutes(router, services);
  addPressRoutes(router, services);
  router.use(notFound);
  return router;
}
