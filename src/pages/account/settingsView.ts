import type { AccountJson } from '../../api/schemas/answers';
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
import { hidden, html, pathOf, when, type Html } from '../../web/html';
import { tenantIn, type TenantVisit } from '../visitor';
import { ownerWords, policyWords } from '../words';

interface SettingsShown extends Filled {
  visit: TenantVisit;
  account: AccountJson;
  /** Somebody else was quicker. */
  isStale: boolean;
}

const owner = { name: 'owner', label: 'Who pays', words: ownerWords, otherwise: 'shipper' };
const policy = { name: 'refreshPolicy', label: 'Refresh policy', words: policyWords, otherwise: 'eager' };
const ref: Field = { name: 'ref', label: 'Its id', hint: 'As your system calls it.', maxLength: 200 };
const kind = { name: 'kind', label: 'Kind', words: { store: 'Store', warehouse: 'Warehouse' }, otherwise: 'store' };

const labels: Record<string, string> = {
  ...Object.fromEntries(
    [accountNumber, ...addressFields, externalId, owner, policy, ref].map((field) => [field.name, field.label]),
  ),
  [countryName]: 'Country',
};

export function settingsView(shown: SettingsShown): Html {
  const { visit, account, errors, isStale } = shown;
  const tenantId = tenantIn(visit);
  const home = pathOf(`/accounts/${account.id}`, { tenantId });
  return html`
    <nav class="crumbs" aria-label="Breadcrumb">
      <a href="${pathOf('/', { tenantId })}">Accounts</a> <a href="${home}">${account.name}</a>
    </nav>
    <div class="title">
      <h1>Settings of <span class="name">${account.name}</span></h1>
    </div>
    ${errorSummary({ errors, labels, title: 'Nothing was changed' })} ${when(isStale, () => stale(shown, home))}
    <form
      method="post"
      action="${pathOf(`/accounts/${account.id}/settings`, { tenantId })}"
      class="panel stack form"
      novalidate
    >
      ${hidden('formToken', visit.signedIn.formToken)} ${hidden('settingsSeq', String(account.settingsSeq))}
      <fieldset>
        <legend>The account</legend>
        <dl>
          <dt>Account name</dt>
          <dd>
            <span class="name">${account.name}</span>
            <span class="hint">Never changes: your system may know the account by it.</span>
          </dd>
        </dl>
        ${textField(accountNumber, shown)} ${choice(owner, shown)}
      </fieldset>
      <fieldset>
        <legend>Ship-from address</legend>
        <p class="hint">A changed number or address of a connected account is checked with UPS at once.</p>
        ${addressFields.map((field) => textField(field, shown))} ${countryField(shown)}
      </fieldset>
      <fieldset>
        <legend>For your system</legend>
        ${textField(externalId, shown)} ${choice(policy, shown)}
      </fieldset>
      <div class="buttons">
        <button type="submit" class="primary">Save</button>
        <a class="button quiet" href="${home}">Cancel</a>
      </div>
    </form>
    ${uses(shown)}
  `;
}

/** All that saving would write over. */
function theirs({ accountNumber: number, owner: payer, address, externalId: id, refreshPolicy }: AccountJson): Html[] {
  const given: Record<string, string | null> = { ...address };
  const item = (label: string, value: string | null | undefined) => html`<li>${label}: ${value ?? 'none'}</li>`;
  return [
    item(accountNumber.label, number),
    item(owner.label, ownerWords[payer]),
    ...addressFields.map(({ name, label }) => item(label, given[name.replace('address.', '')])),
    item('Country', address.countryCode),
    item(externalId.label, id),
    item(policy.label, policyWords[refreshPolicy]),
  ];
}

const stale = ({ account }: SettingsShown, home: string): Html =>
  html`<div class="message bad" role="alert" tabindex="-1" data-focus>
    <div>
      <h2>Somebody else changed the settings meanwhile</h2>
      <p>They are now:</p>
      <ul class="plain">
        ${theirs(account)}
      </ul>
      <p>What you typed is kept below: save it over theirs, or <a href="${home}">leave theirs</a>.</p>
    </div>
  </div>`;

function uses(shown: SettingsShown): Html {
  const { visit, account } = shown;
  const action = pathOf(`/accounts/${account.id}/used-by`, { tenantId: tenantIn(visit) });
  const token = hidden('formToken', visit.signedIn.formToken);
  return html`<section class="panel" aria-labelledby="uses-title">
    <h2 id="uses-title">Used by</h2>
    <p class="hint">An account can be deactivated only when no store or warehouse uses it.</p>
    ${
      account.usedBy.length === 0
        ? html`<p>No store or warehouse.</p>`
        : html`<ul class="plain">
            ${account.usedBy.map(
              (use) =>
                html`<li>
                  <form method="post" action="${action}" class="bar">
                    ${token}${hidden('kind', use.kind)}${hidden('ref', use.ref)}${hidden('remove', '1')}
                    <span>${use.kind} ${use.ref}</span>
                    <button type="submit" class="small">
                      Remove<span class="unseen"> ${use.kind} ${use.ref}</span>
                    </button>
                  </form>
                </li>`,
            )}
          </ul>`
    }
    <form method="post" action="${action}" class="stack form" novalidate>
      ${token} ${choice(kind, shown)} ${textField(ref, shown)}
      <button type="submit">Add</button>
    </form>
  </section>`;
}
