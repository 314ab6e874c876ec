/** Postal codes by country: the form, the form that is kept, and a hint for the usual ways in which one is spoilt. */

import { tidy, type Read } from './read';

const ZIP = /^\d{5}(-\d{4})?$/;
/** The territories of the US have ZIP codes too. */
const WITH_ZIP = new Set(['US', 'PR', 'AS', 'GU', 'MP', 'VI']);
/** 008 is the Virgin Islands. */
const ZIP_OF_PUERTO_RICO = /^00[679]/;
const ZIP_FORM = 'has 5 digits, or 5 and 4 with a hyphen, such as 02109 or 02109-1234';

/** Canada Post: D, F, I, O, Q and U are never used, W and Z not as the first letter. */
const CANADIAN = /^([ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z]) ?(\d[ABCEGHJ-NPRSTV-Z]\d)$/;
const CANADIAN_FORM = 'has the form A1A 1A1 without the letters D, F, I, O, Q and U, and does not begin with W or Z';

const OTHER = /^[A-Z0-9][A-Z0-9 -]{0,15}$/;

/** What became of a code, and the code it may have been. */
const spoilt: [RegExp, (...parts: string[]) => string, string][] = [
  [/^(\d{3,4})$/, (digits) => digits.padStart(5, '0'), 'a spreadsheet may have dropped its leading zero'],
  [
    /^(\d{3,4})-(\d{4})$/,
    (digits, more) => `${digits.padStart(5, '0')}-${more}`,
    'a spreadsheet may have dropped its leading zero',
  ],
  [
    /^(\d{3,4})(\d{4})$/,
    (digits, more) => `${digits.padStart(5, '0')}-${more}`,
    'a spreadsheet may have dropped its leading zero, and the hyphen is missing',
  ],
  [/^(\d{5}) ?(\d{4})$/, (digits, more) => `${digits}-${more}`, 'the hyphen is missing'],
  [
    /^(\d{5}) ?[-\u2010-\u2015\u2212] ?(\d{4})$/,
    (digits, more) => `${digits}-${more}`,
    'the hyphen is not a plain one',
  ],
  [/^(\d{3,5})[.,]0*$/, (digits) => digits.padStart(5, '0'), 'a spreadsheet may have made a number of it'],
];

function zipFault(text: string, country: string): string | null {
  if (!ZIP.test(text)) return ZIP_FORM;
  if (text.startsWith('00000')) return 'must be a ZIP code that exists: 00000 does not';
  if (country === 'PR' && !ZIP_OF_PUERTO_RICO.test(text)) return 'must begin with 006, 007 or 009 in Puerto Rico';
  return null;
}

function zipHint(text: string, country: string): string {
  if (CANADIAN.test(text)) return ': this one is Canadian, check the country';
  for (const [pattern, mend, why] of spoilt) {
    const [, ...parts] = pattern.exec(text) ?? [];
    if (parts.length === 0) continue;
    const meant = mend(...parts);
    if (zipFault(meant, country) === null) return `: ${why}, write ${meant}`;
  }
  return '';
}

function readZip(text: string, country: string): Read {
  const fault = zipFault(text, country);
  if (fault === null) return { value: text };
  return { fault: fault === ZIP_FORM ? `${fault}${zipHint(text, country)}` : fault };
}

const digit = (letter: string): string => letter.replace('O', '0').replace('I', '1');

function canadianHint(text: string): string {
  if (ZIP.test(text)) return ': this one is a ZIP code, check the country';
  const marks = [...text.replace(/[^A-Z0-9]/g, '')].map((mark, at) => (at % 2 === 1 ? digit(mark) : mark));
  const [, first, second] = CANADIAN.exec(marks.join('')) ?? [];
  return first === undefined ? '' : `: write ${first} ${second}`;
}

function readCanadian(text: string): Read {
  const [, first, second] = CANADIAN.exec(text) ?? [];
  if (first === undefined) return { fault: `${CANADIAN_FORM}${canadianHint(text)}` };
  return { value: `${first} ${second}` };
}

/** Elsewhere the form is not checked: there is no kept source of forms to rely on, and a wrong one would lock people out. */
export function readPostalCode(country: string, given: string): Read {
  const text = tidy(given);
  if (WITH_ZIP.has(country)) return readZip(text, country);
  if (country === 'CA') return readCanadian(text);
  return OTHER.test(text) ? { value: text } : { fault: 'has up to 16 letters, digits, spaces and hyphens' };
}
