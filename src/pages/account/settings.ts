/** An account's settings: all but its name, which never changes; and who uses it. */

import type { Router } from 'express';
import { editAccount, getAccount, setUse } from '../../api/actions/accounts';
import { Refusal } from '../../api/problems';
import { assertMay } from '../../api/roles';
import type { AccountJson } from '../../api/schemas/answers';
import { editAccountSchema, useSchema } from '../../api/schemas/inputs';
import type { Services } from '../../api/services';
import { errorsIn, inputFrom } from '../accounts/create';
import type { FieldErrors } from '../fields';
import { say } from '../flash';
import { parseForm, type Fields } from '../forms';
import { pathOf } from '../../web/html';
import { pageOf } from '../layout';
import { sendPage } from '../../web/page';
import { readOwnForm, tenantIn, tenantVisitOf, type TenantVisit } from '../visitor';
import { settingsView } from './settingsView';

/** What the form would show of the account as it is. */
function fieldsFrom({ accountNumber, owner, externalId, refreshPolicy, address }: AccountJson): Fields {
  const given = Object.entries(address).map(([name, value]) => [`address.${name}`, value ?? ''] as const);
  return { accountNumber, owner, externalId: externalId ?? '', refreshPolicy, ...Object.fromEntries(given) };
}

type Edited = { account: AccountJson } | { errors: FieldErrors; isStale?: boolean };

async function edit(services: Services, visit: TenantVisit, id: string, fields: Fields): Promise<Edited> {
  const { settingsSeq = '', ...given } = fields;
  const input = { ...inputFrom(given), externalId: given['externalId']?.trim() ? given['externalId'] : null };
  const read = editAccountSchema.safeParse(input, { reportInput: true });
  if (!read.success) return { errors: errorsIn(read.error.issues) };
  try {
    const about = { id, ifMatch: Number(settingsSeq), changes: read.data };
    return { account: await editAccount(services, visit.caller, about) };
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'stale') throw error;
    return { errors: {}, isStale: true };
  }
}

export function addSettingsRoutes(router: Router, services: Services): void {
  interface Shown {
    fields?: Fields;
    errors?: FieldErrors;
    isStale?: boolean;
  }
  async function show(
    visit: TenantVisit,
    id: string,
    { fields = {}, errors = {}, isStale = false }: Shown,
  ): Promise<string> {
    const account = await getAccount(services, visit.caller, { id });
    const isWrong = isStale || Object.keys(errors).length > 0;
    const view = settingsView({ visit, account, fields: { ...fieldsFrom(account), ...fields }, errors, isStale });
    return pageOf(`${isWrong ? 'Error: ' : ''}Settings of ${account.name}`, visit.frame, view);
  }

  router.get('/accounts/:id/settings', async (req, res) => {
    const visit = tenantVisitOf(res);
    assertMay(visit.caller, 'write');
    sendPage(res, 200, await show(visit, req.params.id, {}));
  });

  router.post('/accounts/:id/settings', parseForm, async (req, res) => {
    const visit = tenantVisitOf(res);
    assertMay(visit.caller, 'write');
    const { id } = req.params as { id: string };
    const fields = readOwnForm(req, res, services);
    const edited = await edit(services, visit, id, fields);
    if ('errors' in edited) {
      sendPage(res, edited.isStale ? 412 : 400, await show(visit, id, { ...edited, fields }));
      return;
    }
    say(res, services.config.publicUrl, visit, { about: 'settings', accountId: id });
    res.redirect(303, pathOf(`/accounts/${id}`, { tenantId: tenantIn(visit) }));
  });

  router.post('/accounts/:id/used-by', parseForm, async (req, res) => {
    const visit = tenantVisitOf(res);
    assertMay(visit.caller, 'write');
    const { id } = req.params as { id: string };
    const { remove, ...fields } = readOwnForm(req, res, services);
    const { kind, ref = '' } = fields;
    // One that was noted by the API may begin or end with a space: it is removed as it is.
    const read = useSchema.safeParse({ kind, ref: remove === undefined ? ref.trim() : ref }, { reportInput: true });
    if (!read.success) {
      sendPage(res, 400, await show(visit, id, { fields, errors: errorsIn(read.error.issues) }));
      return;
    }
    await setUse(services, visit.caller, { id, use: read.data, isUsed: remove === undefined });
    res.redirect(303, pathOf(`/accounts/${id}/settings`, { tenantId: tenantIn(visit) }));
  });
}
