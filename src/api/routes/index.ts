import type { Route } from '../route';
import { accessKeyRoutes } from './accessKeys';
import { accountRoutes } from './accounts';
import { adminRoutes } from './admin';
import { campaignRoutes } from './campaigns';
import { eventRoutes } from './events';
import { forecastRoutes } from './forecast';
import { lifecycleRoutes } from './lifecycle';
import { outageRoutes } from './outages';
import { profileVerificationRoutes } from './profileVerifications';

/** Every route below /v1. */
export const allRoutes: readonly Route[] = [
  ...accountRoutes,
  ...eventRoutes,
  ...accessKeyRoutes,
  ...campaignRoutes,
  ...profileVerificationRoutes,
  ...lifecycleRoutes,
  ...forecastRoutes,
  ...outageRoutes,
  ...adminRoutes,
];
