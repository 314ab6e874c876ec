import { parcelsOf, type Parcel, type RateOption, type RateRequest } from './request';

/** How the answer looks depends on the version asked for: before v2403 a list of one comes as the one. */
export interface Style {
  /** Alert and RatedPackage are always lists. */
  readonly lists: boolean;
  /** RatedShipment is always a list. */
  readonly shipmentLists: boolean;
  readonly alertAsObject: boolean;
  /** YYYYMMDD, the day of pickup where the request names none. */
  readonly today: string;
}

export interface Rating {
  readonly negotiated: boolean;
  readonly alerts: readonly Alert[];
}

export interface Alert {
  readonly Code: string;
  readonly Description: string;
}

export const referenceRates: Alert = {
  Code: '110971',
  Description: 'Your invoice may vary from the displayed reference rates',
};

export const notQualified: Alert = {
  Code: '120900',
  Description: 'User Id and Shipper Number combination is not qualified to receive negotiated rates.',
};

export function rateResponse(request: RateRequest, option: RateOption, rating: Rating, style: Style): unknown {
  const context = request.Request.TransactionReference?.CustomerContext;
  const shipments = servicesFor(request, option).map((service) =>
    ratedShipment(request, option, rating, style, service),
  );
  const [alert] = rating.alerts;
  const alertsAsList = !style.alertAsObject && style.lists;
  return {
    RateResponse: {
      Response: {
        ResponseStatus: { Code: '1', Description: 'Success' },
        ...(alert && { Alert: alertsAsList || rating.alerts.length > 1 ? rating.alerts : alert }),
        ...(context !== undefined && { TransactionReference: { CustomerContext: context } }),
      },
      RatedShipment: oneOrAll(shipments, style.shipmentLists),
    },
  };
}

const names: Readonly<Record<string, string>> = {
  '01': 'Next Day Air',
  '02': '2nd Day Air',
  '03': 'Ground',
  '07': 'Worldwide Express',
  '08': 'Worldwide Expedited',
  '11': 'Standard',
  '12': '3 Day Select',
  '13': 'Next Day Air Saver',
  '65': 'Saver',
};
const domestic = ['03', '12', '02', '13', '01'];
const international = ['11', '08', '65', '07'];

function servicesFor(request: RateRequest, { shop }: RateOption): readonly string[] {
  const { Shipment: shipment } = request;
  if (!shop) return [shipment.Service?.Code ?? '03'];
  const from = countryOf(request);
  return from === 'US' && shipment.ShipTo.Address.CountryCode === 'US' ? domestic : international;
}

function ratedShipment(
  request: RateRequest,
  option: RateOption,
  rating: Rating,
  style: Style,
  service: string,
): object {
  const parcels = parcelsOf(request);
  const money = moneyOf(countryOf(request));
  const charges = parcels.map((parcel) => chargeFor(service, parcel));
  const total = charges.reduce((sum, cents) => sum + cents, 0);
  const description = names[service];
  return {
    Service: { Code: service, ...(description !== undefined && { Description: description }) },
    RatedShipmentAlert: oneOrAll([referenceRates], style.lists),
    BillingWeight: weight(unitOf(parcels), Math.max(0.1, sum(parcels.map(weightOf)))),
    TransportationCharges: money(total),
    ServiceOptionsCharges: money(0),
    TotalCharges: money(total),
    ...(rating.negotiated && { NegotiatedRateCharges: { TotalCharge: money(Math.round(total * 0.8)) } }),
    RatedPackage: oneOrAll(
      parcels.map((parcel, at) => ratedPackage(parcel, money(charges[at] ?? 0), money(0))),
      style.lists,
    ),
    ...(option.timeInTransit && { TimeInTransit: timeInTransit(request, service, style.today) }),
  };
}

function ratedPackage(parcel: Parcel, charge: object, nothing: object): object {
  const weighs = weightOf(parcel);
  return {
    TransportationCharges: charge,
    ServiceOptionsCharges: nothing,
    TotalCharges: charge,
    Weight: weighs.toFixed(1),
    BillingWeight: weight(unitOf([parcel]), weighs),
    // The file has two characters here, so that S, M and L cannot be said back.
    ...(parcel.SimpleRate?.Code.length === 2 && { SimpleRate: { Code: parcel.SimpleRate.Code } }),
  };
}

function timeInTransit({ Shipment: shipment }: RateRequest, service: string, today: string): object {
  const { PackageBillType, Pickup } = shipment.DeliveryTimeInformation ?? { PackageBillType: '03' };
  const date = Pickup?.Date ?? today;
  return {
    PickupDate: date,
    PackageBillType,
    ServiceSummary: {
      Service: { Description: names[service] ?? 'UPS' },
      EstimatedArrival: {
        Arrival: { Date: date, Time: '233000' },
        BusinessDaysInTransit: '1',
        Pickup: { Date: date, Time: Pickup?.Time ?? '1600' },
        DayOfWeek: 'MON',
        TotalTransitDays: '1',
      },
    },
  };
}

/** Cents: made up, the same for the same shipment, more for more weight. */
const chargeFor = (service: string, parcel: Parcel): number =>
  899 + (Number.parseInt(service, 10) || 0) * 37 + Math.round(weightOf(parcel) * 55);

function weightOf({ PackageWeight: given }: Parcel): number {
  const weighs = Number(given?.Weight ?? '1');
  return Number.isFinite(weighs) && weighs > 0 ? weighs : 1;
}

const unitOf = (parcels: readonly Parcel[]): string =>
  parcels[0]?.PackageWeight?.UnitOfMeasurement.Code.startsWith('K') ? 'KGS' : 'LBS';

// The file has five characters for a weight.
const weight = (unit: string, weighs: number): object => ({
  UnitOfMeasurement: { Code: unit, Description: unit === 'KGS' ? 'Kilograms' : 'Pounds' },
  Weight: weighs < 999 ? weighs.toFixed(1) : `${Math.min(99_999, Math.ceil(weighs))}`,
});

const countryOf = ({ Shipment: { Shipper: shipper, ShipFrom: from } }: RateRequest): string =>
  (from ? (from.Address.CountryCode ?? 'US') : (shipper.Address.CountryCode ?? 'US')).toUpperCase();

const currencies: Readonly<Record<string, string>> = {
  US: 'USD',
  PR: 'USD',
  CA: 'CAD',
  GB: 'GBP',
  DE: 'EUR',
  FR: 'EUR',
};

const moneyOf = (country: string) => (cents: number) => ({
  CurrencyCode: currencies[country] ?? 'USD',
  MonetaryValue: (cents / 100).toFixed(2),
});

const oneOrAll = (items: readonly object[], always: boolean): unknown =>
  always || items.length !== 1 ? items : items[0];

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
