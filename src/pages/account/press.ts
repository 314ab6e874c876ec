/** A pressed button becomes one event, and what became of it is told by the account's page. */

import type { Router } from 'express';
import { hmac } from '../../hash';
import { dispatchEvent } from '../../api/actions/events';
import { Refusal } from '../../api/problems';
import type { VerdictJson } from '../../api/schemas/answers';
import { eventSchema, type EventInput } from '../../api/schemas/inputs';
import type { Services } from '../../api/services';
import { say } from '../flash';
import { parseForm, type Fields } from '../forms';
import { pathOf } from '../../web/html';
import { readOwnForm, tenantIn, tenantVisitOf, type TenantVisit } from '../visitor';
import { eventOf, isButton } from './actionsView';

type EventType = (typeof eventOf)[keyof typeof eventOf];

/** The same button of the same page has the same id, so that pressing it twice has one effect. */
function inputFrom(type: EventType, { seq = '', note = '' }: Fields, visit: TenantVisit): EventInput {
  const id = `page-${hmac(visit.signedIn.formToken, `${seq} ${type} ${note}`)}`;
  const read = eventSchema.safeParse({ type, id, ...(type === 'DISCONNECT' && { note }) });
  if (read.success) return read.data;
  throw new Refusal('invalid-input', 'Say why in up to 500 characters.', { field: 'note' });
}

/** A tenant need not allow our own pages as a way back: then the trip ends on a page that says how it went. */
export async function leadToUps(
  services: Services,
  visit: TenantVisit,
  id: string,
  event: { type: 'AUTHORIZE' } | { type: 'MIGRATE'; graceDays: number },
): Promise<VerdictJson> {
  const returnTo = `${services.config.publicUrl}${pathOf(`/accounts/${id}`, { tenantId: tenantIn(visit) })}`;
  // No id of its own: a second press wants a link that works, and gets a new one.
  const start = async (input: EventInput) => (await dispatchEvent(services, visit.caller, { id, input })).verdict;
  try {
    return await start({ ...event, returnTo });
  } catch (error) {
    if (!(error instanceof Refusal) || error.extras.field !== 'returnTo') throw error;
    return start(event);
  }
}

export function addPressRoutes(router: Router, services: Services): void {
  router.post('/accounts/:id/:button', parseForm, async (req, res, next) => {
    const { id, button } = req.params as { id: string; button: string };
    if (!isButton(button)) {
      next();
      return;
    }
    const visit = tenantVisitOf(res);
    const fields = readOwnForm(req, res, services);
    const event = eventOf[button];
    const verdict =
      event === 'AUTHORIZE'
        ? await leadToUps(services, visit, id, { type: event })
        : (await dispatchEvent(services, visit.caller, { id, input: inputFrom(event, fields, visit) })).verdict;
    if (verdict.authorization) {
      res.redirect(303, verdict.authorization.connectUrl);
      return;
    }
    const { why } = verdict;
    say(res, services.config.publicUrl, visit, { about: 'event', accountId: id, event, verdict: verdict.verdict, why });
    res.redirect(303, pathOf(`/accounts/${id}`, { tenantId: tenantIn(visit) }));
  });
}
