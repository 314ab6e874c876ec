import { html, nothing, type Html } from '../../web/html';
import { ago, onDay } from '../../web/times';
import { leftChip } from '../words';
import type { AccountShown } from './read';

const without: Record<string, string> = {
  created: 'None yet: they come with the first authorization.',
  'pending-authorization': 'None yet: they come when UPS has confirmed the account.',
  disconnected: 'None: the account is not connected.',
  inactive: 'None: they were destroyed when the account was deactivated.',
};

/** Facts about the tokens. The tokens themselves appear on no page. */
export function tokenSection(shown: AccountShown): Html {
  const { account } = shown;
  return html`<section class="panel" aria-labelledby="token-title" data-live="token">
    <h2 id="token-title">Tokens</h2>
    ${account.token === null ? html`<p class="hint">${withoutWords(shown)}</p>` : tokenFacts(shown)} ${keyFacts(shown)}
  </section>`;
}

const withoutWords = ({ account }: AccountShown): string =>
  account.scheme === 'access-key' ? 'None: the account is on an old access key.' : (without[account.state] ?? 'None.');

/** The key itself appears on no page. */
function keyFacts({ account: { accessKey, scheme }, now }: AccountShown): Html {
  if (accessKey === null) return nothing;
  const { fingerprint, deadline, daysLeft, remindAt, keptUntil } = accessKey;
  return html`<h3>Access key</h3>
    <dl>
      <dt>${scheme === 'access-key' ? 'UPS takes it until' : 'Replaced by OAuth'}</dt>
      <dd>
        ${scheme === 'access-key' ? html`${onDay(deadline)} ${leftChip(daysLeft)}` : 'The tokens above serve now'}
      </dd>
      ${
        remindAt === null
          ? nothing
          : html`<dt>Postponed to</dt>
              <dd>${onDay(remindAt)}</dd>`
      }
      ${
        keptUntil === null
          ? nothing
          : html`<dt>Kept, to take the migration back</dt>
              <dd>${ago(keptUntil, now)}</dd>`
      }
      <dt>Fingerprint</dt>
      <dd><code>${fingerprint}</code></dd>
    </dl>`;
}

function tokenFacts({ account, explanation, now }: AccountShown): Html {
  const { token, lastAuthorization } = account;
  if (token === null) return html``;
  const issuedAt = token.lastRefreshAt ?? lastAuthorization?.at ?? account.since;
  const due = explanation.pending.find(({ what }) => what === 'REFRESH_DUE' || what === 'REFRESH_RETRIED')?.at ?? null;
  return html`
    <progress
      class="life"
      aria-hidden="true"
      max="${Date.parse(token.expiresAt) - Date.parse(issuedAt)}"
      value="${Math.max(0, Date.parse(token.expiresAt) - now)}"
      data-until="${token.expiresAt}"
    ></progress>
    <dl>
      <dt>Access token expires</dt>
      <dd>${ago(token.expiresAt, now)}</dd>
      ${
        due === null
          ? ''
          : html`<dt>Next refresh</dt>
              <dd>${ago(due, now)}</dd>`
      }
      <dt>Last refresh</dt>
      <dd>
        ${token.lastRefreshAt === null ? 'None yet: this is the pair UPS issued first' : ago(token.lastRefreshAt, now)}
      </dd>
      <dt>Generation</dt>
      <dd id="generation">${token.generation}</dd>
      <dt>UPS's permission lasts until</dt>
      <dd>${onDay(token.refreshExpiresAt)}</dd>
    </dl>
  `;
}
