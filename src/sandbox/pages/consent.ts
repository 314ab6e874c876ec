import { Router, type Response } from 'express';
import { AUTHORIZE_PATH, denied, grantCode, readAuthorizationRequest, toParams } from '../authorization';
import { badRequest } from '../answer';
import { underFault } from '../under-fault';
import type { Sandbox } from '../sandbox';
import { hiddenFields, html, type Html } from './html';
import { sendPage } from './layout';
import { bodyForm, queryForm } from './page-form';
import { findSession, isOwnForm, type Session } from './session';

/** The merchant's word: may this application act for the profile this browser is logged in to? */
export function consentRouter(sandbox: Sandbox): Router {
  const router = Router();

  router.get('/consent', (req, res) => {
    const params = toParams(sandbox, readAuthorizationRequest(sandbox, queryForm(req)));
    const session = findSession(sandbox, req);
    if (session) sendPage(res, 200, 'Allow access?', consentForm(session, params));
    else res.redirect(303, `/login?${params.toString()}`);
  });

  router.post('/consent', async (req, res) => {
    const form = bodyForm(req);
    const request = readAuthorizationRequest(sandbox, form);
    const session = findSession(sandbox, req);
    if (!session || !isOwnForm(session, form.get('form_key'))) {
      res.redirect(303, `/consent?${toParams(sandbox, request).toString()}`);
      return;
    }
    const { username } = session.profile;
    const decision = form.get('decision');
    const onward = await underConsentFault(sandbox, username, res, async () => {
      if (decision === 'deny') return denied(request);
      if (decision === 'allow') return grantCode(sandbox, request, username);
      throw badRequest('decision must be allow or deny');
    });
    if (onward !== null) res.redirect(303, onward);
  });

  return router;
}

/** Faults at authorize that name a username meet it here, where it is known who agrees; the others were met at GET authorize. */
function underConsentFault(
  sandbox: Sandbox,
  username: string,
  res: Response,
  work: () => Promise<string>,
): Promise<string | null> {
  const subject = { path: AUTHORIZE_PATH, username, accountNumber: null };
  const fault = sandbox.faults.take(subject, ({ match }) => match.username !== undefined);
  return underFault(sandbox, fault, username, res, work);
}

function consentForm({ profile, formKey }: Session, params: URLSearchParams): Html {
  const fields = hiddenFields([...params, ['form_key', formKey]]);
  const accounts = profile.accounts.map(({ accountNumber, nickname }) => {
    return html`<li><code>${accountNumber}</code>${nickname ? ` – ${nickname}` : ''}</li>`;
  });
  return html`
    <p>
      <strong>upslink</strong> wants to rate and ship with the accounts of the UPS profile
      <strong>${profile.username}</strong>.
    </p>
    ${
      accounts.length > 0
        ? html`<p>Accounts in this profile:</p>
            <ul>
              ${accounts}
            </ul>`
        : html`<p class="error">There is no shipper account in this profile.</p>`
    }
    <form method="post" action="/consent">
      ${fields}
      <div class="actions">
        <button type="submit" name="decision" value="allow">Allow</button>
        <button type="submit" name="decision" value="deny" class="quiet">Deny</button>
      </div>
    </form>
    <form method="post" action="/logout">
      ${fields}
      <p class="hint">Not the right profile? <button type="submit" class="link">Use another UPS ID</button></p>
    </form>
  `;
}
