import { needsStateAndPostalCode } from '../../addresses/countries';
import { invalidRating } from '../answer';
import { findFault } from './rules';
import { requestShape } from './request-shape';

interface Address {
  readonly City?: string;
  readonly StateProvinceCode?: string;
  readonly PostalCode?: string;
  readonly CountryCode?: string;
}

export interface Parcel {
  readonly PackageWeight?: { readonly UnitOfMeasurement: { readonly Code: string }; readonly Weight: string };
  readonly SimpleRate?: { readonly Code: string };
}

/** The parts of a well-formed rating request that the sandbox looks at. */
export interface RateRequest {
  readonly Request: {
    readonly SubVersion?: string;
    readonly TransactionReference?: { readonly CustomerContext?: string };
  };
  readonly Shipment: {
    readonly Shipper: { readonly ShipperNumber?: string; readonly Address: Address };
    readonly ShipTo: { readonly Address: Address };
    readonly ShipFrom?: { readonly Address: Address };
    readonly Service?: { readonly Code: string };
    readonly Package: Parcel | readonly Parcel[];
    readonly ShipmentRatingOptions?: {
      readonly NegotiatedRatesIndicator?: string;
      readonly UserLevelDiscountIndicator?: string;
    };
    readonly DeliveryTimeInformation?: {
      readonly PackageBillType: string;
      readonly Pickup?: { readonly Date: string; readonly Time?: string };
    };
  };
}

/** What the path and query ask for. */
export interface RateOption {
  /** The file's RequestOption Shop: every service, not one. */
  readonly shop: boolean;
  readonly timeInTransit: boolean;
}

/** Refuses what UPS's file refuses, naming the place. */
export function readRateRequest(body: unknown, option: RateOption): RateRequest {
  const fault = findFault(requestShape, body, '');
  if (fault !== null) throw invalidRating(fault);
  const request = (body as { RateRequest: RateRequest }).RateRequest;
  const { Shipment: shipment } = request;
  if (!option.shop && !shipment.Service) throw invalidRating('RateRequest.Shipment.Service is missing');
  if (option.timeInTransit && !shipment.DeliveryTimeInformation) {
    throw invalidRating('RateRequest.Shipment.DeliveryTimeInformation is missing');
  }
  if (wantsNegotiatedRates(request)) assertAddresses(request);
  return request;
}

/** An indicator says yes by being there; what is in it is ignored. */
export const wantsNegotiatedRates = ({ Shipment: { ShipmentRatingOptions: options } }: RateRequest): boolean =>
  options?.NegotiatedRatesIndicator !== undefined;

export const parcelsOf = ({ Shipment: { Package: parcels } }: RateRequest): readonly Parcel[] =>
  Array.isArray(parcels) ? (parcels as readonly Parcel[]) : [parcels as Parcel];

function assertAddresses({ Shipment: shipment }: RateRequest): void {
  const parties = { Shipper: shipment.Shipper, ShipTo: shipment.ShipTo, ShipFrom: shipment.ShipFrom };
  for (const [party, at] of Object.entries(parties)) {
    if (!at) continue;
    const missing = missingFrom(at.Address);
    if (missing) throw invalidRating(`RateRequest.Shipment.${party}.Address.${missing} is missing`);
  }
}

function missingFrom({ City, StateProvinceCode, PostalCode, CountryCode = 'US' }: Address): string | null {
  if (!City?.trim()) return 'City';
  if (!needsStateAndPostalCode(CountryCode.toUpperCase())) return null;
  if (!StateProvinceCode?.trim()) return 'StateProvinceCode';
  return PostalCode?.trim() ? null : 'PostalCode';
}
