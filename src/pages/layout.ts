/** The shell of the pages for those who are signed in. */

import type { SignedIn } from '../api/session';
import { may } from '../api/roles';
import { hidden, html, nothing, pathOf, when, type Html } from '../web/html';
import { brand, documentOf } from '../web/page';
import { roleWords } from './words';

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
