/** The states and provinces that UPS wants: codes, names, and a hint for what people write instead. */

import { iso31662 } from 'iso-3166/2.js';
import { needsStateAndPostalCode } from './countries';
import { tidy, type Read } from './read';

export interface State {
  code: string;
  name: string;
}

/**
 * ISO 3166-2 lists the territories of the US as states, ISO 3166-1 as countries. UPS takes them as countries: Rating.yaml
 * names Puerto Rico beside the US.
 */
const TERRITORIES = ['AS', 'GU', 'MP', 'PR', 'UM', 'VI'];

/** USPS Publication 28, Appendix B. ISO 3166-2 has none of them. */
const ARMED_FORCES: State[] = [
  { code: 'AA', name: 'Armed Forces Americas' },
  { code: 'AE', name: 'Armed Forces Europe' },
  { code: 'AP', name: 'Armed Forces Pacific' },
];

const subdivisionsOf = (country: string): State[] =>
  iso31662
    .filter(({ parent }) => parent === country)
    .map(({ code, name }) => ({ code: code.slice(country.length + 1), name }));

const ofUnitedStates = subdivisionsOf('US');
const territories = ofUnitedStates.filter(({ code }) => TERRITORIES.includes(code));

const states: Record<string, State[]> = {
  US: [...ofUnitedStates.filter(({ code }) => !TERRITORIES.includes(code)), ...ARMED_FORCES],
  CA: subdivisionsOf('CA'),
  PR: territories.filter(({ code }) => code === 'PR'),
};

/** By country, in order of code; none where UPS asks for none. */
export const statesOf = (country: string): readonly State[] => states[country] ?? [];

/** What is left of a name whatever its case, marks, spaces and dots. */
const bare = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/[^A-Za-z]/g, '')
    .toLowerCase();

/** By its code, its ISO code such as US-MD, or its name. */
const find = (among: readonly State[], country: string, text: string): State | undefined =>
  among.find(({ code, name }) => [code, country + code, name].some((one) => bare(one) === bare(text)));

function hint(country: string, text: string): string {
  const meant = find(statesOf(country), country, text);
  if (meant) return `for ${meant.name} use ${meant.code}`;
  const territory = country === 'US' ? find(territories, 'US', text) : undefined;
  if (territory) {
    const also = territory.code === 'PR' ? ', and PR as the state too' : '';
    return `${territory.name} is a country of its own at UPS, use ${territory.code} as the country${also}`;
  }
  const elsewhere = Object.keys(states).find((other) => other !== country && find(statesOf(other), other, text));
  if (elsewhere !== undefined) return `this one belongs to the country ${elsewhere}`;
  return `use its code of two letters, such as ${statesOf(country)[0]?.code}`;
}

/** In other countries UPS is sent no state: any code of up to 5 letters and digits is kept. */
export function readState(country: string, given: string): Read {
  const text = tidy(given);
  if (!needsStateAndPostalCode(country))
    return /^[A-Z0-9]{1,5}$/.test(text) ? { value: text } : { fault: 'has up to 5 letters and digits' };
  if (statesOf(country).some(({ code }) => code === text)) return { value: text };
  return { fault: `is not a state or province of ${country}: ${hint(country, text)}` };
}
