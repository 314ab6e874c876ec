/** The two stops of a merchant's browser with us: the link that leads to UPS, and the way back. Neither needs a key. */

import { Router, type Request, type RequestHandler, type Response } from 'express';
import helmet from 'helmet';
import { reasons, type Outcome } from '../machines/reasons';
import { findLink, readCallback, takeCallback, type CallbackAnswer } from './actions/callback';
import { followLink, readLink, viewLink } from './actions/connect';
import { findEnding } from './actions/ending';
import type { LinkCookie } from '../linkCookies';
import { stateOf } from '../links';
import { cardPageOf, hideAddress, type CardOptions } from '../web/page';
import { relative } from '../web/times';
import { senderOf } from '../sender';
import { html, type Html } from '../web/html';
import { parametersIn } from './input';
import { Refusal } from './problems';
import { wrongMethod } from './requests';
import type { Services } from './services';
import { inPlace, lookUp } from './ticket';

/**
 * These addresses hold link tokens and codes, which no other site and no cache may see. It runs before anything that may
 * answer, so that errors and refusals hide them as well.
 */
export const keepPrivate: RequestHandler = (req, res, next) => {
  if (/^\/(connect|oauth)(\/|$)/i.test(req.path)) {
    hideAddress(res);
    res.set({ 'Cache-Control': 'no-store', 'X-Robots-Tag': 'noindex' });
  }
  next();
};

/** Where a form leads is asked of every redirect behind it, and UPS's login has addresses we do not know. */
const leadElsewhere = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    'default-src': ["'none'"],
    'style-src': ["'self'"],
    'img-src': ["'self'"],
    'frame-ancestors': ["'none'"],
    'base-uri': ["'none'"],
  },
});

function sendPage(res: Response, title: string, content: Html, options: CardOptions = {}): void {
  res
    .status(200)
    .type('html')
    .send(cardPageOf(title, content, options));
}

/**
 * A page of another site could press the button for the merchant, who would then not see who asks. A browser from before 2020
 * may send neither header, and is let through: its merchant must be able to connect, no session is at stake, and in newer
 * browsers no other page can send this request without naming its origin.
 */
function assertOwnForm(req: Request, publicUrl: string): void {
  if (senderOf(req.headers, publicUrl) !== 'other') return;
  throw new Refusal('forbidden', 'Open the link itself and press its button.');
}

const DONE = '/connect/done';

const outcomeTitles: Record<Outcome, string> = {
  connected: 'Connected to UPS',
  disconnected: 'Not connected',
  denied: 'Not connected',
  lapsed: 'Too late',
  replaced: 'An older link',
  pending: 'Not confirmed yet',
  failed: 'Nothing changed',
};

const outcomeTexts: Record<Outcome, string> = {
  connected: 'The account is connected to UPS. You may close this page.',
  disconnected: 'The account could not be connected.',
  denied: 'The account was not connected: access was declined.',
  lapsed: 'The link had lapsed before UPS sent you back.',
  replaced: 'A newer link took the place of this one: use that.',
  pending: 'UPS has not confirmed the account yet. It will be connected as soon as it does.',
  failed: 'The account is as it was before.',
};

const outcomeTones: Partial<Record<Outcome, 'good' | 'bad'>> = {
  connected: 'good',
  disconnected: 'bad',
  denied: 'bad',
};

/** Where the merchant came from, or our own last page. */
function wayOn({ accountId, outcome, reason, returnTo }: CallbackAnswer, publicUrl: string): string {
  const url = new URL(returnTo ?? DONE, publicUrl);
  // A returnTo may have parameters of these names, which are not an outcome of ours.
  for (const name of ['account', 'outcome', 'reason']) url.searchParams.delete(name);
  url.searchParams.set('account', accountId);
  url.searchParams.set('outcome', outcome);
  if (reason !== null) url.searchParams.set('reason', reason);
  return url.href;
}

/** Anybody can write an outcome into an address: what is shown is the stored end of the link this browser followed. */
async function sendDone(services: Services, req: Request, res: Response): Promise<void> {
  const accountId = parametersIn(req).get('account');
  const find = () => findEnding(services, { accountId, cookies: req.headers.cookie });
  const ending = await lookUp(res, { kind: 'link' }, find);
  if (ending === null) {
    const content = html`<p>
      The page that sent you to UPS shows whether the account is connected. You may close this page.
    </p>`;
    sendPage(res, 'Back from UPS', content);
    return;
  }
  const { outcome, reason } = ending;
  const why = reason === null ? null : reasons[reason];
  const content = html`<p>${outcomeTexts[outcome]}</p>
    ${
      why
        ? html`<p>${why.message}</p>
            <p>${why.nextStep.text}</p>`
        : ''
    }`;
  const tone = outcomeTones[outcome];
  sendPage(res, outcomeTitles[outcome], content, tone === undefined ? {} : { tone });
}

function setCookies(res: Response, cookies: readonly LinkCookie[], publicUrl: string): void {
  const secure = publicUrl.startsWith('https:');
  for (const { name, value, maxAgeMs } of cookies)
    res.cookie(name, value, { httpOnly: true, sameSite: 'lax', secure, path: '/', maxAge: maxAgeMs });
}

export function browserRouter(services: Services): Router {
  const { publicUrl } = services.config;
  const router = Router({ caseSensitive: true });

  router.use(['/connect', '/oauth'], leadElsewhere);

  router.get(DONE, (req, res) => sendDone(services, req, res));

  /** A link that is found here once need not wait behind made-up ones again, nor need the way back from UPS that it leads to. */
  async function onceFound<T>(
    req: Request<{ token: string }>,
    res: Response,
    use: (services: Services, text: string) => Promise<T>,
  ): Promise<T> {
    const { token } = req.params;
    const secrets = [token, stateOf(readLink(token))];
    return lookUp(res, { kind: 'link', secrets }, () => use(services, token));
  }

  router.get('/connect/:token', async (req, res) => {
    const { tenantName, accountNumber, expiresAt } = await onceFound(req, res, viewLink);
    const content = html`<p>
        <strong>${tenantName}</strong> asks for access to the UPS account
        <strong class="number">${accountNumber}</strong>.
      </p>
      <ol class="steps">
        <li>Continue to UPS.</li>
        <li>Sign in with the UPS ID that holds this account.</li>
        <li>Choose Allow. You come back here by yourself.</li>
      </ol>
      <form method="post"><button type="submit" class="primary wide">Continue to UPS</button></form>
      <p class="hint foot">
        If this browser is signed in to UPS with another ID, sign out there first. The link lapses
        ${relative(expiresAt, services.clock.now())}.
      </p>`;
    sendPage(res, 'Connect your UPS account', content, { tellsOrigin: true });
  });

  router.post('/connect/:token', async (req, res) => {
    assertOwnForm(req, publicUrl);
    const { location, cookies } = await onceFound(req, res, (all, text) =>
      followLink(all, { text, cookies: req.headers.cookie }),
    );
    setCookies(res, cookies, publicUrl);
    res.redirect(303, location);
  });

  // Before GET, which Express would otherwise answer it with: what only looks must not use up the code.
  router.head('/oauth/callback', (_req, res) => {
    res.status(204).end();
  });

  router.get('/oauth/callback', async (req, res) => {
    const query = parametersIn(req);
    const brought = readCallback(services, { query, cookies: req.headers.cookie });
    const found = await lookUp(res, { kind: 'link', secrets: [brought.state] }, () => findLink(services, brought));
    const answer = await inPlace(res, () => takeCallback(services, found, brought), found.document.id);
    setCookies(res, answer.cookies, publicUrl);
    res.redirect(303, wayOn(answer, publicUrl));
  });

  router.all(DONE, wrongMethod(['GET', 'HEAD']));
  router.all('/connect/:token', wrongMethod(['GET', 'HEAD', 'POST']));
  router.all('/oauth/callback', wrongMethod(['GET', 'HEAD']));

  return router;
}
