/** What is known of countries, for the API, the pages, the requests to UPS and the sandbox alike. */

import { iso31661 } from 'iso-3166/1.js';

/** The two-letter codes in use. `Intl` knows no list of its own and takes withdrawn and invented ones. */
const known = new Set(iso31661.map(({ alpha2 }) => alpha2));

export const isCountry = (code: string): boolean => known.has(code);

const WITH_STATES = new Set(['US', 'CA', 'PR']);

/** Where UPS wants a state and a postal code with every address. */
export const needsStateAndPostalCode = (country: string): boolean => WITH_STATES.has(country);

/** Universal Postal Union. */
const WITHOUT_POSTAL_CODES = new Set(
  (
    'AE AG AO AW BF BI BJ BO BS BW BZ CD CF CG CI CK CM DJ DM ER FJ GA GD GM GQ GY HK JM KI KM KN KP LC ML MO MR MW NR NU QA RW SB SC ' +
    'SL SR ST SY TD TF TG TK TL TO TV UG VU YE ZW'
  ).split(' '),
);

export const hasPostalCodes = (country: string): boolean => !WITHOUT_POSTAL_CODES.has(country);
