import { hasPostalCodes, needsStateAndPostalCode } from '../addresses/countries';
import type { ProbeAddress } from './types';

/** Where UPS sells Ground (03). Puerto Rico is one: Standard (11) is not offered from there. Everywhere else Standard is the domestic one. */
const GROUND = new Set(['US', 'PR']);

/**
 * The smallest rate request that tells whose account it is: one 1-unit package from the account's address to itself, negotiated rates
 * asked for. Required fields as Rating.yaml (v2409) has them; City, StateProvinceCode and PostalCode because negotiated rates need them.
 * No PaymentDetails: a payer is one more thing UPS could refuse, and the refusal would say nothing of the profile.
 */
export function makeRateRequest(accountNumber: string, from: ProbeAddress) {
  const address = makeAddress(from);
  const isGround = GROUND.has(address.CountryCode);
  return {
    RateRequest: {
      Request: { RequestOption: 'Rate', SubVersion: '2409' },
      Shipment: {
        Shipper: { ShipperNumber: accountNumber, Address: address },
        ShipTo: { Address: address },
        ShipFrom: { Address: address },
        Service: isGround ? { Code: '03', Description: 'Ground' } : { Code: '11', Description: 'Standard' },
        NumOfPieces: '1',
        Package: [
          {
            PackagingType: { Code: '02', Description: 'Package' },
            PackageWeight: {
              UnitOfMeasurement: isGround
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
