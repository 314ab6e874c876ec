/** A new account: the form, what was wrong with it, and the account's own page. */

import type { Router } from 'express';
import { createAccount } from '../../api/actions/accounts';
import { Refusal } from '../../api/problems';
import { assertMay } from '../../api/roles';
import { createAccountSchema } from '../../api/schemas/inputs';
import type { Services } from '../../api/services';
import { say } from '../flash';
import { parseForm, type Fields } from '../forms';
import { pathOf } from '../../web/html';
import { pageOf } from '../layout';
import { sendPage } from '../../web/page';
import { readOwnForm, tenantIn, tenantVisitOf, type TenantVisit } from '../visitor';
import type { FieldErrors } from '../fields';
import { createView } from './createView';

const TITLE = 'Create account';

/** The form's flat names as the API's object; what was left empty was not given. */
export function inputFrom(fields: Fields): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  const address: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(fields)) {
    if (text.trim() === '') continue;
    // An account number is upper case; the person who types it need not know.
    const value = name === 'accountNumber' ? text.trim().toUpperCase() : text;
    if (name.startsWith('address.')) address[name.slice('address.'.length)] = value;
    else input[name] = value;
  }
  return { ...input, address };
}

/** One sentence a field: the first thing that is wrong with it. */
export function errorsIn(issues: readonly { path: PropertyKey[]; message: string; input?: unknown }[]): FieldErrors {
  const errors: Record<string, string> = {};
  for (const { path, message, input } of issues) {
    const name = path.map(String).join('.');
    errors[name] ??= input === undefined ? 'is missing' : message;
  }
  return errors;
}

async function create(services: Services, { caller }: TenantVisit, fields: Fields) {
  const read = createAccountSchema.safeParse(inputFrom(fields), { reportInput: true });
  if (!read.success) return { errors: errorsIn(read.error.issues) };
  try {
    return await createAccount(services, caller, read.data);
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'name-taken') throw error;
    const { accountId } = error.extras.more ?? {};
    return { errors: { name: error.message }, taken: typeof accountId === 'string' ? accountId : null };
  }
}

export function addCreateRoutes(router: Router, services: Services): void {
  router.get('/accounts/new', (_req, res) => {
    const visit = tenantVisitOf(res);
    assertMay(visit.caller, 'write');
    sendPage(res, 200, pageOf(TITLE, visit.frame, createView({ visit, fields: {}, errors: {}, taken: null })));
  });

  router.post('/accounts/new', parseForm, async (req, res) => {
    const visit = tenantVisitOf(res);
    const fields = readOwnForm(req, res, services);
    const made = await create(services, visit, fields);
    if ('errors' in made) {
      const view = createView({ visit, fields, errors: made.errors, taken: made.taken ?? null });
      sendPage(res, 400, pageOf(`Error: ${TITLE}`, visit.frame, view));
      return;
    }
    const accountId = made.account.id;
    say(res, services.config.publicUrl, visit, { about: 'created', accountId, isNew: made.created });
    res.redirect(303, pathOf(`/accounts/${accountId}`, { tenantId: tenantIn(visit) }));
  });
}
