/** What a page posts: a form, from one of our own pages, with every field once. */

import express, { type Request, type RequestHandler } from 'express';
import { Refusal } from '../api/problems';
import type { Services } from '../api/services';
import { senderOf } from '../sender';

export type Fields = Readonly<Record<string, string>>;

const FORM_LIMIT = '16kb';

export const parseForm: RequestHandler = express.urlencoded({ extended: false, limit: FORM_LIMIT });

export function fieldsOf(req: Request): Fields {
  if (!req.is('application/x-www-form-urlencoded'))
    throw new Refusal('unsupported-media-type', 'This address takes the form of its page.');
  const body = (req.body ?? {}) as Record<string, unknown>;
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(body)) {
    if (typeof value !== 'string')
      throw new Refusal('invalid-input', `The field ${name} was sent more than once.`, { field: name });
    fields[name] = value;
  }
  return fields;
}

/** For requests that a session authorizes. A client that does not say who sent it is not a browser and can use an API key. */
export function assertOwnPage(req: Request, { config }: Pick<Services, 'config'>): void {
  if (senderOf(req.headers, config.publicUrl) === 'own') return;
  throw new Refusal('forbidden', 'This was not sent by a page of this service. Open the page here and try again.');
}
