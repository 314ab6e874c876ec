/** A route as data: Express serves it and the OpenAPI document describes it, both from this. */

import type { Request } from 'express';
import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type { Code } from './problem-codes';
import type { Caller, Permission, TenantCaller } from './roles';
import type { Services } from './services';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/**
 * Whose matters a route is about: `one` tenant's (an admin must name it), `any` (an admin may name one, else all),
 * or the installation's.
 */
export type Scope = 'one' | 'any' | 'installation';

export interface Reply {
  status: number;
  /** Sent as JSON, unless `type` says otherwise. */
  body?: unknown;
  /** In place of a body that is too long to be held. */
  stream?: Readable;
  type?: string;
}

export interface Asked<C extends Caller, Query, Body> {
  services: Services;
  caller: C;
  params: Readonly<Record<string, string>>;
  query: Query;
  body: Body;
  req: Request;
}

interface Described {
  method: Method;
  /** Below /v1, Express's form. */
  path: string;
  summary: string;
  needs: Permission;
  query: z.ZodObject;
  body: z.ZodType | null;
  /** By status; null for an answer without a body. */
  answers: Record<number, { description: string; schema: z.ZodType | null; type?: string }>;
  /** Beyond those every route may answer with. */
  problems?: readonly Code[];
  /** Taken as it comes, in place of a JSON body: `req` is read by the handler. */
  consumes?: 'text/csv';
  /** Headers it reads, for the document. */
  headers?: Record<string, { description: string; required: boolean }>;
  /** What the schema cannot say: codes of their own, and what only some roles may send. */
  before?(body: unknown, caller: Caller): void;
}

export interface Route extends Described {
  scope: Scope;
  handle(asked: Asked<Caller, never, never>): Promise<Reply>;
}

type Typed<C extends Caller, S extends Scope, Q extends z.ZodObject, B extends z.ZodType | null> = Described & {
  scope: S;
  query: Q;
  body: B;
  handle(asked: Asked<C, z.output<Q>, B extends z.ZodType ? z.output<B> : null>): Promise<Reply>;
};

/** Input and output types come from the schemas. */
export function route<S extends Scope, Q extends z.ZodObject, B extends z.ZodType | null>(
  spec: Typed<S extends 'one' ? TenantCaller : Caller, S, Q, B>,
): Route {
  return spec as unknown as Route;
}
