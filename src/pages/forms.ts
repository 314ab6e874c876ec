/** What a page posts: a form, from one of our own pages, with every field once. */

import express, { type Request, type RequestHandler } from 'express';
import { boundedParser } from '../api/body';
import { assertReadable } from '../api/input';
import { Refusal } from '../api/problems';

export type Fields = Readonly<Record<string, string>>;

const FORM_LIMIT = '16kb';

/** Read leniently, broken bytes would become characters nobody sent, and broken escapes would stay as they are. */
function assertUtf8(bytes: Buffer): void {
  try {
    decodeURIComponent(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Refusal('invalid-input', 'The form is not valid UTF-8. Open its page again and repeat.');
  }
}

/** UTF-8, as every page of ours sends it. */
export function formParser(limit: string): RequestHandler {
  const verify = (_req: unknown, _res: unknown, bytes: Buffer) => assertUtf8(bytes);
  const parse = boundedParser(express.urlencoded({ extended: false, limit, verify }));
  return (req, res, next) => {
    assertReadable(req);
    parse(req, res, next);
  };
}

export const parseForm = formParser(FORM_LIMIT);

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
