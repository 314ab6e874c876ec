import type { Route } from '../route';
import { accountRoutes } from './accounts';
import { eventRoutes } from './events';

/** Every route below /v1. */
export const allRoutes: readonly Route[] = [...accountRoutes, ...eventRoutes];
