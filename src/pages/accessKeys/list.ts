/** Who is still on an old key, how long is left, and the way to Resolve. */

import type { Router } from 'express';
import { eachAccessKey, listAccessKeys } from '../../api/actions/accessKeys';
import { CSV } from '../../api/csv';
import { keysAsCsv } from '../../api/routes/accessKeys';
import { assertMay } from '../../api/roles';
import { accessKeyListSchema, type AccessKeyListInput } from '../../api/schemas/inputs';
import type { Services } from '../../api/services';
import { keptFilters } from '../filters';
import { pageOf } from '../layout';
import { sendPage } from '../../web/page';
import { visitOf } from '../visitor';
import { keyListView } from './listView';

const PAGE = 50;

const readKeyFilters = (query: Record<string, string>): { filters: AccessKeyListInput; dropped: string[] } =>
  keptFilters(accessKeyListSchema, query);

export function addKeyListRoutes(router: Router, services: Services): void {
  router.get('/access-keys', async (_req, res) => {
    const visit = visitOf(res);
    assertMay(visit.caller, 'read');
    const { filters, dropped } = readKeyFilters(visit.query);
    const [page, all] = await Promise.all([
      listAccessKeys(services, visit.caller, { limit: PAGE, ...filters }),
      listAccessKeys(services, visit.caller, { limit: 1 }),
    ]);
    const counts = all.counts ?? { total: 0, connected: 0, disconnected: 0, migrating: 0 };
    sendPage(res, 200, pageOf('Old keys', visit.frame, keyListView({ visit, filters, dropped, page, counts })));
  });

  router.get('/access-keys/old-keys.csv', async (_req, res) => {
    const visit = visitOf(res);
    const { filters } = readKeyFilters(visit.query);
    const lines = keysAsCsv(await eachAccessKey(services, visit.caller, filters));
    res.set('Cache-Control', 'no-store').attachment('old-keys.csv').type(CSV);
    // What has begun cannot become an error page: it ends in the middle, and nobody takes it for whole.
    lines.on('error', () => res.destroy()).pipe(res);
  });
}
