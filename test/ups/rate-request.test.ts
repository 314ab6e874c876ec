import { makeRateRequest } from '../../src/ups/rate-request';

const dock = {
  addressLine: '1 Dock St',
  city: 'Timonium',
  stateProvinceCode: 'MD',
  postalCode: '21093',
  countryCode: 'US',
};
const shipmentOf = (address: Parameters<typeof makeRateRequest>[1]) =>
  makeRateRequest('A1B2C3', address).RateRequest.Shipment;

test('the probe asks for negotiated rates of the account, from its address to itself, with every field Rating.yaml requires', () => {
  const address = {
    AddressLine: ['1 Dock St'],
    City: 'Timonium',
    StateProvinceCode: 'MD',
    PostalCode: '21093',
    CountryCode: 'US',
  };
  expect(makeRateRequest('A1B2C3', dock)).toEqual({
    RateRequest: {
      Request: { RequestOption: 'Rate', SubVersion: '2409' },
      Shipment: {
        Shipper: { ShipperNumber: 'A1B2C3', Address: address },
        ShipTo: { Address: address },
        ShipFrom: { Address: address },
        Service: { Code: '03', Description: 'Ground' },
        NumOfPieces: '1',
        Package: [
          {
            PackagingType: { Code: '02', Description: 'Package' },
            PackageWeight: { UnitOfMeasurement: { Code: 'LBS', Description: 'Pounds' }, Weight: '1' },
          },
        ],
        ShipmentRatingOptions: { NegotiatedRatesIndicator: 'Y' },
      },
    },
  });
});

test.each([
  ['US', '03', 'LBS'],
  ['PR', '03', 'LBS'],
  ['CA', '11', 'KGS'],
  ['DE', '11', 'KGS'],
])('from %s it is service %s, weighed in %s', (countryCode, service, unit) => {
  const shipment = shipmentOf({ ...dock, countryCode });
  expect(shipment.Service.Code).toBe(service);
  expect(shipment.Package[0]?.PackageWeight.UnitOfMeasurement.Code).toBe(unit);
});

test('state and postal code go out only where the country has them', () => {
  const of = (address: Parameters<typeof makeRateRequest>[1]) => shipmentOf(address).Shipper.Address;
  expect(of({ ...dock, countryCode: 'DE', stateProvinceCode: 'BY', postalCode: '80331' })).toEqual({
    AddressLine: ['1 Dock St'],
    City: 'Timonium',
    PostalCode: '80331',
    CountryCode: 'DE',
  });
  expect(of({ ...dock, countryCode: 'HK', stateProvinceCode: null, postalCode: '000' })).not.toHaveProperty(
    'PostalCode',
  );
  expect(of({ ...dock, countryCode: 'DE', postalCode: ' ' })).not.toHaveProperty('PostalCode');
  expect(of({ ...dock, countryCode: 'PR', stateProvinceCode: null, postalCode: '00901' })).toMatchObject({
    StateProvinceCode: 'PR',
    PostalCode: '00901',
  });
});

test('what is longer than UPS takes is folded or compacted', () => {
  const address = shipmentOf({
    addressLine: 'Building 17, Gate 4, Industrial Estate North, Second Floor, Door to the left of the big green sign',
    city: 'x'.repeat(40),
    stateProvinceCode: 'md',
    postalCode: '21093-1234',
    countryCode: 'us',
  }).Shipper.Address;
  expect(address.AddressLine).toEqual([
    'Building 17, Gate 4, Industrial',
    'Estate North, Second Floor, Door to',
    'the left of the big green sign',
  ]);
  expect(address.City).toHaveLength(30);
  expect(address).toMatchObject({ StateProvinceCode: 'MD', PostalCode: '210931234', CountryCode: 'US' });
  expect(
    shipmentOf({ ...dock, addressLine: 'y'.repeat(200) }).Shipper.Address.AddressLine.map((line) => line.length),
  ).toEqual([35, 35, 35]);
});
