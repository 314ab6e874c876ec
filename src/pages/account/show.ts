/** One account's page, and the part of it that is asked for again and again while somebody looks. */

import type { Router } from 'express';
import { getAccount, lookAtAccount } from '../../api/actions/accounts';
import { endingIn } from '../../api/actions/ending';
import { assertMay } from '../../api/roles';
import type { Services } from '../../api/services';
import { isBackFromUps, say, takeSaid } from '../flash';
import { pathOf } from '../../web/html';
import { pageOf } from '../layout';
import { sendPage } from '../../web/page';
import { messageOf } from '../verdictWords';
import { tenantIn, tenantVisitOf } from '../visitor';
import { readShown, tagOf } from './read';
import { accountView, liveParts } from './view';

/** The seq history is shown up to; anything else than a number means its newest end. */
const beforeIn = ({ before = '' }: Record<string, string>): number =>
  /^[1-9]\d{0,8}$/.test(before) ? Number(before) : Number.MAX_SAFE_INTEGER;

export function addShowRoutes(router: Router, services: Services): void {
  const { publicUrl } = services.config;

  router.get('/accounts/:id', async (req, res) => {
    const visit = tenantVisitOf(res);
    const { id } = req.params;
    if (isBackFromUps(visit.query, id)) {
      // Told once: an address that is opened again, or handed on, shows the account as it is then.
      assertMay(visit.caller, 'read');
      const document = await lookAtAccount(services, visit.caller, id);
      const ending = endingIn(document, req.headers.cookie, services);
      if (ending !== null) say(res, publicUrl, visit, { about: 'outcome', accountId: id, ...ending });
      res.redirect(303, pathOf(`/accounts/${id}`, { tenantId: tenantIn(visit) }));
      return;
    }
    const shown = await readShown(services, visit, id, beforeIn(visit.query));
    const said = takeSaid(req, res, publicUrl, shown);
    const title = `${shown.account.name} (${shown.account.accountNumber})`;
    sendPage(res, 200, pageOf(title, visit.frame, accountView(shown, said && messageOf(said))));
  });

  router.get('/accounts/:id/live', async (req, res) => {
    const visit = tenantVisitOf(res);
    const { id } = req.params;
    const account = await getAccount(services, visit.caller, { id });
    if (visit.query['tag'] === tagOf(account)) {
      res.status(204).end();
      return;
    }
    const shown = await readShown(services, visit, id, beforeIn(visit.query));
    sendPage(res, 200, liveParts(shown).markup);
  });
}
