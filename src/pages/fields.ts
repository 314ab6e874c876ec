/** A form's fields, the same on every page: label, hint, what was typed, and what is wrong with it. */

import { isCountry } from '../addresses/countries';
import { statesOf } from '../addresses/states';
import type { Fields } from './forms';
import { flag, html, nothing, when, type Html } from '../web/html';

/** By the field's name, what is wrong: `has 6 letters and digits`. */
export type FieldErrors = Readonly<Record<string, string>>;

export interface Field {
  name: string;
  label: string;
  hint?: string;
  isOptional?: boolean;
  maxLength?: number;
  autocomplete?: string;
  isCode?: boolean;
  /** Offered while somebody types; anything else may be typed too. */
  offered?: readonly { value: string; words: string }[];
  type?: 'text' | 'date' | 'number';
  min?: string;
  max?: string;
  step?: string;
}

/** What is in the form now. */
export interface Filled {
  fields: Fields;
  errors: FieldErrors;
}

export const accountNumber: Field = {
  name: 'accountNumber',
  label: 'UPS account number',
  hint: 'Six letters and digits, as on a UPS invoice.',
  maxLength: 6,
  isCode: true,
};

const states = ['US', 'CA', 'PR'].flatMap((country) =>
  statesOf(country).map(({ code, name }) => ({ value: code, words: `${name}, ${country}` })),
);

export const addressFields: Field[] = [
  { name: 'address.addressLine', label: 'Street and number', maxLength: 100, autocomplete: 'street-address' },
  { name: 'address.city', label: 'City', maxLength: 50, autocomplete: 'address-level2' },
  {
    name: 'address.stateProvinceCode',
    label: 'State or province',
    hint: 'Its code, such as MD. Needed in the US, Canada and Puerto Rico.',
    isOptional: true,
    // Room for a name, which is answered with its code.
    maxLength: 50,
    autocomplete: 'address-level1',
    isCode: true,
    offered: states,
  },
  {
    name: 'address.postalCode',
    label: 'Postal code',
    hint: 'Such as 21093, or K1A 0B1 in Canada. Needed in the US, Canada and Puerto Rico.',
    isOptional: true,
    maxLength: 16,
    autocomplete: 'postal-code',
  },
];

export const externalId: Field = {
  name: 'externalId',
  label: 'Your own id',
  hint: 'What your system calls this account.',
  isOptional: true,
  maxLength: 200,
};

export const countryName = 'address.countryCode';

/** A whole sentence as it is; `has 6 letters and digits` is said of its field. */
const sentenceOf = (label: string, error: string): string => (/^[A-Z]/.test(error) ? error : `${label} ${error}.`);

const idOf = (name: string): string => `field-${name.replaceAll('.', '-')}`;

/** What is wrong, each with the way to its field; focused when the page opens. `more` stands below. */
export function errorSummary(
  { errors, labels, title }: { errors: FieldErrors; labels: Readonly<Record<string, string>>; title: string },
  more: Html = nothing,
): Html {
  const names = Object.keys(errors);
  if (names.length === 0) return nothing;
  return html`<div class="message bad" role="alert" tabindex="-1" data-focus>
    <div>
      <h2>${title}</h2>
      <ul>
        ${names.map((name) => {
          const sentence = sentenceOf(labels[name] ?? name, errors[name] ?? '');
          return html`<li>${name in labels ? html`<a href="#${idOf(name)}">${sentence}</a>` : sentence}</li>`;
        })}
      </ul>
      ${more}
    </div>
  </div>`;
}

function describedBy(name: string, hint: string | undefined, error: string | undefined): Html {
  const ids = [hint === undefined ? '' : `${idOf(name)}-hint`, error === undefined ? '' : `${idOf(name)}-error`];
  const described = ids.filter((id) => id !== '').join(' ');
  const invalid = error === undefined ? nothing : html`aria-invalid="true"`;
  return described === '' ? nothing : html`aria-describedby="${described}" ${invalid}`;
}

const errorLine = (name: string, label: string, error: string | undefined): Html =>
  error === undefined ? nothing : html`<p class="field-error" id="${idOf(name)}-error">${sentenceOf(label, error)}</p>`;

const hintLine = (name: string, hint: string | undefined): Html =>
  hint === undefined ? nothing : html`<p class="hint" id="${idOf(name)}-hint">${hint}</p>`;

const bound = (name: 'min' | 'max' | 'step', value: string | undefined): Html =>
  value === undefined ? nothing : html`${{ markup: ` ${name}` }}="${value}"`;

const listId = (name: string): string => `${idOf(name)}-offered`;

const offeredFor = ({ name, offered }: Field): Html =>
  offered === undefined
    ? nothing
    : html`<datalist id="${listId(name)}">
        ${offered.map(({ value, words }) => html`<option value="${value}">${words}</option>`)}
      </datalist>`;

export function textField(field: Field, { fields, errors }: Filled): Html {
  const { name, label, hint, isOptional = false, maxLength = 100, autocomplete = 'off', isCode = false } = field;
  const error = errors[name];
  return html`<div class="field">
    <label for="${idOf(name)}">${label}${when(isOptional, () => html` <span class="optional">optional</span>`)}</label>
    <input
      id="${idOf(name)}"
      name="${name}"
      type="${field.type ?? 'text'}"
      value="${fields[name] ?? ''}"
      maxlength="${maxLength}"
      autocomplete="${autocomplete}"
      class="${isCode ? 'code' : ''}"
      ${bound('min', field.min)}
      ${bound('max', field.max)}
      ${bound('step', field.step)}
      ${flag('required', !isOptional)}
      ${when(field.offered !== undefined, () => html`list="${listId(name)}"`)}
      ${describedBy(name, hint, error)}
    />
    ${offeredFor(field)} ${hintLine(name, hint)} ${errorLine(name, label, error)}
  </div>`;
}

export function choice(
  { name, label, words, otherwise }: { name: string; label: string; words: Record<string, string>; otherwise: string },
  { fields, errors }: Filled,
): Html {
  const chosen = fields[name] ?? otherwise;
  return html`<div class="field">
    <label for="${idOf(name)}">${label}</label>
    <select id="${idOf(name)}" name="${name}" ${describedBy(name, undefined, errors[name])}>
      ${Object.entries(words).map(
        ([value, text]) => html`<option value="${value}" ${flag('selected', value === chosen)}>${text}</option>`,
      )}
    </select>
    ${errorLine(name, label, errors[name])}
  </div>`;
}

const regionNames = new Intl.DisplayNames('en', { type: 'region' });
const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/** By name, as people look for them. */
const countries = LETTERS.flatMap((first) => LETTERS.map((second) => first + second))
  .filter(isCountry)
  .map((code) => ({ code, name: regionNames.of(code) ?? code }))
  .sort((a, b) => a.name.localeCompare(b.name, 'en'));

export function countryField({ fields, errors }: Filled): Html {
  const name = countryName;
  const chosen = fields[name] ?? 'US';
  return html`<div class="field">
    <label for="${idOf(name)}">Country</label>
    <select id="${idOf(name)}" name="${name}" autocomplete="country" ${describedBy(name, undefined, errors[name])}>
      ${countries.map(
        (country) =>
          html`<option value="${country.code}" ${flag('selected', country.code === chosen)}>${country.name}</option>`,
      )}
    </select>
    ${errorLine(name, 'Country', errors[name])}
  </div>`;
}

/** The filter of a list of accounts by what a name or a number begins with. */
export const searchField = (text: string | undefined): Html =>
  html`<div class="field grow">
    <label for="text">Name or number</label>
    <input id="text" name="text" type="search" value="${text ?? ''}" maxlength="100" placeholder="Begins with …" />
  </div>`;
