/** Everything that may go wrong, as RFC 9457 problem details: the one place where an error becomes an answer. */

import type { Response } from 'express';
import { SealBroken, VaultKeyMissing } from '../db/vault';
import { EventIdReused, MachineMismatch, NewerVersion, NotFound, StoreUnavailable, TooBusy } from '../durable/errors';
import { codes, type Code } from './problem-codes';

export interface Extras {
  /** A dotted path, or the name of a parameter or header. */
  field?: string;
  wayOut?: string;
  retryAfterSeconds?: number;
  allow?: string[];
  /** Members of the problem beyond RFC 9457's. */
  more?: Record<string, unknown>;
}

/** A request that is answered with a problem. `message` is for a person, and may be shown. */
export class Refusal extends Error {
  constructor(
    readonly code: Code,
    message: string,
    readonly extras: Extras = {},
  ) {
    super(message);
  }
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: Code;
  detail: string;
  requestId: string;
  field?: string;
  way_out?: string;
  [more: string]: unknown;
}

const RETRY_SECONDS = 2;
/** Another version of the service must come first. */
const DEPLOY_SECONDS = 60;

const noSuchAccount = (): Refusal => new Refusal('not-found', 'There is no such account.');

const KB = 1024;
const sizeWords = (bytes: number): string => (bytes < KB * KB ? `${bytes / KB} kB` : `${bytes / KB / KB} MB`);

/** What Express's own parts throw: a status, and for bodies a type; for one that is too large its limit in bytes. */
function fromExpress(error: unknown): Refusal | null {
  if (!(error instanceof Error)) return null;
  const { status, type, limit } = error as { status?: unknown; type?: unknown; limit?: unknown };
  if (type === 'entity.too.large') {
    const most = typeof limit === 'number' ? `: ${sizeWords(limit)} at most` : '';
    return new Refusal('too-large', `The body is too large${most}.`);
  }
  if (status === 413) return new Refusal('too-large', 'The body holds more fields than this address takes.');
  if (status === 415)
    return new Refusal('unsupported-media-type', 'Send the body as plain JSON in UTF-8, compressed by gzip at most.');
  if (type === 'entity.parse.failed') return new Refusal('invalid-json', 'The body is not valid JSON.');
  if (status === 400) return new Refusal('invalid-input', 'The request could not be read: check its address and body.');
  return null;
}

/** What is answered for an error; null for a bug, which is told to the log and to nobody else. */
export function refusalOf(error: unknown): Refusal | null {
  const later = { retryAfterSeconds: RETRY_SECONDS };
  if (error instanceof Refusal) return error;
  if (error instanceof NotFound) return noSuchAccount();
  if (error instanceof EventIdReused)
    return new Refusal('event-id-reused', 'This id was used for another event: give each event an id of its own.', {
      field: 'id',
    });
  if (error instanceof StoreUnavailable)
    return new Refusal('store-unavailable', 'The store does not answer. Try again in some seconds.', later);
  if (error instanceof TooBusy)
    return new Refusal('too-busy', 'The account could not be written in time. Try again in some seconds.', later);
  if (error instanceof NewerVersion)
    return new Refusal('newer-version', 'A newer version of this service takes care of the account.', later);
  if (error instanceof MachineMismatch)
    return new Refusal(
      'machine-mismatch',
      'This version of the service cannot carry the account on: nothing was changed.',
      {
        retryAfterSeconds: DEPLOY_SECONDS,
      },
    );
  if (error instanceof VaultKeyMissing)
    return new Refusal('vault-key-missing', 'This process cannot open the secrets of the account.', later);
  if (error instanceof SealBroken) return null;
  return fromExpress(error);
}

export function problemOf(refusal: Refusal, about: { publicUrl: string; requestId: string }): Problem {
  const { code, message, extras } = refusal;
  const { status, title } = codes[code];
  return {
    type: `${about.publicUrl}/docs#${code}`,
    title,
    status,
    code,
    detail: message,
    ...(extras.field !== undefined && { field: extras.field }),
    ...(extras.wayOut !== undefined && { way_out: extras.wayOut }),
    ...extras.more,
    requestId: about.requestId,
  };
}

export function setProblemHeaders(res: Response, { code, extras }: Refusal): void {
  if (extras.retryAfterSeconds !== undefined) res.set('Retry-After', String(Math.ceil(extras.retryAfterSeconds)));
  if (extras.allow) res.set('Allow', extras.allow.join(', '));
  if (code === 'unauthorized') res.set('WWW-Authenticate', 'Bearer realm="upslink"');
  res.set('Cache-Control', 'no-store');
}
