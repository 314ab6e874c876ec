/** One account: what it is at, what to do next, what it holds, and how it came to be so. */

import { may } from '../../api/roles';
import type { AccountJson } from '../../api/schemas/answers';
import { html, pathOf, when, type Html } from '../../web/html';
import { icon } from '../../web/icons';
import { ago, onDay } from '../../web/times';
import type { Message } from '../verdictWords';
import { tenantIn } from '../visitor';
import { badge, detailWords, isUnderWay, moverWords, ownerWords, policyWords, stateWords } from '../words';
import { actionsSection } from './actionsView';
import { explainSection, historySection } from './historyView';
import type { AccountShown } from './read';
import { tagOf } from './read';
import { tokenSection } from './tokenView';

/** How often the page asks whether anything has changed. */
const SOON_MS = 1_000;
const CALM_MS = 4_000;

export function accountView(shown: AccountShown, message: Message | null): Html {
  const { account, visit } = shown;
  const tenantId = tenantIn(visit);
  return html`
    <nav class="crumbs" aria-label="Breadcrumb"><a href="${pathOf('/', { tenantId })}">Accounts</a></nav>
    <div class="title">
      <h1><span class="name">${account.name}</span> <span class="number">${account.accountNumber}</span></h1>
    </div>
    ${message === null ? '' : messageBox(message)}
    <div class="columns" data-live-from="${pathOf(`/accounts/${account.id}/live`, { tenantId })}">
      ${liveParts(shown)}
    </div>
    <noscript><p class="hint">Reload this page to see what has changed.</p></noscript>
  `;
}

/** Everything that changes by itself; the page's script puts in what differs. */
export function liveParts(shown: AccountShown): Html {
  return html`<div class="main-column">${statusSection(shown)} ${actionsSection(shown)} ${historySection(shown)}</div>
    <div class="side-column">${tokenSection(shown)} ${settingsSection(shown)} ${explainSection(shown)}</div>`;
}

const messageBox = ({ tone, text, more }: Message): Html =>
  html`<div class="message ${tone}" role="${tone === 'bad' ? 'alert' : 'status'}">
    ${icon(tone === 'good' ? 'connected' : tone === 'bad' ? 'warning' : 'info')}
    <div>
      <p><strong>${text}</strong></p>
      ${more === null ? '' : html`<p>${more}</p>`}
    </div>
  </div>`;

/** Said to those who listen to the page, when it changes. */
function announcement({ account }: AccountShown): string {
  const generation = account.token === null ? '' : ` Token generation ${account.token.generation}.`;
  return `${stateWords[account.state]}. ${account.message} ${detailWords(account).join(' ')}${generation}`;
}

function statusSection(shown: AccountShown): Html {
  const { account, now } = shown;
  const isBusy = isUnderWay(account);
  return html`<section
    class="panel status ${account.state}"
    aria-labelledby="status-title"
    data-live="status"
    data-tag="${tagOf(account)}"
    data-every="${isBusy ? SOON_MS : CALM_MS}"
    data-announce="${announcement(shown)}"
  >
    <div class="status-head">
      <h2 id="status-title" class="unseen">State</h2>
      ${badge(account.state)}
      ${when(isBusy, () => html`<span class="busy">${isAwaited(account) ? 'waiting for the merchant' : 'working'}</span>`)}
      <span class="hint">changed ${ago(account.since, now)}</span>
    </div>
    <p class="big">${account.message}</p>
    ${detailWords(account).map((words) => html`<p class="detail">${words}</p>`)} ${nextStep(shown)} ${lastTry(shown)}
  </section>`;
}

const isAwaited = ({ stateDetail }: AccountJson): boolean => stateDetail.consent === 'awaiting';

function nextStep({ account }: AccountShown): Html {
  if (account.nextStep === null) return when(!isUnderWay(account), () => html`<p class="hint">Nothing to do.</p>`);
  const { who, text } = account.nextStep;
  return html`<div class="next">
    <h3>Next step</h3>
    <p>${text}</p>
    <p class="hint">Whose move: <strong>${moverWords[who]}</strong></p>
  </div>`;
}

const outcomeWords: Record<string, string> = {
  connected: 'connected',
  disconnected: 'not confirmed by UPS',
  denied: 'declined at UPS',
  lapsed: 'not finished in time',
  replaced: 'replaced by a newer link',
  pending: 'not confirmed yet',
  failed: 'came to nothing, the account stayed as it was',
};

function lastTry({ account, now }: AccountShown): Html {
  const last = account.lastAuthorization;
  if (last === null) return html``;
  return html`<p class="hint">
    Last authorization: ${outcomeWords[last.outcome] ?? last.outcome}, ${ago(last.at, now)}.
  </p>`;
}

function settingsSection({ account, visit }: AccountShown): Html {
  const { address } = account;
  const place = [address.city, address.stateProvinceCode, address.postalCode]
    .filter((part) => part !== null)
    .join(', ');
  return html`<section class="panel" aria-labelledby="settings-title" data-live="settings">
    <h2 id="settings-title">Settings</h2>
    <dl>
      <dt>Who pays</dt>
      <dd>${ownerWords[account.owner]}</dd>
      <dt>Ship-from</dt>
      <dd>${address.addressLine}<br />${place}, ${address.countryCode}</dd>
      <dt>Refresh policy</dt>
      <dd>${policyWords[account.refreshPolicy]}</dd>
      ${
        account.externalId === null
          ? ''
          : html`<dt>Your own id</dt>
              <dd>${account.externalId}</dd>`
      }
      <dt>Used by</dt>
      <dd>
        ${
          account.usedBy.length === 0
            ? 'No store or warehouse'
            : html`<ul class="plain">
                ${account.usedBy.map(({ kind, ref }) => html`<li>${kind} ${ref}</li>`)}
              </ul>`
        }
      </dd>
      <dt>Created</dt>
      <dd>${onDay(account.createdAt)}</dd>
      <dt>Id</dt>
      <dd><code>${account.id}</code></dd>
    </dl>
    ${when(
      may(visit.caller.role, 'write'),
      () =>
        html`<p>
          <a href="${pathOf(`/accounts/${account.id}/settings`, { tenantId: tenantIn(visit) })}">Change settings</a>
        </p>`,
    )}
  </section>`;
}
