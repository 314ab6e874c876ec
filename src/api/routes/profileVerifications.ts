import {
  endProfileVerification,
  listProfileVerifications,
  openProfileVerification,
} from '../actions/profileVerifications';
import { Refusal } from '../problems';
import { route, type Route } from '../route';
import { profileVerificationAnswerSchema, profileVerificationsSchema } from '../schemas/answers';
import { noneSchema } from '../schemas/inputs';
import { profileOutcomeSchema, profileVerificationSchema } from '../schemas/profileVerifications';

const idOf = (params: Readonly<Record<string, string>>): string => params['id'] ?? '';

function numberOf(params: Readonly<Record<string, string>>): number {
  const text = params['n'] ?? '';
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Refusal('not-found', 'There is no such verification.');
  return Number(text);
}

export const profileVerificationRoutes: Route[] = [
  route({
    method: 'post',
    path: '/accounts/:id/profile-verifications',
    summary: 'Open a try to add the account to the UPS profile, checked before it is spent at UPS',
    needs: openProfileVerification.needs,
    scope: 'one',
    query: noneSchema,
    body: profileVerificationSchema,
    answers: { 201: { description: 'Opened: it counts now.', schema: profileVerificationAnswerSchema } },
    problems: ['verification-attempts-exhausted'],
    handle: async ({ services, caller, params, body }) => ({
      status: 201,
      body: await openProfileVerification(services, caller, { id: idOf(params), input: body }),
    }),
  }),
  route({
    method: 'get',
    path: '/accounts/:id/profile-verifications',
    summary: 'The latest tries, and how many are left',
    needs: listProfileVerifications.needs,
    scope: 'one',
    query: noneSchema,
    body: null,
    answers: { 200: { description: 'Oldest first.', schema: profileVerificationsSchema } },
    handle: async ({ services, caller, params }) => ({
      status: 200,
      body: await listProfileVerifications(services, caller, { id: idOf(params) }),
    }),
  }),
  route({
    method: 'post',
    path: '/accounts/:id/profile-verifications/:n/outcome',
    summary: 'How a try went, as the merchant says',
    needs: endProfileVerification.needs,
    scope: 'one',
    query: noneSchema,
    body: profileOutcomeSchema,
    answers: { 200: { description: 'On record.', schema: profileVerificationAnswerSchema } },
    problems: ['outcome-known'],
    handle: async ({ services, caller, params, body }) => ({
      status: 200,
      body: await endProfileVerification(services, caller, { id: idOf(params), n: numberOf(params), ...body }),
    }),
  }),
];
