import type { Request } from 'express';
import {
  invalidBearer,
  invalidRating,
  invalidShipperNumber,
  noSuchService,
  notJson,
  ok,
  unknownPath,
  type Answer,
} from '../answer';
import { nobody, upsEndpoint, type Who } from '../endpoint';
import type { FaultOf } from '../fault-schema';
import { formFrom, isJson } from '../form';
import { sha256, type Sandbox } from '../sandbox';
import type { Pair, Profile } from '../state';
import { accessLives } from '../tokens';
import { readRateRequest, wantsNegotiatedRates, type RateOption, type RateRequest } from './request';
import { notQualified, rateResponse, referenceRates, type Rating, type Style } from './response';

/** POST rating: what a shipment costs, and by it whether an account is in the profile behind the bearer token. */
export const rateEndpoint = (sandbox: Sandbox) =>
  upsEndpoint<unknown>(sandbox, {
    endpoint: 'rate',
    method: 'POST',
    path: '/api/rating/:version/:requestoption',
    read: (_req, body) => parseJson(body),
    identify: (input, req) => identify(sandbox, input, req),
    process({ req, input, who, fault }): Answer {
      const pair = bearerOf(sandbox, req);
      if (!pair || !accessLives(sandbox, pair)) throw invalidBearer();
      const option = readOption(req);
      const version = readVersion(req);
      if (!isJson(req.headers['content-type'])) throw invalidRating('The body must be application/json');
      if (input === undefined) throw notJson();
      const request = readRateRequest(input, option);
      if (fault?.do === 'no-service' && isRefused(request, option, fault)) throw noSuchService(fault.code ?? '111210');
      const profile = who.username === null ? undefined : sandbox.state.profiles.get(who.username);
      const rating = rate(request, profile);
      const account = accountOf(request, profile);
      return ok(
        rateResponse(request, option, rating, styleOf(version, account?.alertAsObject ?? false, sandbox.clock())),
      );
    },
  });

/** Shop asks for every service at once, so no single one can be refused. */
const isRefused = ({ Shipment }: RateRequest, { shop }: RateOption, { services }: FaultOf<'no-service'>): boolean =>
  !shop && (services === undefined || services.includes(Shipment.Service?.Code ?? ''));

function identify(sandbox: Sandbox, input: unknown, req: Request): Who {
  const pair = bearerOf(sandbox, req);
  const grant = pair && sandbox.state.grants.get(pair.grantId);
  const accountNumber = shipperNumberIn(input);
  return { ...nobody, grantId: grant?.grantId ?? null, username: grant?.username ?? null, accountNumber };
}

function bearerOf(sandbox: Sandbox, req: Request): Pair | null {
  const token = /^Bearer +(\S+)$/i.exec(req.headers.authorization ?? '')?.[1];
  return token === undefined ? null : (sandbox.state.byAccess.get(sha256(token)) ?? null);
}

const options: Readonly<Record<string, RateOption>> = {
  rate: { shop: false, timeInTransit: false },
  shop: { shop: true, timeInTransit: false },
  ratetimeintransit: { shop: false, timeInTransit: true },
  shoptimeintransit: { shop: true, timeInTransit: true },
};

function readOption(req: Request): RateOption {
  const option = options[`${req.params['requestoption'] as string}`.toLowerCase()];
  if (!option) throw unknownPath();
  const query = formFrom(new URL(req.originalUrl, 'http://sandbox').searchParams);
  if (query.repeated !== null) throw invalidRating(`The parameter ${query.repeated} is given more than once`);
  const info = query.get('additionalinfo');
  if (info !== null && info.toLowerCase() !== 'timeintransit')
    throw invalidRating('additionalinfo must be timeintransit');
  return { ...option, timeInTransit: option.timeInTransit || info !== null };
}

// The current version and the deprecated ones, spelled as UPS's file spells them.
const versions = new Set([
  'v2409',
  'v2407',
  'v2403',
  'v2205',
  'v2108',
  'v1707',
  'v1701',
  'v1607',
  'v1601',
  'v1',
  '1707',
  '1701',
]);

function readVersion(req: Request): number {
  const version = req.params['version'] as string;
  if (!versions.has(version)) throw unknownPath();
  return Number(version.replace('v', ''));
}

const styleOf = (version: number, alertAsObject: boolean, now: number): Style => ({
  lists: version >= 2403,
  shipmentLists: version >= 2409,
  alertAsObject,
  today: new Date(now).toISOString().slice(0, 10).replaceAll('-', ''),
});

/** Judges the account: absent or foreign is an error, without negotiated rates an alert. */
function rate(request: RateRequest, profile: Profile | undefined): Rating {
  const number = request.Shipment.Shipper.ShipperNumber;
  const negotiated = wantsNegotiatedRates(request);
  const isGiven = number !== undefined && number !== '';
  if (isGiven && request.Shipment.ShipmentRatingOptions?.UserLevelDiscountIndicator !== undefined) {
    throw invalidRating('ShipperNumber cannot be present when requesting user level discounts');
  }
  // A login without any shipper account gets tokens, and this for every rating.
  if (!profile || profile.accounts.length === 0) throw invalidShipperNumber();
  if (!isGiven && negotiated) throw invalidShipperNumber();
  const account = accountOf(request, profile);
  if (isGiven && !account) throw invalidShipperNumber();
  if (!negotiated) return { negotiated: false, alerts: [referenceRates] };
  return account?.negotiatedRates
    ? { negotiated: true, alerts: [referenceRates] }
    : { negotiated: false, alerts: [notQualified] };
}

function accountOf({ Shipment: { Shipper: shipper } }: RateRequest, profile: Profile | undefined) {
  return profile?.accounts.find(({ accountNumber }) => accountNumber === shipper.ShipperNumber?.toUpperCase());
}

function shipperNumberIn(input: unknown): string | null {
  let found = input;
  for (const name of ['RateRequest', 'Shipment', 'Shipper', 'ShipperNumber']) {
    found = typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[name] : undefined;
  }
  return typeof found === 'string' ? found : null;
}

/** Undefined stands for a body that is no JSON. */
function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
