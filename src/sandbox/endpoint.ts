import express, { type NextFunction, type Request, type RequestHandler, type Response, Router } from 'express';
import { type Answer, internalError, Refusal, wrongMethod } from './answer';
import { dressed } from './dressing';
import type { Endpoint } from './entries';
import type { Fault } from './fault-schema';
import { underFault } from './under-fault';
import type { Sandbox } from './sandbox';
import type { Pair } from './state';

/** Whose request it is, as far as its token or code tells before anything is judged. */
export interface Who {
  readonly grantId: string | null;
  readonly username: string | null;
  readonly accountNumber: string | null;
  /** The pair whose refresh token was sent. */
  readonly sent: Pair | null;
}

export const nobody: Who = { grantId: null, username: null, accountNumber: null, sent: null };

export interface UpsRequest<Input> {
  readonly req: Request;
  readonly input: Input;
  readonly who: Who;
  /** What a tester ordered for it. */
  readonly fault: Fault | null;
  /** Names the grant once the request has made one. */
  readonly becomes: (grantId: string) => void;
}

interface Definition<Input> {
  readonly endpoint: Endpoint;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Reads the body leniently; judging it is `process`'s business, after faults. */
  read(req: Request, body: Buffer): Input;
  identify(input: Input, req: Request): Who;
  process(request: UpsRequest<Input>): Answer | Promise<Answer>;
}

/**
 * One of UPS's paths. Whatever arrives there is in the ledger before its body is read, and what was promised is on disk
 * before it is answered.
 */
export function upsEndpoint<Input>(sandbox: Sandbox, definition: Definition<Input>): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.all(definition.path, arrive(sandbox, definition.endpoint), express.raw({ type: () => true, limit: '1mb' }));
  router.all(definition.path, async (req: Request, res: Response) => {
    const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
    const input = definition.read(req, body);
    const who = definition.identify(input, req);
    const { n } = arrivalOf(res);
    const { username } = who;
    if (who.grantId !== null || username !== null) {
      sandbox.record({ t: 'use-known', n, grantId: who.grantId, username });
    }
    if (who.sent) noteSend(sandbox, who.sent, res);
    const fault = sandbox.faults.take({ path: req.path, username, accountNumber: who.accountNumber });
    const process = async () => {
      if (req.method !== definition.method) throw wrongMethod(definition.method);
      const becomes = (grantId: string) => sandbox.record({ t: 'use-known', n, grantId, username });
      return definition.process({ req, input, who, fault, becomes });
    };
    const answer = await underFault(sandbox, fault, username, res, () => dressed(fault, process));
    if (answer) await send(sandbox, res, answer);
  });
  return router;
}

interface Arrival {
  readonly n: number;
  answer: Answer | null;
  sent: Pair | null;
}

const arrivalOf = (res: Response): Arrival => res.locals as Arrival;

function arrive(sandbox: Sandbox, endpoint: Endpoint): RequestHandler {
  return (_req, res, next) => {
    const arrival: Arrival = Object.assign(res.locals, { n: sandbox.state.uses.length, answer: null, sent: null });
    sandbox.record({ t: 'use', n: arrival.n, at: sandbox.clock(), endpoint });
    let open = true;
    const settle = (whole: boolean) => {
      if (!open) return;
      open = false;
      if (arrival.sent) arrival.sent.open -= 1;
      if (whole && arrival.answer) noteAnswered(sandbox, arrival, arrival.answer);
    };
    res.once('finish', () => settle(true));
    res.once('close', () => settle(false));
    next();
  };
}

/**
 * A refresh token has come: the first time, while an earlier send of it is unanswered (which no client may do), or again.
 */
function noteSend(sandbox: Sandbox, pair: Pair, res: Response): void {
  const { grantId, generation, delivered } = pair;
  const at = sandbox.clock();
  const open = openSendsOf(sandbox, pair);
  if (open > 0) {
    const detail = `the refresh token of generation ${generation} came while ${open} earlier send of it was open`;
    sandbox.record({ t: 'violation', at, kind: 'refresh-token-in-flight', grantId, detail });
  } else if (pair.sends > 0) sandbox.record({ t: 'repeat', at, grantId, generation, delivered });
  sandbox.record({ t: 'refresh-sent', grantId, generation });
  if (res.destroyed) return;
  pair.open += 1;
  arrivalOf(res).sent = pair;
}

/** Counts across generations, because a kept refresh token belongs to several. */
function openSendsOf(sandbox: Sandbox, pair: Pair): number {
  const pairs = sandbox.state.grants.get(pair.grantId)?.pairs ?? [];
  let open = 0;
  for (let at = pair.generation - 1; pairs[at]?.refreshSha256 === pair.refreshSha256; at--)
    open += pairs[at]?.open ?? 0;
  return open;
}

// Runs in an event handler, where a throw would end the process: a stopped or broken journal must not do that.
function noteAnswered(sandbox: Sandbox, { n, sent }: Arrival, { status, code, isSpoiled }: Answer): void {
  try {
    sandbox.record({ t: 'use-answered', n, at: sandbox.clock(), status, code });
    if (sent && status === 200 && !isSpoiled) {
      sandbox.record({ t: 'pair-delivered', grantId: sent.grantId, generation: sent.generation });
    }
  } catch (error) {
    sandbox.log({ msg: 'An answer could not be noted in the ledger.', error: String(error) });
  }
}

async function send(sandbox: Sandbox, res: Response, answer: Answer): Promise<void> {
  await sandbox.synced();
  if (res.destroyed) return;
  Object.assign(res.locals, { answer });
  res.status(answer.status).set({ 'Cache-Control': 'no-store', ...answer.headers });
  if (answer.bytes) {
    // res.set would add a charset to a content type that names none.
    for (const [name, value] of Object.entries(answer.headers)) res.setHeader(name, value);
    res.end(answer.bytes);
  } else if (answer.body === null) res.end();
  else res.json(answer.body);
}

/** Turns whatever a path of UPS's threw into UPS's error shape. */
export function answerErrors(sandbox: Sandbox) {
  return async (error: unknown, _req: Request, res: Response, _next: NextFunction): Promise<void> => {
    if (res.headersSent || res.destroyed || sandbox.stopping.aborted) {
      res.socket?.destroy();
      return;
    }
    const refusal = error instanceof Refusal ? error : refusalFrom(sandbox, error);
    await send(sandbox, res, refusal.toAnswer()).catch(() => res.socket?.destroy());
  };
}

function refusalFrom(sandbox: Sandbox, error: unknown): Refusal {
  const status = error instanceof Error && 'status' in error ? error.status : 500;
  if (status === 413) return new Refusal(413, '10413', 'The request is too large');
  if (typeof status === 'number' && status >= 400 && status < 500) return new Refusal(400, '10400', 'Invalid request');
  sandbox.log({ msg: 'The sandbox failed.', error: error instanceof Error ? error.stack : String(error) });
  return internalError();
}
