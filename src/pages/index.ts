/** What people see, mounted behind the api's own addresses. Every page asks the api's actions, and decides nothing itself. */

import { Router } from 'express';
import { notFound } from '../api/requests';
import type { Services } from '../api/services';
import { addImportRoutes } from './accessKeys/import';
import { addKeyListRoutes } from './accessKeys/list';
import { addGuideRoutes } from './account/guide';
import { addPressRoutes } from './account/press';
import { addResolveRoutes } from './account/resolve';
import { addSettingsRoutes } from './account/settings';
import { addShowRoutes } from './account/show';
import { addCreateRoutes } from './accounts/create';
import { addListRoutes } from './accounts/list';
import { assetsRouter } from '../web/assets';
import { addCampaignRoutes } from './campaigns/routes';
import { addForecastRoutes } from './forecast';
import { addApiKeyRoutes } from './keys/routes';
import { addOutageRoutes } from './outages';
import { answerByPage } from '../api/problemPage';
import { signInRouter } from './signIn';
import { requireSignIn } from './visitor';

export function makePages(services: Services): Router {
  const router = Router({ caseSensitive: true });
  router.use(answerByPage, assetsRouter(), signInRouter(services));
  const places = [
    '/accounts/{*rest}',
    '/access-keys',
    '/access-keys/{*rest}',
    '/campaigns',
    '/campaigns/{*rest}',
    '/keys',
    '/keys/{*rest}',
    '/outages',
    '/outages/{*rest}',
    '/forecast',
  ];
  router.all(['/', '/lifecycle.svg', ...places], requireSignIn(services));
  addListRoutes(router, services);
  addCreateRoutes(router, services);
  addKeyListRoutes(router, services);
  addImportRoutes(router, services);
  addCampaignRoutes(router, services);
  addApiKeyRoutes(router, services);
  addOutageRoutes(router, services);
  addForecastRoutes(router, services);
  addResolveRoutes(router, services);
  addSettingsRoutes(router, services);
  addGuideRoutes(router, services);
  addShowRoutes(router, services);
  addPressRoutes(router, services);
  router.use(notFound);
  return router;
}
