import { decideWave, getOutages } from '../actions/outages';
import { route, type Route } from '../route';
import { noneSchema } from '../schemas/inputs';
import { outagesSchema, waveActions, type WaveAction } from '../schemas/outages';

const summaries: Record<WaveAction, string> = {
  release: 'UPS was wrong: every held account is tried again',
  apply: 'It was meant: held accounts are asked to reconnect',
};

const actionRoute = (act: WaveAction): Route =>
  route({
    method: 'post',
    path: `/outages/waves/:code/${act}`,
    summary: summaries[act],
    needs: decideWave.needs,
    scope: 'installation',
    query: noneSchema,
    body: null,
    answers: { 200: { description: 'What is out of order after it.', schema: outagesSchema } },
    handle: async ({ services, caller, params }) => ({
      status: 200,
      body: await decideWave(services, caller, { code: params['code'] ?? '', act }),
    }),
  });

export const outageRoutes: Route[] = [
  route({
    method: 'get',
    path: '/outages',
    summary: 'Circuits to UPS, and refusals that many accounts hear at once',
    needs: getOutages.needs,
    scope: 'installation',
    query: noneSchema,
    body: null,
    answers: { 200: { description: 'As all processes know it.', schema: outagesSchema } },
    handle: async ({ services, caller }) => ({ status: 200, body: await getOutages(services, caller, {}) }),
  }),
  ...waveActions.map(actionRoute),
];
