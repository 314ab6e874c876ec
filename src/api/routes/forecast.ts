import { getForecast } from '../actions/forecast';
import { route, type Route } from '../route';
import { forecastSchema } from '../schemas/forecast';
import { noneSchema } from '../schemas/inputs';

export const forecastRoutes: Route[] = [
  route({
    method: 'get',
    path: '/forecast',
    summary: 'Grants that die in the next 60 days if nothing happens, and the refreshes that are due',
    needs: getForecast.needs,
    scope: 'any',
    query: noneSchema,
    body: null,
    answers: { 200: { description: 'Counted from indexes; an estimate, not a plan.', schema: forecastSchema } },
    handle: async ({ services, caller, query }) => ({ status: 200, body: await getForecast(services, caller, query) }),
  }),
];
