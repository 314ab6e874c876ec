/** For an admin, on pages that are about one tenant. */

import { listTenants } from '../api/actions/tenants';
import type { Services } from '../api/services';
import { html, type Html } from './html';
import type { Visit } from './visitor';

const TENANTS_SHOWN = 200;

export async function chooseTenant(services: Services, visit: Visit, path: string, title: string): Promise<Html> {
  const { items } = await listTenants(services, visit.signedIn.caller, { limit: TENANTS_SHOWN });
  return html`
    <div class="title"><h1>${title}</h1></div>
    <form method="get" action="${path}" class="panel stack form">
      <div class="field">
        <label for="tenant">Of which tenant?</label>
        <select id="tenant" name="tenantId">
          ${items.map(({ id, name }) => html`<option value="${id}">${name} (${id})</option>`)}
        </select>
      </div>
      <button type="submit" class="primary">Show</button>
    </form>
  `;
}
