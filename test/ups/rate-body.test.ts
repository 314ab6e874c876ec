import { readRating } from '../../src/ups/rate-body';

const rating = (shipment: unknown, alert?: unknown) => ({
  RateResponse: {
    Response: { ResponseStatus: { Code: '1', Description: 'Success' }, Alert: alert },
    RatedShipment: shipment,
  },
});
const negotiated = { NegotiatedRateCharges: { TotalCharge: { CurrencyCode: 'USD', MonetaryValue: '9.80' } } };

test('shipments and alerts are read as one object and as an array', () => {
  const alert = { Code: '120900', Description: 'not qualified' };
  for (const one of [rating({}, alert), rating([{}], [alert]), rating([{ RatedShipmentAlert: alert }])]) {
    expect(readRating(one)).toEqual({
      hasNegotiatedCharges: false,
      alerts: [{ code: '120900', message: 'not qualified' }],
    });
  }
});

test('numbers, spaces, a missing Response and an alert that cannot be read take nothing away', () => {
  const charged = { NegotiatedRateCharges: { TotalCharge: { MonetaryValue: 9.8 } } };
  const alerts = ['?', { Code: ' 120900 ', Description: 7 }, { Description: 'no code' }];
  expect(readRating({ RateResponse: { RatedShipment: charged } })).toEqual({ hasNegotiatedCharges: true, alerts: [] });
  expect(readRating(rating([{}, '?'], alerts))).toEqual({
    hasNegotiatedCharges: false,
    alerts: [{ code: '120900', message: '7' }],
  });
});

test('negotiated charges are seen on any of the shipments', () => {
  expect(readRating(rating(negotiated))?.hasNegotiatedCharges).toBe(true);
  expect(readRating(rating([{}, negotiated]))?.hasNegotiatedCharges).toBe(true);
  expect(readRating(rating([{ NegotiatedRateCharges: {} }]))?.hasNegotiatedCharges).toBe(false);
});

test.each([undefined, null, 'x', {}, { RateResponse: {} }, rating([]), rating(undefined), rating('x')])(
  '%j is no rating',
  (body) => {
    expect(readRating(body)).toBeNull();
  },
);
