import { isCountry } from '../../api/countries';
import type { Fields } from '../forms';
import { flag, hidden, html, nothing, pathOf, when, type Html } from '../html';
import { tenantIn, type TenantVisit } from '../visitor';
import { ownerWords, policyWords } from '../words';

/** By the field's name, what is wrong: `has 6 letters and digits`. */
export type FieldErrors = Readonly<Record<string, string>>;

interface CreateShown {
  visit: TenantVisit;
  fields: Fields;
  errors: FieldErrors;
  /** The account that has the name already. */
  taken: string | null;
}

interface Field {
  name: string;
  label: string;
  hint?: string;
  isOptional?: boolean;
  maxLength?: number;
  autocomplete?: string;
  isCode?: boolean;
}

const identity: Field[] = [
  { name: 'name', label: 'Account name', hint: 'For your own use, unique, and never changed later.', maxLength: 100 },
  {
    name: 'accountNumber',
    label: 'UPS account number',
    hint: 'Six letters and digits, as on a UPS invoice.',
    maxLength: 6,
    isCode: true,
  },
];

const address: Field[] = [
  { name: 'address.addressLine', label: 'Street and number', maxLength: 100, autocomplete: 'street-address' },
  { name: 'address.city', label: 'City', maxLength: 50, autocomplete: 'address-level2' },
  {
    name: 'address.stateProvinceCode',
    label: 'State or province',
    hint: 'Its code, such as MD. Needed in the US, Canada and Puerto Rico.',
    isOptional: true,
    maxLength: 5,
    autocomplete: 'address-level1',
    isCode: true,
  },
  {
    name: 'address.postalCode',
    label: 'Postal code',
    hint: 'Needed in the US, Canada and Puerto Rico.',
    isOptional: true,
    maxLength: 16,
    autocomplete: 'postal-code',
  },
];

const externalId: Field = {
  name: 'externalId',
  label: 'Your own id',
  hint: 'What your system calls this account.',
  isOptional: true,
  maxLength: 200,
};

const labels: Record<string, string> = {
  ...Object.fromEntries([...identity, ...address, externalId].map(({ name, label }) => [name, label])),
  'address.countryCode': 'Country',
  owner: 'Who pays',
  refreshPolicy: 'Refresh policy',
};

export function createView(shown: CreateShown): Html {
  const { visit } = shown;
  const tenantId = tenantIn(visit);
  return html`
    <nav class="crumbs" aria-label="Breadcrumb"><a href="${pathOf('/', { tenantId })}">Accounts</a></nav>
    <div class="title"><h1>Create account</h1></div>
    ${errorSummary(shown)}
    <form method="post" action="${pathOf('/accounts/new', { tenantId })}" class="panel stack form" novalidate>
      ${hidden('formToken', visit.signedIn.formToken)}
      <fieldset>
        <legend>The account</legend>
        ${identity.map((field) => textField(field, shown))} ${choice('owner', ownerWords, 'shipper', shown)}
      </fieldset>
      <fieldset>
        <legend>Ship-from address</legend>
        <p class="hint">UPS is asked for a rate from here, to see that the login holds the account.</p>
        ${address.map((field) => textField(field, shown))} ${countryField(shown)}
      </fieldset>
      <fieldset>
        <legend>For your system</legend>
        ${textField(externalId, shown)}
        ${choice('refreshPolicy', { '': "The tenant's own", ...policyWords }, '', shown)}
      </fieldset>
      <div class="buttons">
        <button type="submit" class="primary">Create account</button>
        <a class="button quiet" href="${pathOf('/', { tenantId })}">Cancel</a>
      </div>
    </form>
  `;
}

/** A whole sentence as it is; `has 6 letters and digits` is said of its field. */
const sentenceOf = (name: string, error: string): string =>
  /^[A-Z]/.test(error) ? error : `${labels[name] ?? name} ${error}.`;

const idOf = (name: string): string => `field-${name.replaceAll('.', '-')}`;

function errorSummary({ errors, taken, visit }: CreateShown): Html {
  const names = Object.keys(errors);
  if (names.length === 0) return nothing;
  return html`<div class="message bad" role="alert" tabindex="-1" data-focus>
    <div>
      <h2>The account was not created</h2>
      <ul>
        ${names.map(
          (name) =>
            html`<li>
              ${
                name in labels
                  ? html`<a href="#${idOf(name)}">${sentenceOf(name, errors[name] ?? '')}</a>`
                  : sentenceOf(name, errors[name] ?? '')
              }
            </li>`,
        )}
      </ul>
      ${
        taken === null
          ? ''
          : html`<p>
              <a href="${pathOf(`/accounts/${taken}`, { tenantId: tenantIn(visit) })}">Open the account of that name</a>
            </p>`
      }
    </div>
  </div>`;
}

function describedBy(name: string, hint: string | undefined, error: string | undefined): Html {
  const ids = [hint === undefined ? '' : `${idOf(name)}-hint`, error === undefined ? '' : `${idOf(name)}-error`];
  const described = ids.filter((id) => id !== '').join(' ');
  const invalid = error === undefined ? nothing : html`aria-invalid="true"`;
  return described === '' ? nothing : html`aria-describedby="${described}" ${invalid}`;
}

const errorLine = (name: string, error: string | undefined): Html =>
  error === undefined ? nothing : html`<p class="field-error" id="${idOf(name)}-error">${sentenceOf(name, error)}</p>`;

const hintLine = (name: string, hint: string | undefined): Html =>
  hint === undefined ? nothing : html`<p class="hint" id="${idOf(name)}-hint">${hint}</p>`;

function textField(field: Field, { fields, errors }: CreateShown): Html {
  const { name, label, hint, isOptional = false, maxLength = 100, autocomplete = 'off', isCode = false } = field;
  const error = errors[name];
  return html`<div class="field">
    <label for="${idOf(name)}">${label}${when(isOptional, () => html` <span class="optional">optional</span>`)}</label>
    <input
      id="${idOf(name)}"
      name="${name}"
      value="${fields[name] ?? ''}"
      maxlength="${maxLength}"
      autocomplete="${autocomplete}"
      class="${isCode ? 'code' : ''}"
      ${flag('required', !isOptional)}
      ${describedBy(name, hint, error)}
    />
    ${hintLine(name, hint)} ${errorLine(name, error)}
  </div>`;
}

function choice(name: string, words: Record<string, string>, otherwise: string, { fields, errors }: CreateShown): Html {
  const chosen = fields[name] ?? otherwise;
  return html`<div class="field">
    <label for="${idOf(name)}">${labels[name] ?? name}</label>
    <select id="${idOf(name)}" name="${name}" ${describedBy(name, undefined, errors[name])}>
      ${Object.entries(words).map(
        ([value, text]) => html`<option value="${value}" ${flag('selected', value === chosen)}>${text}</option>`,
      )}
    </select>
    ${errorLine(name, errors[name])}
  </div>`;
}

const regionNames = new Intl.DisplayNames('en', { type: 'region' });
const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/** By name, as people look for them. */
const countries = LETTERS.flatMap((first) => LETTERS.map((second) => first + second))
  .filter(isCountry)
  .map((code) => ({ code, name: regionNames.of(code) ?? code }))
  .sort((a, b) => a.name.localeCompare(b.name, 'en'));

function countryField({ fields, errors }: CreateShown): Html {
  const name = 'address.countryCode';
  const chosen = fields[name] ?? 'US';
  return html`<div class="field">
    <label for="${idOf(name)}">Country</label>
    <select id="${idOf(name)}" name="${name}" autocomplete="country" ${describedBy(name, undefined, errors[name])}>
      ${countries.map(
        (country) =>
          html`<option value="${country.code}" ${flag('selected', country.code === chosen)}>${country.name}</option>`,
      )}
    </select>
    ${errorLine(name, errors[name])}
  </div>`;
}
