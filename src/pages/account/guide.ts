/** The way into a UPS profile, step by step; each try is opened here before it is spent at UPS. */

import type { Router } from 'express';
import { getAccount } from '../../api/actions/accounts';
import {
  endProfileVerification,
  listProfileVerifications,
  openProfileVerification,
} from '../../api/actions/profileVerifications';
import { Refusal } from '../../api/problems';
import { assertMay } from '../../api/roles';
import { profileVerificationSchema } from '../../api/schemas/profileVerifications';
import type { Services } from '../../api/services';
import { errorsIn } from '../accounts/create';
import type { FieldErrors } from '../fields';
import { parseForm, type Fields } from '../forms';
import { pathOf } from '../../web/html';
import { pageOf } from '../layout';
import { sendPage } from '../../web/page';
import { readOwnForm, tenantIn, tenantVisitOf, type TenantVisit } from '../visitor';
import { guideView } from './guideView';

type Opened = { errors: FieldErrors } | null;

const INVOICE = ['invoiceNumber', 'invoiceDate', 'invoiceAmount', 'controlId'] as const;

/** What is left empty was not given. */
const inputOf = (fields: Fields): object =>
  fields['method'] === 'pin'
    ? { method: 'pin' }
    : Object.fromEntries(
        INVOICE.flatMap((name) => (fields[name]?.trim() ? [[name, fields[name].trim()] as const] : [])),
      );

async function open(services: Services, { caller }: TenantVisit, id: string, fields: Fields): Promise<Opened> {
  const read = profileVerificationSchema.safeParse(inputOf(fields), { reportInput: true });
  if (!read.success) return { errors: errorsIn(read.error.issues) };
  try {
    await openProfileVerification(services, caller, { id, input: read.data });
    return null;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.code === 'verification-attempts-exhausted') return { errors: {} };
    const { field } = error.extras;
    if (field === undefined) throw error;
    // The api's sentence begins with the field's name; here its label stands there.
    return { errors: { [field]: error.message.replace(`${field} `, '').replace(/\.$/, '') } };
  }
}

export function addGuideRoutes(router: Router, services: Services): void {
  async function show(visit: TenantVisit, id: string, fields: Fields, errors: FieldErrors): Promise<string> {
    const [account, tries] = await Promise.all([
      getAccount(services, visit.caller, { id }),
      listProfileVerifications(services, visit.caller, { id }),
    ]);
    const { environment, baseUrl } = services.config.ups;
    const sandboxUrl = environment === 'sandbox' ? `${baseUrl}/accounts-and-payment` : null;
    const isWrong = Object.keys(errors).length > 0;
    const view = guideView({ visit, account, tries, fields, errors, sandboxUrl });
    return pageOf(`${isWrong ? 'Error: ' : ''}Add ${account.name} to a UPS profile`, visit.frame, view);
  }

  router.get('/accounts/:id/profile-guide', async (req, res) => {
    const visit = tenantVisitOf(res);
    assertMay(visit.caller, 'read');
    sendPage(res, 200, await show(visit, req.params.id, {}, {}));
  });

  router.post('/accounts/:id/profile-guide', parseForm, async (req, res) => {
    const visit = tenantVisitOf(res);
    const { id } = req.params as { id: string };
    const fields = readOwnForm(req, res, services);
    const refused = await open(services, visit, id, fields);
    if (refused) sendPage(res, 400, await show(visit, id, fields, refused.errors));
    else res.redirect(303, pathOf(`/accounts/${id}/profile-guide`, { tenantId: tenantIn(visit) }));
  });

  router.post('/accounts/:id/profile-guide/outcome', parseForm, async (req, res) => {
    const visit = tenantVisitOf(res);
    const { id } = req.params as { id: string };
    const { n = '', accepted } = readOwnForm(req, res, services);
    await endProfileVerification(services, visit.caller, { id, n: Number(n), accepted: accepted === 'yes' });
    res.redirect(303, pathOf(`/accounts/${id}/profile-guide`, { tenantId: tenantIn(visit) }));
  });
}
