/** The accounts of a tenant, or for an admin of all of them, with how many there are in each state. */

import type { Router } from 'express';
import { listAccounts } from '../../api/actions/accounts';
import { readLifecycle } from '../../api/actions/lifecycle';
import { listTenants } from '../../api/actions/tenants';
import { drawLifecycle } from '../../api/lifecycle/svg';
import { assertMay, may } from '../../api/roles';
import type { TenantJson } from '../../api/schemas/answers';
import { accountListSchema, type AccountListInput } from '../../api/schemas/inputs';
import type { Services } from '../../api/services';
import { keptFilters } from '../filters';
import { pageOf } from '../layout';
import { sendPage } from '../../web/page';
import { visitOf, type Visit } from '../visitor';
import { listView } from './listView';

const PAGE = 25;
const TENANTS_SHOWN = 200;

/** The fields of the filter that make sense; what makes none is left out and named. */
export function readFilters(query: Record<string, string>): { filters: AccountListInput; dropped: string[] } {
  return keptFilters(accountListSchema, query);
}

async function tenantsFor(services: Services, { signedIn }: Visit): Promise<TenantJson[]> {
  if (!may(signedIn.caller.role, 'administer')) return [];
  return (await listTenants(services, signedIn.caller, { limit: TENANTS_SHOWN })).items;
}

async function showList(services: Services, visit: Visit): Promise<string> {
  const { caller, frame, query } = visit;
  assertMay(caller, 'read');
  const { filters, dropped } = readFilters(query);
  const [page, { counts }, tenants] = await Promise.all([
    listAccounts(services, caller, { limit: PAGE, ...filters }),
    readLifecycle(services, caller, {}),
    tenantsFor(services, visit),
  ]);
  return pageOf('Accounts', frame, listView({ visit, filters, dropped, page, counts, tenants, now: frame.now }));
}

export function addListRoutes(router: Router, services: Services): void {
  router.get('/', async (_req, res) => {
    sendPage(res, 200, await showList(services, visitOf(res)));
  });

  router.get('/lifecycle.svg', async (_req, res) => {
    const { lifecycle, counts } = await readLifecycle(services, visitOf(res).caller, {});
    res.set('Cache-Control', 'no-store').type('image/svg+xml').send(drawLifecycle(lifecycle, counts));
  });
}
