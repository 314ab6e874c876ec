import type { Request } from 'express';
import { assertForm, assertOnce, formFrom, readForm, type Form } from '../form';

export function queryForm(req: Request): Form {
  const form = formFrom(new URL(req.originalUrl, 'http://sandbox').searchParams);
  assertOnce(form);
  return form;
}

/** The form a page posted; the body was read raw. */
export function bodyForm(req: Request): Form {
  const form = readForm(Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0));
  assertForm(req.headers['content-type'], form);
  return form;
}
