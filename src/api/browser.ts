/** The two stops of a merchant's browser with us: the link that leads to UPS, and the way back. Neither needs a key. */

import { Router, type Request, type Response } from 'express';
import helmet from 'helmet';
import { reasons, type Outcome } from '../machines/reasons';
import { findLink, readCallback, takeCallback, type CallbackAnswer } from './actions/callback';
import { followLink, readLink, viewLink } from './actions/connect';
import { cardPageOf } from '../pages/layout';
import { stateOf } from '../links';
import { relative } from '../pages/times';
import { html, type Html } from './html';
import { parametersIn } from './input';
import { Refusal } from './problems';
import { wrongMethod } from './requests';
import type { Services } from './services';
import { inPlace, lookUp } from './ticket';

function setPrivate(res: Response): void {
  res.set({ 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer', 'X-Robots-Tag': 'noindex' });
}

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

function sendPage(res: Response, title: string, content: Html, tone?: 'good' | 'bad'): void {
  res
    .status(200)
    .type('html')
    .send(cardPageOf(title, content, tone === undefined ? {} : { tone }));
}

/** Browsers say where a form was sent from; one of another site could skip the page that shows who asks. */
function assertOwnForm(req: Request): void {
  const site = req.get('sec-fetch-site');
  if (site === undefined || site === 'same-origin' || site === 'none') return;
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

const isOutcome = (text: string): text is Outcome => Object.hasOwn(outcomeTexts, text);
const isReason = (text: string): text is keyof typeof reasons => Object.hasOwn(reasons, text);

/** Where the merchant came from, or our own last page. */
function wayOn({ accountId, outcome, reason, returnTo }: CallbackAnswer, publicUrl: string): string {
  const url = new URL(returnTo ?? DONE, publicUrl);
  url.searchParams.set('account', accountId);
  url.searchParams.set('outcome', outcome);
  if (reason !== null) url.searchParams.set('reason', reason);
  return url.href;
}

/** Sentences of ours only; what the address says is looked up, never shown. */
function sendDone(req: Request, res: Response): void {
  const query = parametersIn(req);
  const outcome = query.get('outcome') ?? '';
  const reason = query.get('reason') ?? '';
  if (!isOutcome(outcome)) throw new Refusal('not-found', 'There is no such page.');
  const why = isReason(reason) ? reasons[reason] : null;
  const content = html`<p>${outcomeTexts[outcome]}</p>
    ${
      why
        ? html`<p>${why.message}</p>
            <p>${why.nextStep.text}</p>`
        : ''
    }`;
  sendPage(res, outcomeTitles[outcome], content, outcomeTones[outcome]);
}

export function browserRouter(services: Services): Router {
  const { publicUrl } = services.config;
  const isHttps = publicUrl.startsWith('https:');
  const router = Router({ caseSensitive: true });

  router.use(['/connect', '/oauth'], leadElsewhere, (_req, res, next) => {
    setPrivate(res);
    next();
  });

  router.get(DONE, sendDone);

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
    sendPage(res, 'Connect your UPS account', content);
  });

  router.post('/connect/:token', async (req, res) => {
    assertOwnForm(req);
    const { location, cookie } = await onceFound(req, res, followLink);
    const { name, value, maxAgeMs } = cookie;
    res.cookie(name, value, { httpOnly: true, sameSite: 'lax', secure: isHttps, path: '/', maxAge: maxAgeMs });
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
    const answer = await inPlace(res, () => takeCallback(services, found, query), found.document.id);
    res.redirect(303, wayOn(answer, publicUrl));
  });

  router.all(DONE, wrongMethod(['GET', 'HEAD']));
  router.all('/connect/:token', wrongMethod(['GET', 'HEAD', 'POST']));
  router.all('/oauth/callback', wrongMethod(['GET', 'HEAD']));

  return router;
}
