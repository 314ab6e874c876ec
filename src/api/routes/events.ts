import { publicEvents } from '../../machines/events';
import { dispatchEvent, resolve, startAuthorization } from '../actions/events';
import { Refusal } from '../problems';
import { assertMay, type Caller } from '../roles';
import { route, type Route } from '../route';
import { authorizationAnswerSchema, verdictSchema } from '../schemas/answers';
import { authorizationSchema, dryRunSchema, eventSchema, noneSchema, resolveSchema } from '../schemas/inputs';

const isPublic = (type: string): boolean => publicEvents.some((known) => known === type);

/** The machine's own events, `xstate.*` above all, never come from outside. */
function assertPublicEvent(body: unknown, caller: Caller): void {
  if (body === null || typeof body !== 'object' || !('type' in body) || typeof body.type !== 'string') return;
  if (!isPublic(body.type))
    throw new Refusal('unknown-event', `There is no such event: type is one of ${publicEvents.join(', ')}.`, {
      field: 'type',
    });
  if (body.type === 'DISCONNECT') assertMay(caller, 'disconnect');
}

const verdicts = {
  200: { description: 'Applied, a duplicate, or ignored.', schema: verdictSchema },
  409: { description: 'Illegal here, or in use: a verdict, no problem.', schema: verdictSchema },
};

export const eventRoutes: Route[] = [
  route({
    method: 'post',
    path: '/accounts/:id/events',
    summary: 'Dispatch an event',
    needs: dispatchEvent.needs,
    scope: 'one',
    query: dryRunSchema,
    body: eventSchema,
    answers: verdicts,
    problems: ['unknown-event', 'event-id-reused'],
    before: assertPublicEvent,
    handle: async ({ services, caller, params, query, body }) => {
      const about = { id: params['id'] ?? '', input: body, dryRun: query.dryRun === '1' };
      const { status, verdict } = await dispatchEvent(services, caller, about);
      return { status, body: verdict };
    },
  }),
  route({
    method: 'post',
    path: '/accounts/:id/resolve',
    summary: 'Deal with an old access key: migrate, postpone or deactivate',
    needs: resolve.needs,
    scope: 'one',
    query: noneSchema,
    body: resolveSchema,
    answers: verdicts,
    handle: async ({ services, caller, params, body }) => {
      const { status, verdict } = await resolve(services, caller, { id: params['id'] ?? '', input: body });
      return { status, body: verdict };
    },
  }),
  route({
    method: 'post',
    path: '/accounts/:id/authorization',
    summary: 'A one-time link that leads the merchant to UPS',
    needs: startAuthorization.needs,
    scope: 'one',
    query: noneSchema,
    body: authorizationSchema,
    answers: { 201: { description: 'The link.', schema: authorizationAnswerSchema } },
    problems: ['illegal-event', 'exchange-under-way'],
    handle: async ({ services, caller, params, body }) => {
      const { connectUrl, expiresAt } = await startAuthorization(services, caller, { id: params['id'] ?? '', ...body });
      return { status: 201, body: { connectUrl, expiresAt } };
    },
  }),
];
