/** The document around every page, and the plain card: for a merchant on the way to UPS and back, and for problems. */

import type { Response } from 'express';
import { mark, script, style } from './assets';
import { html, nothing, when, type Html } from './html';
import { icon } from './icons';

/** What may run and load: our own files. Nothing stands in the page itself, so nothing put into one could run. */
const POLICY = [
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

export const documentOf = (title: string, body: Html, { runs = false, tellsOrigin = false } = {}): string =>
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

export const brand = html`<img class="mark" src="${mark.url}" alt="" width="28" height="28" /><span class="word"
    >upslink</span
  >`;

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
