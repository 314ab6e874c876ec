/** Reads what a request brings, and says by name what is wrong with it. */

import { isUtf8 } from 'node:buffer';
import express, { type Request, type Response } from 'express';
import type { z } from 'zod';
import { Refusal } from './problems';

const BODY_LIMIT = '64kb';
const parseJson = express.json({
  limit: BODY_LIMIT,
  strict: false,
  type: 'application/json',
  // Read leniently, broken bytes would become characters nobody sent.
  verify(_req, _res, bytes, charset) {
    if (charset === 'utf-8' && !isUtf8(bytes)) throw new Refusal('invalid-json', 'The body is not valid UTF-8.');
  },
});

const hasBody = (req: Request): boolean =>
  req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;

/** The body as JSON; an absent one is an empty object. */
export async function readBody(req: Request, res: Response): Promise<unknown> {
  if (!hasBody(req)) return {};
  if (!req.is('application/json'))
    throw new Refusal('unsupported-media-type', 'The body must be JSON: send Content-Type: application/json.');
  await new Promise<void>((resolve, reject) => {
    parseJson(req, res, (error?: unknown) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
  return req.body as unknown;
}

/** Of a body that is read as it comes. */
export function assertType(req: Request, type: string): void {
  const encoding = req.get('content-encoding') ?? 'identity';
  if (req.is(type) && encoding === 'identity') return;
  throw new Refusal('unsupported-media-type', `Send the body uncompressed, with Content-Type: ${type}.`);
}

/** What stands behind the question mark. The rest of an address may be anything, and no URL at all. */
export function parametersIn({ originalUrl }: Pick<Request, 'originalUrl'>): URLSearchParams {
  const [, ...behind] = originalUrl.split('?');
  return new URLSearchParams(behind.join('?'));
}

/** Every parameter once. */
export function readQuery(req: Request): Record<string, string> {
  const query: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of parametersIn(req)) {
    if (name in query)
      throw new Refusal('invalid-input', `The query parameter ${name} was given more than once.`, { field: name });
    query[name] = value;
  }
  return { ...query };
}

type Issue = z.core.$ZodIssue;

/** The most telling issue; for a union the one of the branch that was meant. */
function told(issue: Issue): { path: PropertyKey[]; message: string } {
  if (issue.code === 'unrecognized_keys')
    return { path: [...issue.path, issue.keys[0] ?? ''], message: 'is not a field here' };
  if (issue.code === 'invalid_type' && issue.input === undefined) return { path: issue.path, message: 'is missing' };
  return { path: issue.path, message: sentence(issue.message) };
}

const sentence = (message: string): string =>
  /^(has|is|holds|names|must) /.test(message) ? message : `is wrong: ${message}`;

/** What was given, or the first thing wrong with it: a dotted path, and the rest of a sentence that begins with it. */
export function judge<S extends z.ZodType>(
  schema: S,
  input: unknown,
): { data: z.output<S> } | { field: string; message: string } {
  const read = schema.safeParse(input, { reportInput: true });
  if (read.success) return { data: read.data };
  const [first] = read.error.issues;
  const { path, message } = first ? told(first) : { path: [], message: 'is wrong' };
  return { field: path.map(String).join('.'), message };
}

export function validate<S extends z.ZodType>(schema: S, input: unknown, what: string): z.output<S> {
  const judged = judge(schema, input);
  if ('data' in judged) return judged.data;
  const { field, message } = judged;
  const detail = field === '' ? `The ${what} ${message}.` : `${field} ${message}.`;
  throw new Refusal('invalid-input', detail, field === '' ? {} : { field });
}
