/** API keys for people: who holds which, a new one, and the end of one. */

import type { Router } from 'express';
import { createKey, deleteKey, listKeys } from '../../api/actions/keys';
import { Refusal } from '../../api/problems';
import { assertMay } from '../../api/roles';
import { createKeySchema } from '../../api/schemas/admin';
import type { ApiKeyJson } from '../../api/schemas/answers';
import { keyListSchema } from '../../api/schemas/inputs';
import type { Services } from '../../api/services';
import { DAY_MS } from '../../durations';
import { errorsIn } from '../accounts/create';
import { chooseTenant } from '../chooseTenant';
import type { FieldErrors } from '../fields';
import { keptFilters } from '../filters';
import { parseForm, type Fields } from '../forms';
import { nothing, pathOf } from '../../web/html';
import { pageOf } from '../layout';
import { sendPage } from '../../web/page';
import { readOwnForm, tenantIn, visitOf, type Visit } from '../visitor';
import { keyListView } from './listView';
import { newKeyView, shownOnceView } from './newView';

const TITLE = 'Create an API key';
/** All that a tenant may have. */
const PAGE = 100;

/** A key chosen to work on a day works until the end of it. What is no day is left for the schema to refuse. */
function endOfDay(day: string): string {
  const at = Date.parse(`${day}T00:00:00Z`) + DAY_MS;
  return Number.isNaN(at) ? day : new Date(at).toISOString();
}

function inputFrom({ name = '', role, expiresOn = '' }: Fields): Record<string, unknown> {
  return {
    role,
    ...(name.trim() && { name }),
    ...(expiresOn.trim() && { expiresAt: endOfDay(expiresOn.trim()) }),
  };
}

const NO_ROLE = 'must be one of those in the list';
const NO_DAY = 'is not a day such as 2027-01-31';
const PAST = 'has passed already: choose today or a later day';

type Made = { key: ApiKeyJson & { key: string } } | { errors: FieldErrors; status: 400 | 409 };

/** Names are optional for programs; a person who makes a key is asked for one. */
async function make(services: Services, { caller }: Visit, fields: Fields): Promise<Made> {
  const read = createKeySchema.safeParse(inputFrom(fields), { reportInput: true });
  const { expiresAt, role, ...wrong } = read.success ? {} : (errorsIn(read.error.issues) as Record<string, string>);
  const errors = {
    ...((fields['name'] ?? '').trim() === '' && { name: 'is missing' }),
    ...wrong,
    ...(role !== undefined && { role: NO_ROLE }),
    ...(expiresAt !== undefined && { expiresOn: NO_DAY }),
  };
  if (!read.success || Object.keys(errors).length > 0) return { errors, status: 400 };
  try {
    return { key: await createKey(services, caller, read.data) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.extras.field === 'expiresAt') return { errors: { expiresOn: PAST }, status: 400 };
    if (error.code !== 'too-many-keys') throw error;
    return { errors: { keys: `${error.message} ${error.extras.wayOut ?? ''}` }, status: 409 };
  }
}

export function addApiKeyRoutes(router: Router, services: Services): void {
  router.get('/keys', async (_req, res) => {
    const visit = visitOf(res);
    const { filters } = keptFilters(keyListSchema, visit.query);
    const page = await listKeys(services, visit.caller, { ...filters, limit: PAGE });
    const choice = visit.caller.tenantId === null ? await chooseTenant(services, visit, '/keys') : nothing;
    const wasRevoked = visit.query['revoked'] === '1';
    const view = keyListView({ visit, page, isFirst: filters.cursor === undefined, choice, wasRevoked });
    sendPage(res, 200, pageOf('API keys', visit.frame, view));
  });

  router.get('/keys/new', (_req, res) => {
    const visit = visitOf(res);
    assertMay(visit.caller, 'api-keys');
    sendPage(res, 200, pageOf(TITLE, visit.frame, newKeyView({ visit, fields: {}, errors: {} })));
  });

  // The key is in this one answer, which nobody stores: a redirect would have to carry it in an address or a cookie.
  router.post('/keys/new', parseForm, async (req, res) => {
    const visit = visitOf(res);
    assertMay(visit.caller, 'api-keys');
    const fields = readOwnForm(req, res, services);
    const made = await make(services, visit, fields);
    if ('key' in made) sendPage(res, 200, pageOf('Key created', visit.frame, shownOnceView(visit, made.key)));
    else {
      const view = newKeyView({ visit, fields, errors: made.errors });
      sendPage(res, made.status, pageOf(`Error: ${TITLE}`, visit.frame, view));
    }
  });

  router.post('/keys/revoke', parseForm, async (req, res) => {
    const visit = visitOf(res);
    assertMay(visit.caller, 'api-keys');
    const { id = '' } = readOwnForm(req, res, services);
    await deleteKey(services, visit.caller, { id });
    res.redirect(303, pathOf('/keys', { tenantId: tenantIn(visit), revoked: '1' }));
  });
}
