/** Signing in with an API key, and out again. The key is posted, looked up, and forgotten: a session stands for it. */

import { Router } from 'express';
import { readQuery } from '../api/input';
import { may } from '../api/roles';
import { findKey } from '../api/serve';
import type { Services } from '../api/services';
import type { ApiKey, Found } from '../db/apiKeys';
import { localPathOf } from '../webAddress';
import { fieldsOf, parseForm } from './forms';
import { assertOwnPage, endSession, hasSessionCookie, isOwnForm, signedInWith, startSession } from '../api/session';
import { flag, hidden, html, when, type Html } from '../web/html';
import { cardPageOf, sendPage } from '../web/page';

/** A path of ours, whatever was asked for: nobody is sent elsewhere after signing in. */
export const localPath = (text: string | undefined): string =>
  (text?.startsWith('/') ? localPathOf(text) : null) ?? '/';

interface Shown {
  next: string;
  note: string | null;
  error: string | null;
  isSandbox: boolean;
}

const signInPage = ({ next, note, error, isSandbox }: Shown): Html => html`
  ${note === null ? '' : html`<p class="message info" role="status">${note}</p>`}
  <p>See your UPS accounts, connect them, and mend what is broken.</p>
  <form method="post" action="/sign-in" class="stack">
    ${hidden('next', next)}
    <div class="field">
      <label for="key">API key</label>
      <input
        id="key"
        name="key"
        type="password"
        autocomplete="current-password"
        spellcheck="false"
        required
        ${flag('autofocus', true)}
        aria-describedby="key-hint${error === null ? '' : ' key-error'}"
        ${error === null ? '' : { markup: 'aria-invalid="true"' }}
      />
      ${error === null ? '' : html`<p class="field-error" id="key-error" role="alert">${error}</p>`}
      <p class="hint" id="key-hint">It begins with upl_ and is kept nowhere on this page.</p>
    </div>
    <button type="submit" class="primary wide">Sign in</button>
  </form>
  ${when(
    isSandbox,
    () =>
      html`<p class="hint foot">
        Trying it out? <code>npm start</code> printed a key per role; they are in <code>start.json</code> in its data
        folder as well.
      </p>`,
  )}
`;

const MISSING = 'Enter an API key.';
const UNKNOWN = 'This API key does not exist, or was deleted. Check that all of it was pasted.';
const KEY_EXPIRED =
  'This API key has expired. Sign in with another one, or ask the person who gave it to you for a new one.';
const NO_PAGES = 'A key of role metrics reads /metrics only. Sign in with a key of another role.';
const EXPIRED =
  'Your session has ended. It lasts twelve hours, and no longer than its API key. Sign in again to go on where you were.';

function judge(text: string, found: Found): { error: string } | { key: ApiKey } {
  if (text === '') return { error: MISSING };
  if (found === null) return { error: UNKNOWN };
  if (found === 'expired') return { error: KEY_EXPIRED };
  return may(found.role, 'read') ? { key: found } : { error: NO_PAGES };
}

export function signInRouter(services: Services): Router {
  const { config } = services;
  const isSandbox = config.ups.environment === 'sandbox';
  const router = Router();

  router.get('/sign-in', async (req, res) => {
    const { next, expired } = readQuery(req);
    if (await signedInWith(services, req.headers.cookie, res)) {
      res.redirect(303, localPath(next));
      return;
    }
    // Anybody can write this address. A cookie whose session is gone shows that there was one.
    const hasEnded = expired !== undefined && hasSessionCookie(req, config.publicUrl);
    const note = hasEnded ? EXPIRED : null;
    sendPage(res, 200, cardPageOf('Sign in', signInPage({ next: localPath(next), note, error: null, isSandbox })));
  });

  router.post('/sign-in', parseForm, async (req, res) => {
    assertOwnPage(req, services);
    const { key = '', next } = fieldsOf(req);
    const judged = judge(key.trim(), await findKey(services, key.trim(), res));
    if ('error' in judged) {
      const { error } = judged;
      sendPage(res, 401, cardPageOf('Sign in', signInPage({ next: localPath(next), note: null, error, isSandbox })));
      return;
    }
    await endSession(services, req, res);
    await startSession(services, res, judged.key);
    res.redirect(303, localPath(next));
  });

  router.post('/sign-out', parseForm, async (req, res) => {
    assertOwnPage(req, services);
    const signedIn = await signedInWith(services, req.headers.cookie, res);
    // Signing somebody out is a nuisance, but somebody's all the same.
    if (signedIn && isOwnForm(signedIn, fieldsOf(req)['formToken'])) await endSession(services, req, res);
    res.redirect(303, '/sign-in');
  });

  return router;
}
