import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, { type ErrorRequestHandler, type Request, type Response, Router } from 'express';
import type { z } from 'zod';
import { faultSchema } from './fault-schema';
import { isJson } from './form';
import { writeLedger } from './ledger';
import { profileSchema, replaceProfile } from './profiles';
import type { Sandbox } from './sandbox';
import { settingsSchema } from './settings';

class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field: string | null = null,
  ) {
    super(message);
  }
}

/** What testers steer the sandbox with. UPS has nothing like it. */
export function controlRouter(sandbox: Sandbox): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.use((req, res, next) => {
    const allow = Object.hasOwn(methods, req.path) ? methods[req.path] : undefined;
    if (allow !== undefined && !allow.split(', ').includes(req.method)) {
      res.set('Allow', allow);
      throw new Problem(405, 'method-not-allowed', `This path takes ${allow}.`);
    }
    // JSON only: a page of another origin cannot send that without asking first, and nobody here says yes.
    const hasBody = req.method === 'POST' || req.method === 'PUT' || req.method === 'PATCH';
    if (hasBody && !isJson(req.headers['content-type'])) {
      throw new Problem(415, 'unsupported-media-type', 'Send the body as application/json.');
    }
    next();
  });
  router.use(express.raw({ limit: '5mb', type: () => true }));

  router.get('/ledger', async (_req, res) => {
    res.type('application/json').set('Cache-Control', 'no-store');
    // Read in one go, so that no request comes between its parts: a grant a use names is always there.
    await pipeline(Readable.from([...writeLedger(sandbox.state)]), res);
  });
  router.post('/profiles', async (req, res) => {
    const profile = parse(profileSchema, req);
    replaceProfile(sandbox, profile);
    await sandbox.synced();
    res.status(200).json({ username: profile.username, accounts: profile.accounts });
  });
  router.post('/faults', (req, res) => {
    const fault = parse(faultSchema, req);
    sandbox.faults.add(fault);
    res.status(201).json(fault);
  });
  router.delete('/faults', (_req, res) => {
    sandbox.faults.clear();
    res.status(204).end();
  });
  router.get('/settings', (_req, res) => {
    res.json(sandbox.state.settings);
  });
  router.post('/settings', async (req, res) => {
    const changes = parse(settingsSchema.partial(), req);
    sandbox.record({ t: 'settings', settings: settingsSchema.parse({ ...sandbox.state.settings, ...changes }) });
    await sandbox.synced();
    res.json(sandbox.state.settings);
  });
  router.use(() => {
    throw new Problem(404, 'not-found', `There are ${Object.keys(methods).join(', ')} under /sandbox.`);
  });
  router.use(answerProblem(sandbox));
  return router;
}

const methods: Record<string, string> = {
  '/ledger': 'GET, HEAD',
  '/profiles': 'POST',
  '/faults': 'POST, DELETE',
  '/settings': 'GET, HEAD, POST',
};

function parse<Schema extends z.ZodType>(schema: Schema, req: Request): z.infer<Schema> {
  const result = schema.safeParse(readJson(req));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = [...(issue?.path ?? []), ...(issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [])];
  throw new Problem(400, 'invalid-input', issue?.message ?? 'The body is not as it should be.', path.join('.') || null);
}

function readJson(req: Request): unknown {
  try {
    return JSON.parse(Buffer.isBuffer(req.body) ? req.body.toString('utf8') : '') as unknown;
  } catch {
    throw new Problem(400, 'invalid-json', 'The body is not JSON.');
  }
}

function answerProblem(sandbox: Sandbox): ErrorRequestHandler {
  return (error: unknown, _req, res: Response, _next) => {
    if (res.headersSent) {
      res.socket?.destroy();
      return;
    }
    const { status, code, message, field } = error instanceof Problem ? error : problemFrom(sandbox, error);
    const problem = { type: 'about:blank', title: code, status, code, detail: message, ...(field && { field }) };
    res.status(status).type('application/problem+json').send(JSON.stringify(problem));
  };
}

function problemFrom(sandbox: Sandbox, error: unknown): Problem {
  const status = error instanceof Error && 'status' in error ? error.status : 500;
  if (status === 413) return new Problem(413, 'too-large', 'The body is larger than 5 MB.');
  if (status === 400) return new Problem(400, 'invalid-input', 'The request could not be read.');
  sandbox.log({ msg: 'The sandbox failed.', error: error instanceof Error ? error.stack : String(error) });
  return new Problem(500, 'internal', 'The sandbox failed; its log says how.');
}
