/** Bodies on their way: how long they may take, and how many there may be. */

import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { Refusal } from './problems';
import { whileReading } from './ticket';

export const hasBody = (req: Request): boolean =>
  req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;

/**
 * A body that is not here after `bodyMs` is answered 408; one that goes on arriving after the answer loses its connection.
 * Express goes on with `next` from wherever the request is: to the place where errors are answered. Returns what lifts the limit.
 */
export function limitBody(req: Request, res: Response, next: NextFunction, bodyMs: number): () => void {
  if (!hasBody(req)) return () => undefined;
  const tooLate = setTimeout(() => {
    if (req.complete) return;
    if (res.writableFinished) req.socket.destroy();
    if (res.headersSent) return;
    res.set('Connection', 'close');
    next(new Refusal('too-slow', `The body did not come within ${bodyMs / 1000} s.`));
  }, bodyMs);
  const { socket } = req;
  const lift = (): void => {
    clearTimeout(tooLate);
    socket.off('close', lift);
  };
  req.once('close', lift);
  // A request that is answered before its body was read is told of nothing any more.
  socket.once('close', lift);
  return lift;
}

/** A parser that reads a body only while there are not too many on their way. */
export const boundedParser =
  (parse: RequestHandler): RequestHandler =>
  (req, res, next) => {
    const parsed = () =>
      new Promise<void>((resolve, reject) => {
        void parse(req, res, (error?: unknown) => {
          if (error instanceof Error) reject(error);
          else resolve();
        });
      });
    const reading = hasBody(req) ? whileReading(res, parsed) : parsed();
    reading.then(() => next(), next);
  };
