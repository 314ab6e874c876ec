/** What a person is told when something could not be done, and the way on from there. */

import type { Request, RequestHandler, Response } from 'express';
import { codes } from './problem-codes';
import type { Refusal } from './problems';
import { requestIdOf } from './requests';
import { addressAt, localPathOf } from '../webAddress';
import { html, nothing, type Html } from '../web/html';
import { cardPageOf, sendPage } from '../web/page';

/** From here on, what fails is told by a page. */
export const answerByPage: RequestHandler = (_req, res, next) => {
  res.locals['isPage'] = true;
  next();
};

export const isPage = (res: Response): boolean => res.locals['isPage'] === true;

/** The page a form was on, if it was one of ours. Any site can send a form here, and the Referer then names its page. */
function backTo(req: Request, publicUrl: string): string | null {
  const referer = req.method === 'POST' ? addressAt(req.get('referer') ?? '', [publicUrl]) : null;
  return referer === null ? null : localPathOf(referer, publicUrl);
}

function wayOn(req: Request, publicUrl: string): Html {
  const back = backTo(req, publicUrl);
  return html`<div class="buttons">
    ${back === null ? '' : html`<a class="button primary" href="${back}">Back</a>`}
    <a class="button" href="/">To the accounts</a>
  </div>`;
}

/** A merchant on the way to UPS and back has no other page here to go to. */
export function sendProblemPage(
  req: Request,
  res: Response,
  { code, message, extras }: Refusal,
  publicUrl: string,
): void {
  const { status, title } = codes[code];
  // The codes' own titles are for those who build on the api.
  const heading = code === 'invalid-state' ? 'Please start again' : title;
  const content = html`<p role="alert">${message}</p>
    ${extras.wayOut === undefined ? '' : html`<p>${extras.wayOut}</p>`} ${isPage(res) ? wayOn(req, publicUrl) : nothing}
    <p class="hint foot">${code} · request <code>${requestIdOf(res)}</code></p>`;
  sendPage(res, status, cardPageOf(heading, content, { tone: 'bad' }));
}
