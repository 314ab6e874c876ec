import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { senderOf } from '../sender';
import { foreignForm, Refusal, unknownPath } from './answer';
import { authorizeEndpoint } from './authorization';
import { controlRouter } from './control';
import { answerErrors } from './endpoint';
import { accountsRouter } from './pages/accounts';
import { consentRouter } from './pages/consent';
import { html } from './pages/html';
import { indexRouter } from './pages/index-page';
import { sendPage } from './pages/layout';
import { loginRouter } from './pages/login';
import { ownOriginOf } from './pages/origin';
import { rateEndpoint } from './rating/endpoint';
import { refreshEndpoint } from './refresh';
import type { Sandbox } from './sandbox';
import { tokenEndpoint } from './token';

export function makeApp(sandbox: Sandbox): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').enable('strict routing');
  app.use('/sandbox', controlRouter(sandbox));
  for (const endpoint of [authorizeEndpoint, tokenEndpoint, refreshEndpoint, rateEndpoint]) app.use(endpoint(sandbox));
  app.use(['/security', '/api'], () => {
    throw unknownPath();
  });
  app.use(['/security', '/api'], answerErrors(sandbox));
  app.use(express.raw({ type: () => true, limit: '100kb' }));
  app.use(assertOwnPage);
  for (const pages of [indexRouter, loginRouter, consentRouter, accountsRouter]) app.use(pages(sandbox));
  app.use(() => {
    throw unknownPath();
  });
  app.use(answerPageErrors(sandbox));
  return app;
}

/**
 * A page of another site could log a browser in to a profile of its choice, which would then authorize what is asked next.
 * A client that sends neither header passes: programs use these pages too, and forms behind the login need their key as well.
 */
const assertOwnPage: RequestHandler = (req, _res, next) => {
  const isForm = req.method !== 'GET' && req.method !== 'HEAD';
  if (isForm && senderOf(req.headers, ownOriginOf(req)) === 'other') throw foreignForm();
  next();
};

function answerPageErrors(sandbox: Sandbox): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    if (!(error instanceof Refusal) || res.headersSent || !req.accepts('html')) {
      void answerErrors(sandbox)(error, req, res, next);
      return;
    }
    res.set(error.headers);
    sendPage(
      res,
      error.status,
      'That did not work',
      html`<p class="error" role="alert">${error.message} (${error.code})</p>`,
    );
  };
}
