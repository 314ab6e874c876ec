/** For an admin who looks at all tenants, where something is possible for one only. */

import { listTenants } from '../api/actions/tenants';
import type { Services } from '../api/services';
import { html, type Html } from '../web/html';
import type { Visit } from './visitor';

const TENANTS_SHOWN = 200;

export async function chooseTenant(services: Services, visit: Visit, path: string): Promise<Html> {
  const { items } = await listTenants(services, visit.signedIn.caller, { limit: TENANTS_SHOWN });
  return html`
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
