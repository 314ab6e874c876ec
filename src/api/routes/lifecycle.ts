import { presentLifecycle, readLifecycle } from '../actions/lifecycle';
import { drawLifecycle } from '../lifecycle/svg';
import { route, type Route } from '../route';
import { lifecycleSchema } from '../schemas/answers';
import { noneSchema } from '../schemas/inputs';

const SVG = 'image/svg+xml';

export const lifecycleRoutes: Route[] = [
  route({
    method: 'get',
    path: '/lifecycle',
    summary: 'The machine as data with counts per state; drawn for those who accept image/svg+xml',
    needs: readLifecycle.needs,
    scope: 'any',
    query: noneSchema,
    body: null,
    answers: { 200: { description: 'As JSON, or as a picture.', schema: lifecycleSchema, type: SVG } },
    handle: async ({ services, caller, req }) => {
      const now = await readLifecycle(services, caller, {});
      if (req.accepts(['json', SVG]) !== SVG) return { status: 200, body: presentLifecycle(now) };
      return { status: 200, type: SVG, body: drawLifecycle(now.lifecycle, now.counts) };
    },
  }),
];
