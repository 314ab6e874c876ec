/** Resolve: the three ways to deal with an old key, on a page of their own. */

import type { Router } from 'express';
import { getAccount } from '../../api/actions/accounts';
import { dispatchEvent } from '../../api/actions/events';
import { Refusal } from '../../api/problems';
import { assertMay } from '../../api/roles';
import type { VerdictJson } from '../../api/schemas/answers';
import { eventSchemas, graceDays } from '../../api/schemas/inputs';
import type { Services } from '../../api/services';
import type { PublicEventType } from '../../machines/events';
import type { FieldErrors } from '../fields';
import { say } from '../flash';
import { parseForm, type Fields } from '../forms';
import { pathOf } from '../../web/html';
import { pageOf } from '../layout';
import { sendPage } from '../../web/page';
import { readOwnForm, tenantIn, tenantVisitOf, type TenantVisit } from '../visitor';
import { leadToUps } from './press';
import { resolveView } from './resolveView';

type Answer = { verdict: VerdictJson; type: PublicEventType } | { errors: FieldErrors };

async function migrate(services: Services, visit: TenantVisit, id: string, fields: Fields): Promise<Answer> {
  const days = graceDays.safeParse(Number(fields['graceDays'] || '0'));
  if (!days.success) return { errors: { graceDays: 'is a whole number from 0 to 90' } };
  return { verdict: await leadToUps(services, visit, id, { type: 'MIGRATE', graceDays: days.data }), type: 'MIGRATE' };
}

/** Days the machine refuses are shown at the field, as those are that make no sense. */
async function postpone(services: Services, visit: TenantVisit, id: string, fields: Fields): Promise<Answer> {
  const read = eventSchemas.POSTPONE.safeParse({ type: 'POSTPONE', until: fields['until'] });
  if (!read.success) return { errors: { until: 'is no date' } };
  try {
    const { verdict } = await dispatchEvent(services, visit.caller, { id, input: read.data });
    if (verdict.why !== 'past-deadline') return { verdict, type: 'POSTPONE' };
    return { errors: { until: 'is behind the deadline: UPS switches the key off before that day' } };
  } catch (error) {
    if (!(error instanceof Refusal) || error.extras.field !== 'until') throw error;
    return { errors: { until: 'has passed already' } };
  }
}

async function deactivate(services: Services, visit: TenantVisit, id: string): Promise<Answer> {
  const { verdict } = await dispatchEvent(services, visit.caller, { id, input: { type: 'DEACTIVATE' } });
  return { verdict, type: 'DEACTIVATE' };
}

function resolve(services: Services, visit: TenantVisit, id: string, fields: Fields): Promise<Answer> {
  if (fields['action'] === 'migrate') return migrate(services, visit, id, fields);
  if (fields['action'] === 'postpone') return postpone(services, visit, id, fields);
  if (fields['action'] === 'deactivate') return deactivate(services, visit, id);
  throw new Refusal('invalid-input', 'Choose one of the three.', { field: 'action' });
}

export function addResolveRoutes(router: Router, services: Services): void {
  async function show(visit: TenantVisit, id: string, fields: Fields, errors: FieldErrors): Promise<string> {
    const account = await getAccount(services, visit.caller, { id });
    const isWrong = Object.keys(errors).length > 0;
    return pageOf(
      `${isWrong ? 'Error: ' : ''}Resolve ${account.name}`,
      visit.frame,
      resolveView({ visit, account, fields, errors }),
    );
  }

  router.get('/accounts/:id/resolve', async (req, res) => {
    const visit = tenantVisitOf(res);
    assertMay(visit.caller, 'write');
    sendPage(res, 200, await show(visit, req.params.id, {}, {}));
  });

  router.post('/accounts/:id/resolve', parseForm, async (req, res) => {
    const visit = tenantVisitOf(res);
    const { id } = req.params as { id: string };
    const fields = readOwnForm(req, res, services);
    const answer = await resolve(services, visit, id, fields);
    if ('errors' in answer) {
      sendPage(res, 400, await show(visit, id, fields, answer.errors));
      return;
    }
    const { verdict, type } = answer;
    if (verdict.authorization) {
      res.redirect(303, verdict.authorization.connectUrl);
      return;
    }
    const { why } = verdict;
    say(res, services.config.publicUrl, visit, {
      about: 'event',
      accountId: id,
      event: type,
      verdict: verdict.verdict,
      why,
    });
    res.redirect(303, pathOf(`/accounts/${id}`, { tenantId: tenantIn(visit) }));
  });
}
