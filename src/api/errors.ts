/** The end of every request that failed: a page for a browser on its way, problem details for everybody else. */

import type { ErrorRequestHandler, Response } from 'express';
import { isPage, sendProblemPage } from './problemPage';
import { problemOf, Refusal, refusalOf, setProblemHeaders } from './problems';
import { requestIdOf } from './requests';
import type { Services } from './services';

function sendProblem(res: Response, refusal: Refusal, publicUrl: string): void {
  const problem = problemOf(refusal, { publicUrl, requestId: requestIdOf(res) });
  // Not by `json`, which would name a charset: problem+json has none.
  res.status(problem.status).set('Content-Type', 'application/problem+json').end(JSON.stringify(problem));
}

/** A merchant's, who has no other pages here. */
const isForBrowsers = (path: string): boolean => /^\/(connect|oauth)\//.test(path);

/** What the log may know of a fault of ours: where it happened, not what it was about. */
function describe(error: unknown) {
  if (!(error instanceof Error)) return { error: typeof error };
  const stack = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return { error: error.constructor.name, stack: stack?.slice(0, 8).map((line) => line.trim()) };
}

export const answerErrors =
  ({ config, log }: Pick<Services, 'config' | 'log'>): ErrorRequestHandler =>
  (error: unknown, req, res, next) => {
    const known = refusalOf(error);
    if (known === null)
      log.error({ requestId: requestIdOf(res), ...describe(error) }, 'A request met a fault of ours.');
    if (res.headersSent) {
      next(error);
      return;
    }
    const refusal = known ?? new Refusal('internal', 'Something went wrong on our side. Tell us the requestId.');
    setProblemHeaders(res, refusal);
    const takesPage = isForBrowsers(req.path) || isPage(res);
    if (takesPage && req.accepts(['application/problem+json', 'json', 'html']) === 'html')
      sendProblemPage(req, res, refusal, config.publicUrl);
    else sendProblem(res, refusal, config.publicUrl);
  };
