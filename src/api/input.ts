/** Reads what a request brings, and says by name what is wrong with it. */

import { isUtf8 } from 'node:buffer';
import express, { type Request, type Response } from 'express';
import type { z } from 'zod';
import { boundedParser, hasBody } from './body';
import { Refusal } from './problems';

const BODY_LIMIT = '64kb';

const jsonParser = express.json({
  limit: BODY_LIMIT,
  strict: false,
  type: 'application/json',
  // Read leniently, broken bytes would become characters nobody sent.
  verify(_req, _res, bytes) {
    if (!isUtf8(bytes)) throw new Refusal('invalid-json', 'The body is not valid UTF-8.');
  },
});
const parseJson = boundedParser(jsonParser);

/** Every one that is given, though it is given once as a rule: of two, one would be ignored. */
const charsetsIn = (contentType: string): string[] =>
  [...contentType.matchAll(/;\s*charset\s*=\s*("[^"]*"|[^\s;]*)/gi)].map(([, name = '']) => name.replaceAll('"', ''));

const COMPRESSED = ['gzip', 'deflate', 'br'];

const oneOf = (names: string[]): string => names.join(' or ');

/** A text that is to be UTF-8. */
function assertUtf8(req: Request): void {
  const charset = charsetsIn(req.get('content-type') ?? '').find((name) => name.toLowerCase() !== 'utf-8');
  if (charset !== undefined)
    throw new Refusal(
      'unsupported-media-type',
      `The charset ${shown(charset)} of Content-Type is not read: send the body in UTF-8, with charset=utf-8 or none.`,
      { field: 'Content-Type' },
    );
}

function assertEncoding(req: Request, compressed: string[]): void {
  const encoding = (req.get('content-encoding') ?? 'identity').trim().toLowerCase();
  if (['identity', ...compressed].includes(encoding)) return;
  const also = compressed.length > 0 ? `, or compressed with ${oneOf(compressed)}` : '';
  throw new Refusal(
    'unsupported-media-type',
    `The Content-Encoding ${shown(encoding)} is not read: send the body as it is${also}.`,
    { field: 'Content-Encoding' },
  );
}

/** A body that cannot be read is refused by name, before any of it is read. */
export function assertReadable(req: Request): void {
  assertUtf8(req);
  assertEncoding(req, COMPRESSED);
}

/** A name that somebody may have mistyped; anything longer or stranger is not repeated. */
const shown = (name: string): string => (/^[\w.:+-]{1,40}$/.test(name) ? name : 'given');

/** The body as JSON; an absent one is an empty object. */
export async function readBody(req: Request, res: Response): Promise<unknown> {
  if (!hasBody(req)) return {};
  if (!req.is('application/json'))
    throw new Refusal('unsupported-media-type', 'The body must be JSON: send Content-Type: application/json.');
  assertReadable(req);
  await new Promise<void>((resolve, reject) => {
    void parseJson(req, res, (error?: unknown) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
  return req.body as unknown;
}

/** For a body that is read as it comes; its reader judges the charset. */
export function assertType(req: Request, type: string): void {
  if (!req.is(type))
    throw new Refusal('unsupported-media-type', `Send the body uncompressed, with Content-Type: ${type}.`);
  assertEncoding(req, []);
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
