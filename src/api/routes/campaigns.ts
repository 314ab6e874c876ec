import {
  controlCampaign,
  createCampaign,
  eachCampaignItem,
  eachCampaignLink,
  getCampaign,
  listCampaignItems,
  listCampaignLinks,
  listCampaigns,
} from '../actions/campaigns';
import { CSV, csvOf } from '../csv';
import { route, type Route } from '../route';
import { pageOf } from '../schemas/answers';
import {
  campaignActions,
  campaignItemSchema,
  campaignItemsSchema,
  campaignLinkSchema,
  campaignLinksSchema,
  campaignListSchema,
  campaignSchema,
  createCampaignSchema,
  type CampaignAction,
} from '../schemas/campaigns';
import { noneSchema } from '../schemas/inputs';

const idOf = (params: Readonly<Record<string, string>>): string => params['id'] ?? '';

export const itemColumns = [
  ...(['accountId', 'name', 'accountNumber', 'externalId', 'wave', 'state', 'reason', 'at'] as const),
  'linkExpiresAt' as const,
];
export const linkColumns = ['accountId', 'name', 'accountNumber', 'externalId', 'connectUrl', 'expiresAt'] as const;

const summaries: Record<CampaignAction, string> = {
  start: 'Start a campaign: the first wave is asked',
  pause: 'Pause: no further wave is asked',
  resume: 'Go on',
  stop: 'Stop: what is planned stays as it is, links that are out keep working',
  undo: 'Stop, and take back every link that was not used',
};

const actionRoute = (act: CampaignAction): Route =>
  route({
    method: 'post',
    path: `/campaigns/:id/${act}`,
    summary: summaries[act],
    needs: controlCampaign.needs,
    scope: 'one',
    query: noneSchema,
    body: null,
    answers: { 200: { description: 'The campaign after it.', schema: campaignSchema } },
    problems: ['illegal-event'],
    handle: async ({ services, caller, params }) => ({
      status: 200,
      body: await controlCampaign(services, caller, { id: idOf(params), act }),
    }),
  });

export const campaignRoutes: Route[] = [
  route({
    method: 'post',
    path: '/campaigns',
    summary: 'Plan a campaign: who would be asked, and when; nothing happens yet',
    needs: createCampaign.needs,
    scope: 'one',
    query: noneSchema,
    body: createCampaignSchema,
    answers: { 201: { description: 'A draft.', schema: campaignSchema } },
    problems: ['nothing-to-migrate'],
    handle: async ({ services, caller, body }) => ({ status: 201, body: await createCampaign(services, caller, body) }),
  }),
  route({
    method: 'get',
    path: '/campaigns',
    summary: 'List campaigns, in order of id',
    needs: listCampaigns.needs,
    scope: 'any',
    query: campaignListSchema,
    body: null,
    answers: { 200: { description: 'A page.', schema: pageOf(campaignSchema) } },
    handle: async ({ services, caller, query }) => ({
      status: 200,
      body: await listCampaigns(services, caller, query),
    }),
  }),
  route({
    method: 'get',
    path: '/campaigns/:id',
    summary: 'Look at a campaign and its progress',
    needs: getCampaign.needs,
    scope: 'one',
    query: noneSchema,
    body: null,
    answers: { 200: { description: 'The campaign.', schema: campaignSchema } },
    handle: async ({ services, caller, params }) => ({
      status: 200,
      body: await getCampaign(services, caller, { id: idOf(params) }),
    }),
  }),
  route({
    method: 'get',
    path: '/campaigns/:id/accounts',
    summary: 'Who is asked, and what became of it; all of them as CSV for those who accept text/csv',
    needs: listCampaignItems.needs,
    scope: 'one',
    query: campaignItemsSchema,
    body: null,
    answers: {
      200: { description: 'In order of account, or everything as CSV.', schema: pageOf(campaignItemSchema), type: CSV },
    },
    handle: async ({ services, caller, params, query, req }) => {
      const about = { id: idOf(params), ...query };
      if (req.accepts(['json', CSV]) !== CSV)
        return { status: 200, body: await listCampaignItems(services, caller, about) };
      return { status: 200, type: CSV, stream: csvOf(await eachCampaignItem(services, caller, about), itemColumns) };
    },
  }),
  route({
    method: 'get',
    path: '/campaigns/:id/links',
    summary:
      'The links of those who are waited for, to be handed to the merchants; all of them as CSV for those who accept text/csv',
    needs: listCampaignLinks.needs,
    scope: 'one',
    query: campaignLinksSchema,
    body: null,
    answers: {
      200: {
        description: 'The links that work, in order of account, or all of them as CSV.',
        schema: pageOf(campaignLinkSchema),
        type: CSV,
      },
    },
    problems: ['vault-key-missing'],
    handle: async ({ services, caller, params, query, req }) => {
      const about = { id: idOf(params), ...query };
      if (req.accepts(['json', CSV]) !== CSV)
        return { status: 200, body: await listCampaignLinks(services, caller, about) };
      return { status: 200, type: CSV, stream: csvOf(await eachCampaignLink(services, caller, about), linkColumns) };
    },
  }),
  ...campaignActions.map(actionRoute),
];
