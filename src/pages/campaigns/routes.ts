/** Campaigns for people: planned by a form, previewed, started, watched, stopped and taken back. */

import type { Router } from 'express';
import {
  controlCampaign,
  createCampaign,
  eachCampaignItem,
  eachCampaignLink,
  getCampaign,
  listCampaignItems,
  listCampaigns,
} from '../../api/actions/campaigns';
import { CSV, csvOf } from '../../api/csv';
import { Refusal } from '../../api/problems';
import { assertMay } from '../../api/roles';
import { itemColumns, linkColumns } from '../../api/routes/campaigns';
import {
  campaignActions,
  campaignItemsSchema,
  campaignListSchema,
  createCampaignSchema,
  type CampaignAction,
  type CampaignJson,
} from '../../api/schemas/campaigns';
import type { Services } from '../../api/services';
import { errorsIn } from '../accounts/create';
import { chooseTenant } from '../chooseTenant';
import type { FieldErrors } from '../fields';
import { keptFilters } from '../filters';
import { parseForm, type Fields } from '../forms';
import { nothing, pathOf } from '../../web/html';
import { pageOf } from '../layout';
import { sendPage } from '../../web/page';
import { readOwnForm, tenantIn, tenantVisitOf, visitOf, type TenantVisit } from '../visitor';
import { campaignListView, campaignView, liveCampaign, newCampaignView } from './views';

const PAGE = 50;

const number = (text: string | undefined): number | undefined => (text?.trim() ? Number(text) : undefined);

/** Shares are typed as per cents, pauses as hours. */
function inputFrom(fields: Fields): object {
  const { name = '', text = '', state = '', waveSize, pauseHours, failedPercent, linkHours, graceDays } = fields;
  const pause = number(pauseHours);
  const share = number(failedPercent);
  return {
    ...(name.trim() && { name }),
    filter: { ...(text.trim() && { text }), ...(state && { state }) },
    waveSize: number(waveSize),
    pauseSeconds: pause === undefined ? undefined : Math.round(pause * 3_600),
    stopWhenFailedShare: share === undefined ? undefined : share / 100,
    linkHours: number(linkHours),
    graceDays: number(graceDays),
  };
}

/** By the names of the form's own fields. */
const FORM_NAMES: Record<string, string> = {
  pauseSeconds: 'pauseHours',
  stopWhenFailedShare: 'failedPercent',
  'filter.text': 'text',
  'filter.state': 'state',
};

async function plan(
  services: Services,
  { caller }: TenantVisit,
  fields: Fields,
): Promise<{ campaign: CampaignJson } | { errors: FieldErrors }> {
  const read = createCampaignSchema.safeParse(inputFrom(fields), { reportInput: true });
  if (!read.success) {
    const errors = Object.entries(errorsIn(read.error.issues));
    return { errors: Object.fromEntries(errors.map(([name, message]) => [FORM_NAMES[name] ?? name, message])) };
  }
  try {
    return { campaign: await createCampaign(services, caller, read.data) };
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'nothing-to-migrate') throw error;
    return { errors: { text: 'No account on an old key that may be asked matches.' } };
  }
}

const isAction = (text: string): text is CampaignAction => campaignActions.some((one) => one === text);

export function addCampaignRoutes(router: Router, services: Services): void {
  router.get('/campaigns', async (_req, res) => {
    const visit = visitOf(res);
    assertMay(visit.caller, 'read');
    const { filters } = keptFilters(campaignListSchema, visit.query);
    const page = await listCampaigns(services, visit.caller, { limit: PAGE, ...filters });
    const choice = visit.caller.tenantId === null ? await chooseTenant(services, visit, '/campaigns') : nothing;
    const view = campaignListView({ visit, page, isFirst: filters.cursor === undefined, choice });
    sendPage(res, 200, pageOf('Campaigns', visit.frame, view));
  });

  router.get('/campaigns/new', (_req, res) => {
    const visit = tenantVisitOf(res);
    assertMay(visit.caller, 'write');
    sendPage(res, 200, pageOf('Plan a campaign', visit.frame, newCampaignView({ visit, fields: {}, errors: {} })));
  });

  router.post('/campaigns/new', parseForm, async (req, res) => {
    const visit = tenantVisitOf(res);
    const fields = readOwnForm(req, res, services);
    const made = await plan(services, visit, fields);
    if ('errors' in made) {
      const view = newCampaignView({ visit, fields, errors: made.errors });
      sendPage(res, 400, pageOf('Error: Plan a campaign', visit.frame, view));
    } else res.redirect(303, pathOf(`/campaigns/${made.campaign.id}`, { tenantId: tenantIn(visit) }));
  });

  async function read(visit: TenantVisit, id: string) {
    const { filters } = keptFilters(campaignItemsSchema, visit.query);
    const [campaign, page] = await Promise.all([
      getCampaign(services, visit.caller, { id }),
      listCampaignItems(services, visit.caller, { id, limit: PAGE, ...filters }),
    ]);
    return { visit, campaign, page, filters };
  }

  router.get('/campaigns/:id', async (req, res) => {
    const visit = tenantVisitOf(res);
    const shown = await read(visit, req.params.id);
    sendPage(res, 200, pageOf(shown.campaign.name, visit.frame, campaignView(shown)));
  });

  router.get('/campaigns/:id/live', async (req, res) => {
    sendPage(res, 200, liveCampaign(await read(tenantVisitOf(res), req.params.id)).markup);
  });

  router.get('/campaigns/:id/report.csv', async (req, res) => {
    const { caller } = tenantVisitOf(res);
    const lines = csvOf(await eachCampaignItem(services, caller, { id: req.params.id }), itemColumns);
    res.set('Cache-Control', 'no-store').attachment('campaign.csv').type(CSV);
    lines.on('error', () => res.destroy()).pipe(res);
  });

  router.get('/campaigns/:id/links.csv', async (req, res) => {
    const { caller } = tenantVisitOf(res);
    const lines = csvOf(await eachCampaignLink(services, caller, { id: req.params.id }), linkColumns);
    res.set('Cache-Control', 'no-store').attachment('links.csv').type(CSV);
    lines.on('error', () => res.destroy()).pipe(res);
  });

  router.post('/campaigns/:id/:act', parseForm, async (req, res, next) => {
    const { id, act } = req.params as { id: string; act: string };
    if (!isAction(act)) {
      next();
      return;
    }
    const visit = tenantVisitOf(res);
    readOwnForm(req, res, services);
    await controlCampaign(services, visit.caller, { id, act });
    res.redirect(303, pathOf(`/campaigns/${id}`, { tenantId: tenantIn(visit) }));
  });
}
