import {
  call,
  connect,
  errorOf,
  ledgerOf,
  openTestSandbox,
  party,
  probe,
  rate,
  ratePath,
  seed,
  type TestSandbox,
  type UpsError,
} from '../testSandbox';

interface Rated {
  RateResponse: {
    Response: { ResponseStatus: object; Alert?: object | object[]; TransactionReference?: object };
    RatedShipment: RatedShipment | RatedShipment[];
  };
}
interface RatedShipment {
  Service: { Code: string };
  NegotiatedRateCharges?: { TotalCharge: { CurrencyCode: string; MonetaryValue: string } };
  RatedPackage: object | object[];
  TimeInTransit?: object;
}

let ups: TestSandbox;
let token: string;
beforeAll(async () => {
  ups = await openTestSandbox();
  await seed(ups, 'merchant', [
    { accountNumber: 'A1B2C3' },
    { accountNumber: 'NONEGO', negotiatedRates: false },
    { accountNumber: 'OBJECT', negotiatedRates: false, alertAsObject: true },
  ]);
  await seed(ups, 'shopper', []);
  token = (await connect(ups, 'merchant')).access_token;
});
afterAll(() => ups.stop());

const shipmentOf = ({ RateResponse: { RatedShipment: rated } }: Rated) => {
  const [first] = Array.isArray(rated) ? rated : [rated];
  if (!first) throw new Error('nothing was rated');
  return first;
};

/** Shipment-level fields of the probe replaced. */
const withShipment = (changes: object, accountNumber = 'A1B2C3') => {
  const body = probe(accountNumber);
  return { RateRequest: { ...body.RateRequest, Shipment: { ...body.RateRequest.Shipment, ...changes } } };
};

describe('the account', () => {
  test('in the profile with negotiated rates gets them', async () => {
    const { status, body } = await rate<Rated>(ups, token, probe());
    expect(status).toBe(200);
    expect(shipmentOf(body).NegotiatedRateCharges?.TotalCharge).toEqual({ CurrencyCode: 'USD', MonetaryValue: '8.52' });
    expect(body.RateResponse.Response).toEqual({
      ResponseStatus: { Code: '1', Description: 'Success' },
      Alert: [{ Code: '110971', Description: expect.any(String) as string }],
      TransactionReference: { CustomerContext: 'probe' },
    });
  });

  test('in the profile without negotiated rates gets the alert 120900 and no negotiated charges', async () => {
    const { status, body } = await rate<Rated>(ups, token, probe('NONEGO'));
    expect(status).toBe(200);
    expect(shipmentOf(body).NegotiatedRateCharges).toBeUndefined();
    const text = 'User Id and Shipper Number combination is not qualified to receive negotiated rates.';
    expect(body.RateResponse.Response.Alert).toEqual([{ Code: '120900', Description: text }]);
  });

  test('may have its alert come as one object', async () => {
    const { body } = await rate<Rated>(ups, token, probe('OBJECT'));
    expect(body.RateResponse.Response.Alert).toMatchObject({ Code: '120900' });
  });

  test('not in the profile is error 120100, whether negotiated rates are asked for or not', async () => {
    const answer = await rate(ups, token, probe('Z9Z9Z9'));
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({
      response: { errors: [{ code: '120100', message: 'Missing or invalid shipper number' }] },
    });
    const plain = withShipment({ ShipmentRatingOptions: {} }, 'Z9Z9Z9');
    expect(errorOf(await rate(ups, token, plain))).toEqual([400, '120100']);
    expect((await ledgerOf(ups)).uses.at(-1)).toMatchObject({ endpoint: 'rate', status: 400, code: '120100' });
  });

  test.each(['A1B2C', 'A1B2C3D', ''])('number %p is no account number', async (number) => {
    expect(errorOf(await rate(ups, token, probe(number)))).toEqual([400, '120100']);
  });

  test('may be left out where nothing is negotiated', async () => {
    const { status, body } = await rate<Rated>(ups, token, withShipment({ ShipmentRatingOptions: {}, Shipper: party }));
    expect(status).toBe(200);
    expect(shipmentOf(body).NegotiatedRateCharges).toBeUndefined();
    expect(errorOf(await rate(ups, token, withShipment({ Shipper: party })))).toEqual([400, '120100']);
  });

  test('is never there in a profile without shipper accounts', async () => {
    const empty = (await connect(ups, 'shopper')).access_token;
    expect(errorOf(await rate(ups, empty, probe()))).toEqual([400, '120100']);
    const plain = withShipment({ ShipmentRatingOptions: {}, Shipper: party });
    expect(errorOf(await rate(ups, empty, plain))).toEqual([400, '120100']);
  });
});

describe('the bearer', () => {
  test.each([
    ['missing', {}],
    ['unknown', { authorization: 'Bearer invented' }],
    ['empty', { authorization: 'Bearer ' }],
    ['Basic', { authorization: `Basic ${btoa('client-1:secret-1')}` }],
  ])('%s is 401 250002, before the body is looked at', async (_what, headers: Record<string, string>) => {
    const answer = await call(`${ups.url}${ratePath}`, { method: 'POST', body: '{', headers });
    expect(answer.status).toBe(401);
    expect(answer.body).toEqual({
      response: { errors: [{ code: '250002', message: 'Invalid Authentication Information.' }] },
    });
  });

  test('is not a refresh token', async () => {
    const tokens = await connect(ups, 'merchant');
    expect(errorOf(await rate(ups, tokens.refresh_token, probe()))).toEqual([401, '250002']);
  });
});

describe('the path', () => {
  test.each(['Rate', 'Shop'])('takes %s in any case', async (option) => {
    for (const spelled of [option, option.toLowerCase()]) {
      expect((await rate(ups, token, probe(), `/api/rating/v2409/${spelled}`)).status).toBe(200);
    }
  });

  test.each(['/api/rating/v2409/Guess', '/api/rating/v9/Rate', '/api/rating/v2409', '/api/rating/v2409/Rate/x'])(
    'refuses %s',
    async (path) => {
      expect(errorOf(await rate(ups, token, probe(), path))).toEqual([404, '10404']);
    },
  );

  test('Shop rates many services and Rate the one asked for', async () => {
    const shopped = await rate<Rated>(ups, token, probe(), '/api/rating/v2409/Shop');
    expect(shopped.body.RateResponse.RatedShipment).toHaveLength(5);
    const { body } = await rate<Rated>(ups, token, withShipment({ Service: { Code: '12' } }));
    expect(shipmentOf(body).Service.Code).toBe('12');
  });

  test.each(['/api/rating/v2409/Ratetimeintransit', `${ratePath}?additionalinfo=timeintransit`])(
    '%s answers with time in transit',
    async (path) => {
      const when = { DeliveryTimeInformation: { PackageBillType: '03', Pickup: { Date: '20261124' } } };
      const { body } = await rate<Rated>(ups, token, withShipment(when), path);
      expect(shipmentOf(body).TimeInTransit).toMatchObject({ PickupDate: '20261124' });
    },
  );

  test('refuses an additionalinfo nobody knows', async () => {
    expect((await rate(ups, token, probe(), `${ratePath}?additionalinfo=weather`)).status).toBe(400);
  });
});

describe('lists', () => {
  test('are lists in v2409, also of one', async () => {
    const { body } = await rate<Rated>(ups, token, probe());
    expect(Array.isArray(body.RateResponse.RatedShipment)).toBe(true);
    expect(Array.isArray(shipmentOf(body).RatedPackage)).toBe(true);
    expect(Array.isArray(body.RateResponse.Response.Alert)).toBe(true);
  });

  test('of one are the one in older versions, as UPS’s file says', async () => {
    const { body } = await rate<Rated>(ups, token, probe(), '/api/rating/v2205/Rate');
    expect(Array.isArray(body.RateResponse.RatedShipment)).toBe(false);
    expect(Array.isArray(shipmentOf(body).RatedPackage)).toBe(false);
    expect(Array.isArray(body.RateResponse.Response.Alert)).toBe(false);
  });

  test('of packages give one rated package each', async () => {
    const parcel = probe().RateRequest.Shipment.Package;
    const { body } = await rate<Rated>(ups, token, withShipment({ Package: [parcel, parcel] }));
    expect(shipmentOf(body).RatedPackage).toHaveLength(2);
  });
});

test('money and weight are strings as the file has them, however heavy', async () => {
  const heavy = { PackageWeight: { UnitOfMeasurement: { Code: 'KGS', Description: '' }, Weight: '999.96' } };
  const address = { ...party.Address, CountryCode: 'CA' };
  const { body } = await rate<Rated>(
    ups,
    token,
    withShipment({ Package: [heavy, heavy], ShipFrom: { Address: address } }),
  );
  expect(shipmentOf(body)).toMatchObject({
    BillingWeight: { UnitOfMeasurement: { Code: 'KGS', Description: 'Kilograms' }, Weight: '2000' },
    TotalCharges: { CurrencyCode: 'CAD', MonetaryValue: expect.stringMatching(/^\d+\.\d\d$/) as string },
  });
});

describe('the body', () => {
  const headers = () => ({ 'content-type': 'application/json', authorization: `Bearer ${token}` });

  test.each(['', '{', '[]', 'null', '7'])('%p is 400', async (body) => {
    expect((await call<UpsError>(`${ups.url}${ratePath}`, { method: 'POST', body, headers: headers() })).status).toBe(
      400,
    );
  });

  test('of another content type is 400', async () => {
    const body = JSON.stringify(probe());
    const text = { ...headers(), 'content-type': 'text/plain' };
    expect((await call(`${ups.url}${ratePath}`, { method: 'POST', body, headers: text })).status).toBe(400);
  });
});
