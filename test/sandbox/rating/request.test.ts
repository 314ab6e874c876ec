import { Refusal } from '../../../src/sandbox/answer';
import { readRateRequest, type RateOption } from '../../../src/sandbox/rating/request';
import { probe } from '../testSandbox';

const rateOption: RateOption = { shop: false, timeInTransit: false };

/** A deep copy of the probe with one place changed; undefined takes the field away. */
function changed(place: string, value: unknown, from: object = probe()): unknown {
  const copy = JSON.parse(JSON.stringify(from)) as Record<string, unknown>;
  const names = place.split('.');
  const last = names.pop() ?? '';
  let at = copy;
  for (const name of names) at = (at[name] ??= {}) as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

function faultOf(body: unknown, option: RateOption = rateOption): string | null {
  try {
    readRateRequest(body, option);
    return null;
  } catch (error) {
    if (error instanceof Refusal && error.status === 400 && error.code === '10002') return error.message;
    throw error;
  }
}

const shipment = 'RateRequest.Shipment';

test('the probe passes', () => {
  expect(faultOf(probe())).toBeNull();
});

describe('required fields', () => {
  test.each([
    'RateRequest',
    'RateRequest.Request',
    shipment,
    `${shipment}.Shipper`,
    `${shipment}.Shipper.Address`,
    `${shipment}.Shipper.Address.AddressLine`,
    `${shipment}.Shipper.Address.CountryCode`,
    `${shipment}.ShipTo`,
    `${shipment}.ShipTo.Address`,
    `${shipment}.ShipTo.Address.AddressLine`,
    `${shipment}.ShipTo.Address.CountryCode`,
    `${shipment}.ShipFrom.Address`,
    `${shipment}.Service`,
    `${shipment}.Service.Code`,
    `${shipment}.Package`,
    `${shipment}.Package.PackagingType.Code`,
    `${shipment}.Package.PackageWeight.Weight`,
    `${shipment}.Package.PackageWeight.UnitOfMeasurement`,
    `${shipment}.Package.PackageWeight.UnitOfMeasurement.Code`,
    `${shipment}.Package.PackageWeight.UnitOfMeasurement.Description`,
  ])('%s is missed by its name', (place) => {
    expect(faultOf(changed(place, undefined))).toBe(`${place} is missing`);
  });

  test.each([
    'RateRequest.Request.TransactionReference',
    `${shipment}.NumOfPieces`,
    `${shipment}.ShipFrom`,
    `${shipment}.ShipFrom.Address.AddressLine`,
    `${shipment}.ShipFrom.Address.CountryCode`,
    `${shipment}.Service.Description`,
    `${shipment}.Package.PackagingType`,
    `${shipment}.Package.PackageWeight`,
  ])('%s may be left out', (place) => {
    expect(faultOf(changed(place, undefined))).toBeNull();
  });

  test('a service is needed to rate and not to shop', () => {
    const body = changed(`${shipment}.Service`, undefined);
    expect(faultOf(body, { shop: true, timeInTransit: false })).toBeNull();
  });

  test('time in transit needs to know when', () => {
    const option = { shop: false, timeInTransit: true };
    expect(faultOf(probe(), option)).toBe(`${shipment}.DeliveryTimeInformation is missing`);
    expect(faultOf(changed(`${shipment}.DeliveryTimeInformation`, { PackageBillType: '03' }), option)).toBeNull();
  });
});

describe('types', () => {
  test.each([
    ['RateRequest', []],
    [`${shipment}.Shipper`, 'x'],
    [`${shipment}.Shipper.ShipperNumber`, 123456],
    [`${shipment}.Shipper.Address.AddressLine`, '1 Dock St'],
    [`${shipment}.Shipper.Address.PostalCode`, 21093],
    [`${shipment}.ShipTo.Address.City`, null],
    [`${shipment}.ShipTo.Address.AddressLine`, [7]],
    [`${shipment}.NumOfPieces`, 1],
    [`${shipment}.Package`, 'x'],
    [`${shipment}.Package`, []],
    [`${shipment}.Package.PackageWeight.Weight`, 1],
    [`${shipment}.ShipmentRatingOptions`, 'Y'],
    [`${shipment}.ShipmentRatingOptions.NegotiatedRatesIndicator`, true],
    [`${shipment}.PaymentDetails`, { ShipmentCharge: { Type: '01' } }],
  ])('%s must not be %p', (place, value) => {
    expect(faultOf(changed(place, value))).toContain(place);
  });
});

describe('lengths', () => {
  test.each([
    [`${shipment}.Service.Code`, '3'],
    [`${shipment}.Service.Code`, '0003'],
    [`${shipment}.ShipTo.Address.StateProvinceCode`, 'MDX'],
    [`${shipment}.ShipTo.Address.PostalCode`, '2109300000'],
    [`${shipment}.ShipTo.Address.CountryCode`, 'USA'],
    [`${shipment}.Shipper.Address.CountryCode`, 'U'],
    [`${shipment}.Shipper.Address.AddressLine`, ['1', '2', '3', '4']],
    [`${shipment}.Package.PackagingType.Code`, '2'],
    [`${shipment}.Package.PackageWeight.Weight`, '1234567'],
    [`${shipment}.Package.PackageWeight.UnitOfMeasurement.Code`, 'POUNDS'],
    ['RateRequest.Request.SubVersion', '24'],
    ['RateRequest.Request.TransactionReference.CustomerContext', 'x'.repeat(513)],
    ['RateRequest.PickupType', { Code: '01', Description: 'x'.repeat(36) }],
  ])('%s must not be %p', (place, value) => {
    expect(faultOf(changed(place, value))).toContain(place);
  });

  test.each([
    // The file says of these that their length is not validated.
    [`${shipment}.Shipper.Name`, 'x'.repeat(100)],
    [`${shipment}.Shipper.Address.City`, 'x'.repeat(100)],
    [`${shipment}.Shipper.Address.StateProvinceCode`, 'Maryland'],
    [`${shipment}.Shipper.Address.AddressLine`, ['x'.repeat(100)]],
    [`${shipment}.Package.PackageWeight.UnitOfMeasurement.Description`, ''],
    ['RateRequest.PickupType', { Code: '1' }],
    // UPS's own examples need these.
    [`${shipment}.Service.Code`, '072'],
    [`${shipment}.Package.SimpleRate`, { Code: 'S' }],
    ['RateRequest.Request.SubVersion', ''],
    ['RateRequest.Request.SubVersion', '2409'],
    ['RateRequest.Request.RequestOption', 'Rate'],
  ])('%s may be %p', (place, value) => {
    expect(faultOf(changed(place, value))).toBeNull();
  });
});

describe('addresses with negotiated rates', () => {
  const parties = ['Shipper', 'ShipTo', 'ShipFrom'];
  const fields = ['City', 'StateProvinceCode', 'PostalCode'];
  const cases = parties.flatMap((party) => fields.map((field) => [party, field] as const));

  test.each(cases)('%s needs %s in the US', (party, field) => {
    const place = `${shipment}.${party}.Address.${field}`;
    expect(faultOf(changed(place, undefined))).toBe(`${place} is missing`);
  });

  test.each(['CA', 'PR'])('state and postal code are needed in %s too', (country) => {
    const place = `${shipment}.ShipTo.Address`;
    const there = changed(`${place}.CountryCode`, country) as object;
    expect(faultOf(there)).toBeNull();
    expect(faultOf(changed(`${place}.PostalCode`, undefined, there))).toBe(`${place}.PostalCode is missing`);
    expect(faultOf(changed(`${place}.StateProvinceCode`, undefined, there))).toBe(
      `${place}.StateProvinceCode is missing`,
    );
  });

  test('elsewhere a city will do', () => {
    const address = { AddressLine: ['1 Quay'], City: 'Dublin', CountryCode: 'IE' };
    let body: object = probe();
    for (const party of parties) body = changed(`${shipment}.${party}.Address`, address, body) as object;
    expect(faultOf(body)).toBeNull();
    const place = `${shipment}.ShipFrom.Address.City`;
    expect(faultOf(changed(place, ' ', body))).toBe(`${place} is missing`);
  });

  test('without negotiated rates none of them is needed', () => {
    let body: object = changed(`${shipment}.ShipmentRatingOptions`, undefined) as object;
    for (const [party, field] of cases)
      body = changed(`${shipment}.${party}.Address.${field}`, undefined, body) as object;
    expect(faultOf(body)).toBeNull();
  });

  test('the indicator counts by being there, whatever is in it', () => {
    const asked = changed(`${shipment}.ShipmentRatingOptions.NegotiatedRatesIndicator`, '') as object;
    expect(faultOf(changed(`${shipment}.ShipTo.Address.City`, undefined, asked))).not.toBeNull();
  });
});
