/** The shell of every page: for those who are signed in, and for a merchant on the way to UPS and back. */

import type { Response } from 'express';
import { may } from '../api/roles';
import { mark, script, style } from './assets';
import { hidden, html, nothing, pathOf, when, type Html } from './html';
import { icon } from './icons';
import type { SignedIn } from './session';
import { roleWords } from './words';

/** What may run and load: our own files. Nothing stands in the page itself, so nothing put into one could run. */
export const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * Under `no-referrer` browsers send `Origin: null` with a page's form, as they do for a page of another site that hides. Where
 * they send nothing else, the two cannot be told apart. This policy sends the origin, and still hides the address.
 */
const originOnly = html`<meta name="referrer" content="strict-origin" />`;

const documentOf = (title: string, body: Html, { runs = false, tellsOrigin = false } = {}): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        ${when(tellsOrigin, () => originOnly)}
        <title>${title} · upslink</title>
        <link rel="icon" href="${mark.url}" type="image/svg+xml" />
        <link rel="stylesheet" href="${style.url}" />
        ${when(runs, () => html`<script src="${script.url}" defer></script>`)}
      </head>
      ${body}
    </html> `.markup;

const brand = html`<img class="mark" src="${mark.url}" alt="" width="28" height="28" /><span class="word"
    >upslink</span
  >`;

export interface Frame {
  signedIn: SignedIn;
  /** The tenant looked at; null: all of them. */
  tenantId: string | null;
  isSandbox: boolean;
  hasQueues: boolean;
  /** What an admin must see to before anything else; null: nothing. */
  notice?: string | null;
  now: number;
}

function banner({ signedIn, tenantId, isSandbox, hasQueues }: Frame): Html {
  const { role } = signedIn.caller;
  const tenant = role === 'admin' ? tenantId : null;
  return html`<header class="top">
    <div class="inner">
      <a class="brand" href="${pathOf('/', { tenantId: tenant })}" aria-label="upslink, accounts">${brand}</a>
      <nav aria-label="Main">
        <a href="${pathOf('/', { tenantId: tenant })}">Accounts</a>
        <a href="${pathOf('/access-keys', { tenantId: tenant })}">Old keys</a>
        <a href="${pathOf('/campaigns', { tenantId: tenant })}">Campaigns</a>
        ${when(may(role, 'api-keys'), () => html`<a href="${pathOf('/keys', { tenantId: tenant })}">Keys</a>`)}
        ${when(role === 'admin', () => html`<a href="${pathOf('/forecast', { tenantId: tenant })}">Forecast</a>`)}
        ${when(role === 'admin', () => html`<a href="/outages">Outages</a>`)}
        ${when(role === 'admin' && hasQueues, () => html`<a href="/admin/queues">Queues</a>`)}
        <a href="/docs">API</a>
      </nav>
      <div class="who">
        ${when(isSandbox, () => html`<span class="chip sandbox">UPS sandbox</span>`)}
        <span class="chip"
          >${roleWords[role]}${tenantId === null ? ' · all tenants' : html` · <span class="name">${tenantId}</span>`}</span
        >
        <form method="post" action="/sign-out">
          ${hidden('formToken', signedIn.formToken)}<button type="submit" class="quiet small">Sign out</button>
        </form>
      </div>
    </div>
  </header>`;
}

const noticeIn = ({ notice, signedIn }: Frame): Html =>
  notice !== null && notice !== undefined && signedIn.caller.role === 'admin'
    ? html`<div class="message bad" role="alert"><p>${notice}</p></div>`
    : nothing;

export const pageOf = (title: string, frame: Frame, content: Html): string =>
  documentOf(
    title,
    html`<body data-now="${new Date(frame.now).toISOString()}">
      <a class="skip" href="#main">Skip to the content</a>
      ${banner(frame)}
      <main id="main" tabindex="-1">${noticeIn(frame)}${content}</main>
      <p class="unseen" role="status" id="announcer"></p>
    </body>`,
    { runs: true },
  );

export interface CardOptions {
  tone?: 'bad' | 'good';
  isWide?: boolean;
  /** Its form tells where it was sent from, although its address is hidden. */
  tellsOrigin?: boolean;
}

/** A page with one thing to say or do, and nobody signed in. It runs nothing. */
export const cardPageOf = (title: string, content: Html, options: CardOptions = {}): string =>
  documentOf(
    title,
    html`<body class="alone">
      <a class="skip" href="#main">Skip to the content</a>
      <header class="top bare"><span class="brand">${brand}</span></header>
      <main id="main" tabindex="-1" class="card ${options.tone ?? ''} ${options.isWide ? 'prose' : ''}">
        <h1>
          ${options.tone === 'bad' ? icon('warning') : options.tone === 'good' ? icon('connected') : nothing}${title}
        </h1>
        ${content}
      </main>
    </body>`,
    { tellsOrigin: options.tellsOrigin ?? false },
  );

/** For addresses that hold secrets: no request that starts from such a page names it. */
export function hideAddress(res: Response): void {
  res.locals['isAddressHidden'] = true;
  res.set('Referrer-Policy', 'no-referrer');
}

export function sendPage(res: Response, status: number, markup: string): void {
  res.status(status);
  res.set({
    'Content-Security-Policy': POLICY,
    'Cache-Control': 'no-store',
    // Not no-referrer: browsers would then send `Origin: null` with our own forms.
    'Referrer-Policy': res.locals['isAddressHidden'] === true ? 'no-referrer' : 'same-origin',
    'X-Robots-Tag': 'noindex',
  });
  res.type('html').send(markup);
}
