import { hasPostalCodes, needsStateAndPostalCode } from '../addresses/countries';
import type { ProbeAddress } from './types';

/** Where UPS rates in pounds. */
const IN_POUNDS = new Set(['US', 'PR']);

const SERVICES = {
  '01': 'Next Day Air',
  '02': '2nd Day Air',
  '03': 'Ground',
  '07': 'Worldwide Express',
  '08': 'Worldwide Expedited',
  '11': 'Standard',
  '13': 'Next Day Air Saver',
  '65': 'Saver',
} as const;
export type ServiceCode = keyof typeof SERVICES;

/**
 * The services that UPS sells inside a country, the most common first (codes of Rating.yaml, Service.Code). Ground (03) exists in the
 * US and Puerto Rico only, and Standard (11) elsewhere; some islands have air services only.
 */
export function servicesOf(countryCode: string): readonly ServiceCode[] {
  const country = countryCode.trim().toUpperCase();
  if (country === 'US' || country === 'PR') return ['03', '02', '01'];
  return country === 'CA' ? ['11', '02', '01', '13'] : ['11', '65', '08', '07'];
}

/**
 * The smallest rate request that tells whose account it is: one 1-unit package from the account's address to itself, negotiated rates
 * asked for. Required fields as Rating.yaml (v2409) has them; City, StateProvinceCode and PostalCode because negotiated rates need them.
 * No PaymentDetails: a payer is one more thing UPS could refuse, and the refusal would say nothing of the profile.
 */
export function makeRateRequest(
  accountNumber: string,
  from: ProbeAddress,
  service: ServiceCode | undefined = servicesOf(from.countryCode)[0],
) {
  const address = makeAddress(from);
  const code = service ?? '11';
  return {
    RateRequest: {
      Request: { RequestOption: 'Rate', SubVersion: '2409' },
      Shipment: {
        Shipper: { ShipperNumber: accountNumber, Address: address },
        ShipTo: { Address: address },
        ShipFrom: { Address: address },
        Service: { Code: code, Description: SERVICES[code] },
        NumOfPieces: '1',
        Package: [
          {
            PackagingType: { Code: '02', Description: 'Package' },
            PackageWeight: {
              UnitOfMeasurement: IN_POUNDS.has(address.CountryCode)
                ? { Code: 'LBS', Description: 'Pounds' }
                : { Code: 'KGS', Description: 'Kilograms' },
              Weight: '1',
            },
          },
        ],
        ShipmentRatingOptions: { NegotiatedRatesIndicator: 'Y' },
      },
    },
  };
}

function makeAddress(from: ProbeAddress) {
  const country = from.countryCode.trim().toUpperCase();
  const state = stateOf(country, from.stateProvinceCode);
  const postalCode = hasPostalCodes(country) ? compactPostalCode(from.postalCode) : '';
  return {
    AddressLine: foldLines(from.addressLine),
    City: from.city.trim().slice(0, 30),
    ...(state === '' ? {} : { StateProvinceCode: state }),
    ...(postalCode === '' ? {} : { PostalCode: postalCode }),
    CountryCode: country,
  };
}

function stateOf(country: string, given: string | null | undefined): string {
  if (!needsStateAndPostalCode(country)) return '';
  const state = (given ?? '').trim().toUpperCase();
  return state === '' && country === 'PR' ? 'PR' : state;
}

/** UPS takes 9 characters: a ZIP+4 with its dash has 10. */
function compactPostalCode(given: string | null | undefined): string {
  const code = (given ?? '').trim().toUpperCase();
  return code.length <= 9 ? code : code.replace(/[\s-]/g, '').slice(0, 9);
}

/** Up to three lines of 35 characters, broken between words where there are any. */
function foldLines(text: string): string[] {
  const lines: string[] = [];
  let rest = text.trim().replace(/\s+/g, ' ');
  while (rest.length > 35 && lines.length < 2) {
    const space = rest.lastIndexOf(' ', 35);
    const end = space > 0 ? space : 35;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest.slice(0, 35)];
}
