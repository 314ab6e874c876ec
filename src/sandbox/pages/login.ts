import { Router } from 'express';
import { readAuthorizationRequest, toParams } from '../authorization';
import type { Form } from '../form';
import { findProfile } from '../profiles';
import type { Sandbox } from '../sandbox';
import { hiddenFields, html, type Html } from './html';
import { errorNote, sendPage } from './layout';
import { bodyForm, queryForm } from './page-form';
import { endSession, findSession, isOwnForm, startSession } from './session';

/** Login for an application's wish (its parameters travel along) or, without one, for the own pages. */
export function loginRouter(sandbox: Sandbox): Router {
  const router = Router();

  router.get('/login', (req, res) => {
    const onward = onwardFrom(sandbox, queryForm(req));
    if (findSession(sandbox, req)) res.redirect(303, onward.next);
    else sendPage(res, 200, 'Log in to UPS', loginForm(onward, '', null));
  });

  router.post('/login', async (req, res) => {
    const form = bodyForm(req);
    const onward = onwardFrom(sandbox, form);
    const username = form.get('username')?.trim() ?? '';
    const profile = findProfile(sandbox, username, form.get('password') ?? '');
    if (!profile) {
      const why = 'That user ID and password do not go together. Check both and try again.';
      sendPage(res, 401, 'Log in to UPS', loginForm(onward, username, why));
      return;
    }
    startSession(sandbox, req, res, profile.username, form.get('keep') !== null);
    await sandbox.synced();
    res.redirect(303, onward.next);
  });

  router.post('/logout', async (req, res) => {
    const form = bodyForm(req);
    const session = findSession(sandbox, req);
    // Logging out by a forged form would let another page choose who authorizes next.
    if (session && isOwnForm(session, form.get('form_key'))) endSession(sandbox, req, res);
    await sandbox.synced();
    const { params } = onwardFrom(sandbox, form);
    res.redirect(303, params ? `/login?${params.toString()}` : '/login');
  });

  return router;
}

/** Where a login leads: to the consent for an application, or to the profile's own page. */
interface Onward {
  readonly next: string;
  readonly params: URLSearchParams | null;
}

function onwardFrom(sandbox: Sandbox, form: Form): Onward {
  if (form.get('client_id') === null) return { next: '/accounts-and-payment', params: null };
  const params = toParams(sandbox, readAuthorizationRequest(sandbox, form));
  return { next: `/consent?${params.toString()}`, params };
}

const loginForm = ({ params }: Onward, username: string, error: string | null): Html => html`
  ${errorNote(error)}
  ${params ? html`<p>Log in with the UPS ID that <strong>upslink</strong> shall act for.</p>` : null}
  <form method="post" action="/login">
    ${hiddenFields(params ?? nothing)}
    <label for="username">User ID</label>
    <input id="username" name="username" value="${username}" autocomplete="username" required autofocus />
    <label for="password">Password</label>
    <input id="password" name="password" type="password" autocomplete="current-password" required />
    <label class="check"
      ><input type="checkbox" name="keep" value="yes" checked /> Keep me logged in on this browser</label
    >
    <div class="actions"><button type="submit">Log in</button></div>
  </form>
`;

const nothing: Iterable<[string, string]> = [];
