import {
  accountNumber,
  addressFields,
  choice,
  countryField,
  countryName,
  errorSummary,
  externalId,
  textField,
  type Field,
  type Filled,
} from '../fields';
import { hidden, html, pathOf, type Html } from '../../web/html';
import { tenantIn, type TenantVisit } from '../visitor';
import { ownerWords, policyWords } from '../words';

interface CreateShown extends Filled {
  visit: TenantVisit;
  /** The account that has the name already. */
  taken: string | null;
}

const name: Field = {
  name: 'name',
  label: 'Account name',
  hint: 'For your own use, unique, and never changed later.',
  maxLength: 100,
};
const owner = { name: 'owner', label: 'Who pays', words: ownerWords, otherwise: 'shipper' };
const policy = {
  name: 'refreshPolicy',
  label: 'Refresh policy',
  words: { '': "The tenant's own", ...policyWords },
  otherwise: '',
};

const labels: Record<string, string> = {
  ...Object.fromEntries(
    [name, accountNumber, ...addressFields, externalId, owner, policy].map((field) => [field.name, field.label]),
  ),
  [countryName]: 'Country',
};

export function createView(shown: CreateShown): Html {
  const { visit, errors } = shown;
  const tenantId = tenantIn(visit);
  return html`
    <nav class="crumbs" aria-label="Breadcrumb"><a href="${pathOf('/', { tenantId })}">Accounts</a></nav>
    <div class="title"><h1>Create account</h1></div>
    ${errorSummary({ errors, labels, title: 'The account was not created' }, otherOfThatName(shown))}
    <form method="post" action="${pathOf('/accounts/new', { tenantId })}" class="panel stack form" novalidate>
      ${hidden('formToken', visit.signedIn.formToken)}
      <fieldset>
        <legend>The account</legend>
        ${textField(name, shown)} ${textField(accountNumber, shown)} ${choice(owner, shown)}
      </fieldset>
      <fieldset>
        <legend>Ship-from address</legend>
        <p class="hint">UPS is asked for a rate from here, to see that the login holds the account.</p>
        ${addressFields.map((field) => textField(field, shown))} ${countryField(shown)}
      </fieldset>
      <fieldset>
        <legend>For your system</legend>
        ${textField(externalId, shown)} ${choice(policy, shown)}
      </fieldset>
      <div class="buttons">
        <button type="submit" class="primary">Create account</button>
        <a class="button quiet" href="${pathOf('/', { tenantId })}">Cancel</a>
      </div>
    </form>
  `;
}

const otherOfThatName = ({ taken, visit }: CreateShown): Html =>
  taken === null
    ? html``
    : html`<p>
        <a href="${pathOf(`/accounts/${taken}`, { tenantId: tenantIn(visit) })}">Open the account of that name</a>
      </p>`;
