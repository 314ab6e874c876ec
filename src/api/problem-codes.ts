/** Every code a problem may carry: its status, its title, and what to do about it. The docs are made from this table. */

import { reasons, type Reason } from '../machines/reasons';

interface Described {
  status: number;
  title: string;
  meaning: string;
}

const own = {
  'invalid-json': [400, 'Not JSON', 'The body could not be read as JSON. Send one JSON object in UTF-8.'],
  'invalid-input': [
    400,
    'Invalid input',
    'A field, parameter or header is missing, unknown or wrong; `field` names it.',
  ],
  'invalid-state': [
    400,
    'Invalid state',
    'The way back from UPS does not belong to this browser or to a link of ours. Nothing was changed: start the authorization again.',
  ],
  unauthorized: [401, 'No valid API key', 'Send `Authorization: Bearer <api key>` with a key that exists.'],
  forbidden: [403, 'Not allowed', 'The key is valid, but its role may not do this.'],
  'not-found': [404, 'Not found', 'There is nothing here, or nothing of your tenant.'],
  'no-access-key': [404, 'No access key', 'The account holds no access key.'],
  'method-not-allowed': [
    405,
    'Method not allowed',
    'The address exists, but not with this method; `Allow` names those it has.',
  ],
  'too-slow': [408, 'Too slow', 'The body did not come in time. Send the request again.'],
  'name-taken': [
    409,
    'Name taken',
    'An account of that name exists and was created by a different request. Choose another name; an inactive one may be reactivated.',
  ],
  'tenant-taken': [409, 'Tenant taken', 'There is a tenant of that id.'],
  'event-id-reused': [409, 'Event id reused', 'The id was used for another event. Give each event an id of its own.'],
  'illegal-event': [
    409,
    'Not possible now',
    'The account takes no such event in its state; `allowed` names those it takes.',
  ],
  'exchange-under-way': [
    409,
    'Exchange under way',
    'A merchant has just come back from UPS. Wait some seconds, then look again.',
  ],
  'nothing-to-migrate': [
    409,
    'Nothing to migrate',
    'No account on an old key that may be asked matches the filter of the campaign.',
  ],
  'too-many-uses': [409, 'Too many uses', 'At most 100 stores and warehouses may be noted as using one account.'],
  'not-authorized-yet': [409, 'Not authorized yet', 'The account was never connected. Authorize it first.'],
  'authorization-pending': [
    409,
    'Authorization pending',
    'The merchant has not come back from UPS, or UPS has not confirmed the account yet.',
  ],
  inactive: [409, 'Inactive', 'The account was deactivated. Reactivate it, then authorize it.'],
  'uses-access-key': [409, 'Uses an access key', 'The account is still on an old access key and has no OAuth token.'],
  'outcome-known': [409, 'Outcome known', 'The verification has another outcome on record. Open a new one.'],
  'link-gone': [410, 'Link gone', 'The link was used, replaced by a newer one, or has lapsed. Ask for a new one.'],
  stale: [
    412,
    'Stale',
    'The settings were changed by somebody else. Read the account again and repeat with its `settingsSeq`.',
  ],
  'too-large': [413, 'Too large', 'The body is larger than this route takes.'],
  'unsupported-media-type': [
    415,
    'Unsupported media type',
    'Send `Content-Type: application/json`, or for an import `text/csv`.',
  ],
  'unknown-event': [422, 'Unknown event', 'There is no public event of that type.'],
  'name-is-immutable': [422, 'Name is immutable', 'The name of an account never changes.'],
  'if-match-required': [
    428,
    'If-Match required',
    'Send `If-Match: "<settingsSeq>"`, so that nobody\'s change is overwritten unseen.',
  ],
  'rate-limited': [
    429,
    'Too many requests',
    'The key made more requests than it may, or has too many under way. Wait for `Retry-After` seconds.',
  ],
  'verification-attempts-exhausted': [
    429,
    'Verification attempts exhausted',
    'UPS allows three tries in 24 hours to add an account to a profile. `windowOpensAt` says when the next is possible.',
  ],
  internal: [500, 'Internal error', 'A fault of ours. Tell us the `requestId`.'],
  'no-live-token': [
    503,
    'No live token',
    'The access token has expired and a new one has not come yet. Try again after `Retry-After` seconds.',
  ],
  'store-unavailable': [
    503,
    'Store unavailable',
    'The store does not answer. Nothing accepted is lost; try again after `Retry-After` seconds.',
  ],
  overloaded: [
    503,
    'Overloaded',
    'The process carries as many requests as it may, and nothing of this one was done. Send it again after `Retry-After` seconds.',
  ],
  'too-busy': [503, 'Too busy', 'The account is being written by many at once. Try again after `Retry-After` seconds.'],
  'newer-version': [
    503,
    'Newer version',
    'The account is in the care of a newer version of this service. Try again after `Retry-After` seconds.',
  ],
  'machine-mismatch': [
    503,
    'Machine mismatch',
    'The account was stored by a version of this service that this one cannot go on from. It is left as it is, and whoever runs the service is told. Try again after `Retry-After` seconds.',
  ],
  'vault-key-missing': [
    503,
    'Encryption key missing',
    "This process lacks a key the account's secrets are sealed with. Try again after `Retry-After` seconds.",
  ],
  'not-ready': [503, 'Not ready', 'This process cannot serve requests yet.'],
} as const satisfies Record<string, readonly [number, string, string]>;

export type Code = keyof typeof own | Reason;

const reasonText = (reason: Reason): Described => ({
  status: 409,
  title: 'Not connected',
  meaning: `There is no token, for the account is not connected: ${reasons[reason].message} ${reasons[reason].nextStep.text}`,
});

export const codes = Object.fromEntries<Described>([
  ...Object.entries(own).map(([code, [status, title, meaning]]) => [code, { status, title, meaning }] as const),
  ...(Object.keys(reasons) as Reason[]).map((reason) => [reason, reasonText(reason)] as const),
]) as Record<Code, Described>;
