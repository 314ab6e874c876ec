import { belongsToTenant, rolesMadeBy } from '../../api/roles';
import type { ApiKeyJson } from '../../api/schemas/answers';
import type { Role } from '../../db/apiKeys';
import { choice, errorSummary, textField, type Field, type Filled } from '../fields';
import { hidden, html, pathOf, when, type Html } from '../../web/html';
import { dateOf, onDay } from '../../web/times';
import { tenantIn, type Visit } from '../visitor';
import { roleWords } from '../words';

const meaning: Record<Role, string> = {
  reader: 'looks at everything but secrets',
  operator: 'everything but tokens and old access keys',
  platform: 'reads tokens, for the system that ships',
  admin: 'every tenant, but no tokens',
  metrics: 'reads /metrics and nothing else',
};

/** From the least to the most: the least is chosen unless somebody chooses another. */
const order: Role[] = ['metrics', 'reader', 'operator', 'platform', 'admin'];

/** What this visitor may make here: keys of the chosen tenant, or of the installation. */
const rolesFor = ({ caller }: Visit): Role[] => {
  const made = rolesMadeBy(caller.role);
  return order.filter((role) => made.includes(role) && belongsToTenant(role) === (caller.tenantId !== null));
};

const name: Field = {
  name: 'name',
  label: 'Name',
  hint: 'What the key is for, or whose it is. History shows it beside what was done with the key.',
  maxLength: 100,
};

const expiry = (now: number): Field => ({
  name: 'expiresOn',
  label: 'Last day',
  hint: 'The key stops working at the end of this day, UTC. Without one it works until it is revoked.',
  isOptional: true,
  type: 'date',
  min: dateOf(now),
});

const labels = { name: name.label, role: 'Role', expiresOn: 'Last day' };

const listPath = (visit: Visit): string => pathOf('/keys', { tenantId: tenantIn(visit) });

export function newKeyView({ visit, ...filled }: Filled & { visit: Visit }): Html {
  const offered = rolesFor(visit);
  const words = Object.fromEntries(offered.map((role) => [role, `${roleWords[role]}: ${meaning[role]}`]));
  return html`
    <nav class="crumbs" aria-label="Breadcrumb"><a href="${listPath(visit)}">API keys</a></nav>
    <div class="title"><h1>Create an API key</h1></div>
    ${errorSummary({ errors: filled.errors, labels, title: 'The key was not created' })}
    <form
      method="post"
      action="${pathOf('/keys/new', { tenantId: tenantIn(visit) })}"
      class="panel stack form"
      novalidate
    >
      ${hidden('formToken', visit.signedIn.formToken)} ${textField(name, filled)}
      ${choice({ name: 'role', label: labels.role, words, otherwise: offered[0] ?? '' }, filled)}
      ${when(
        visit.caller.tenantId === null,
        () => html`<p class="hint">For a key of a tenant, choose the tenant in the list of keys first.</p>`,
      )}
      ${textField(expiry(visit.frame.now), filled)}
      <div class="buttons">
        <button type="submit" class="primary">Create key</button>
        <a class="button quiet" href="${listPath(visit)}">Cancel</a>
      </div>
    </form>
  `;
}

/** Not of class `code`: those fields show capitals. */
export const shownOnceView = (
  visit: Visit,
  { key, name: called, role, expiresAt }: ApiKeyJson & { key: string },
): Html => html`
  <nav class="crumbs" aria-label="Breadcrumb"><a href="${listPath(visit)}">API keys</a></nav>
  <div class="title"><h1>Key created</h1></div>
  <div class="message info" role="status">
    <p>Copy the key now. It is shown this once and cannot be shown again.</p>
  </div>
  <section class="panel stack form">
    <div class="field">
      <label for="new-key">API key</label>
      <input id="new-key" value="${key}" readonly autocomplete="off" spellcheck="false" />
    </div>
    <dl>
      <dt>Name</dt>
      <dd><span class="name">${called ?? ''}</span></dd>
      <dt>Role</dt>
      <dd>${roleWords[role]}</dd>
      <dt>Expires</dt>
      <dd>${expiresAt === null ? 'Never' : onDay(expiresAt)}</dd>
    </dl>
    <div class="buttons"><a class="button primary" href="${listPath(visit)}">I have copied it</a></div>
  </section>
`;
