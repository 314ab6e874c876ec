/** What a page posts: a form, from one of our own pages, with every field once. */

import express, { type Request } from 'express';
import { boundedParser } from '../api/body';
import { Refusal } from '../api/problems';
import type { Services } from '../api/services';

export type Fields = Readonly<Record<string, string>>;

const FORM_LIMIT = '16kb';

export const parseForm = boundedParser(express.urlencoded({ extended: false, limit: FORM_LIMIT }));

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

/** Browsers say by themselves where a form was sent from, and no page can make them lie. */
export function assertOwnPage(req: Request, { config }: Pick<Services, 'config'>): void {
  const site = req.get('sec-fetch-site');
  const origin = req.get('origin');
  const isOwn = site === undefined ? origin === config.publicUrl : site === 'same-origin';
  if (isOwn) return;
  throw new Refusal('forbidden', 'This form was sent from another page. Open the page here and try again.');
}
