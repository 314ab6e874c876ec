/**
 * How many requests a process carries at once. What comes beyond is refused at once, before its body is read: a request that
 * waits for the store behind a thousand others is memory, and is answered when nobody listens any more.
 *
 * 1. What says how the process is, is never refused: who looks after an overloaded process must see it.
 * 2. The less is lost by coming again, the earlier a request is refused: each rank may fill the places up to its share only.
 *    A merchant's browser brings a code that lives for seconds, and a list may be asked for again at any time.
 * 3. A place is given back once, when the answer has ended and the work for it too: whoever hangs up early and comes again
 *    would otherwise leave more and more work behind. Whoever is slow to send keeps none for longer than `bodyMs`.
 */

import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { answerByPage } from '../pages/problem';
import { makePressure, type Pressure } from './pressure';
import { Refusal } from './problems';

export type Rank = 'vital' | 'callback' | 'token' | 'work' | 'comfort';

/** Of the places, up to which a rank is let in, counted over all ranks. */
export const SHARES: Record<Exclude<Rank, 'vital'>, number> = { callback: 1, token: 0.9, work: 0.75, comfort: 0.5 };

const VITAL = /^\/(healthz|readyz|metrics)\/?$/;
const BROUGHT_BY_MERCHANTS = /^\/(oauth\/callback|connect\/[^/]+)\/?$/;
const TOKEN = /^\/v1\/accounts\/[^/]+\/token\/?$/;
const ONE_ACCOUNT = /^\/v1\/accounts\/[^/]+/;

export function rankOf({ method, path }: Pick<Request, 'method' | 'path'>): Rank {
  if (VITAL.test(path)) return 'vital';
  if (BROUGHT_BY_MERCHANTS.test(path)) return 'callback';
  if (TOKEN.test(path)) return 'token';
  // Accounts are created and told of by platforms in the middle of something; lists, files and pages can wait.
  return ONE_ACCOUNT.test(path) || (method === 'POST' && path === '/v1/accounts') ? 'work' : 'comfort';
}

/** Each of those refused together is to come again at another moment. */
const FIRST_RETRY_SECONDS = 1;
const RETRY_JITTER_SECONDS = 5;

const holds = new WeakMap<Response, () => () => void>();

/** `work` keeps the request's place until it ends, also when whoever asked has gone. */
export async function inPlace<T>(res: Response, work: () => Promise<T>): Promise<T> {
  const letGo = holds.get(res)?.();
  try {
    return await work();
  } finally {
    letGo?.();
  }
}

/** The last one that lets go gives the place back. */
function holdFor(giveBack: () => void): () => () => void {
  let held = 0;
  return () => {
    held += 1;
    return () => {
      held -= 1;
      if (held === 0) giveBack();
    };
  };
}

function refuse(req: Request, res: Response, rank: Rank, retryAfterSeconds: number): never {
  res.locals['route'] = `refused ${rank}`;
  if (rank === 'comfort' && !req.path.startsWith('/v1/')) answerByPage(req, res, () => undefined);
  // Nothing of the request was done, so a browser may bring its code once more, and does so by itself.
  if (rank === 'callback' && req.method === 'GET') res.set('Refresh', String(retryAfterSeconds));
  const detail = `This process carries as many requests as it may. Come again in ${retryAfterSeconds} s.`;
  throw new Refusal('overloaded', detail, { retryAfterSeconds });
}

const BODY_MS = 10_000;
/** A file of access keys is taken as fast as its accounts are created; the server's own limit holds for it. */
const TAKES_FILES = /^\/(v1\/)?access-keys\/import\/?$/;

/** The router goes on with `next` from wherever it is: to the one place where errors are answered. */
function limitBody(req: Request, res: Response, next: NextFunction, bodyMs: number): void {
  const hasBody = req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
  if (!hasBody || TAKES_FILES.test(req.path)) return;
  const tooLate = setTimeout(() => {
    if (req.complete || res.headersSent) return;
    res.set('Connection', 'close');
    next(new Refusal('too-slow', `The body did not come within ${bodyMs / 1000} s.`));
  }, bodyMs);
  res.once('close', () => clearTimeout(tooLate));
}

export interface AdmissionOptions {
  places: number;
  /** 0 to 1, for when those refused are to come again. */
  random?: () => number;
  bodyMs?: number;
  pressure?: Pressure;
}

/** However late the loop is: the places to find out that it is in time again, and for whoever asks one thing at a time. */
const PLACES_LEAST = 16;

export function makeAdmission(options: AdmissionOptions): RequestHandler {
  const { places, random = Math.random, bodyMs = BODY_MS, pressure = makePressure() } = options;
  let taken = 0;

  const limitFor = (rank: Exclude<Rank, 'vital'>): number => {
    const usable = Math.max(Math.min(places, PLACES_LEAST), places * pressure.share());
    return Math.max(1, Math.floor(usable * SHARES[rank]));
  };

  return (req, res, next) => {
    const rank = rankOf(req);
    if (rank === 'vital') return next();
    const cameAt = performance.now();
    setImmediate(() => pressure.note(performance.now() - cameAt));
    if (taken >= limitFor(rank))
      refuse(req, res, rank, FIRST_RETRY_SECONDS + Math.floor(random() * RETRY_JITTER_SECONDS));
    taken += 1;
    const hold = holdFor(() => (taken -= 1));
    holds.set(res, hold);
    res.once('close', hold());
    limitBody(req, res, next, bodyMs);
    next();
  };
}
