import { badRequest } from './answer';

/** Named values, each given once; an empty one counts as not given, as OAuth has it. */
export interface Form {
  get(name: string): string | null;
  /** A name given more than once, which RFC 6749 forbids. */
  readonly repeated: string | null;
}

export function formFrom(params: URLSearchParams): Form {
  const names = [...params.keys()];
  const repeated = names.find((name, at) => names.indexOf(name) !== at) ?? null;
  return { get: (name) => params.get(name) || null, repeated };
}

const isForm = (contentType: string | undefined): boolean => mediaType(contentType) === FORM;

export const isJson = (contentType: string | undefined): boolean => mediaType(contentType) === 'application/json';

/** The form of a body whatever its content type says: enough to find out whose request it is. */
export const readForm = (body: Buffer): Form => formFrom(new URLSearchParams(body.toString('utf8')));

export function assertForm(contentType: string | undefined, form: Form): void {
  if (!isForm(contentType)) throw badRequest(`The body must be ${FORM}`);
  assertOnce(form);
}

export function assertOnce(form: Form): void {
  if (form.repeated !== null) throw badRequest(`The parameter ${form.repeated} is given more than once`);
}

const FORM = 'application/x-www-form-urlencoded';

const mediaType = (contentType: string | undefined): string =>
  (contentType ?? '').split(';', 1).join('').trim().toLowerCase();
