/** The buttons: those the account takes in its state, for those whose role may press them. */

import { may } from '../../api/roles';
import type { AccountJson } from '../../api/schemas/answers';
import { hidden, html, nothing, pathOf, when, type Html } from '../../web/html';
import { tenantIn } from '../visitor';
import type { AccountShown } from './read';

type Button = 'authorize' | 'refresh' | 'verify' | 'cancel' | 'restore' | 'deactivate' | 'reactivate' | 'disconnect';

/** Which event a button's address dispatches. */
export const eventOf = {
  authorize: 'AUTHORIZE',
  refresh: 'REFRESH',
  verify: 'VERIFY',
  cancel: 'CANCEL_AUTHORIZATION',
  restore: 'RESTORE_ACCESS_KEY',
  deactivate: 'DEACTIVATE',
  reactivate: 'REACTIVATE',
  disconnect: 'DISCONNECT',
} as const satisfies Record<Button, string>;

export const isButton = (text: string): text is Button => Object.hasOwn(eventOf, text);

export function actionsSection(shown: AccountShown): Html {
  const { visit, account, allowed } = shown;
  if (!may(visit.caller.role, 'write')) return nothing;
  const takes = (button: Button) => allowed.includes(eventOf[button]);
  const isDangerShown = takes('deactivate') || takes('disconnect');
  return html`<section class="panel" aria-labelledby="actions-title" data-live="actions">
    <h2 id="actions-title">Actions</h2>
    <div class="buttons">
      ${when(isOnKey(account), () => resolveLink(shown))}
      ${when(takes('authorize') && !isOnKey(account), () =>
        simple(shown, 'authorize', authorizeLabel(account), isWanted(account)),
      )}
      ${when(needsProfile(account), () => guideLink(shown))}
      ${when(takes('reactivate'), () => simple(shown, 'reactivate', 'Reactivate', true))}
      ${when(takes('refresh'), () => simple(shown, 'refresh', 'Refresh now'))}
      ${when(takes('verify'), () => simple(shown, 'verify', 'Verify'))}
      ${when(takes('cancel'), () => simple(shown, 'cancel', 'Cancel authorization'))}
      ${when(takes('restore'), () => simple(shown, 'restore', 'Take the migration back'))}
    </div>
    ${when(
      isDangerShown,
      () =>
        html`<div class="dangers">
          ${when(takes('disconnect') && may(visit.caller.role, 'disconnect'), () => disconnect(shown))}
          ${when(takes('deactivate'), () => deactivate(shown))}
        </div>`,
    )}
  </section>`;
}

function authorizeLabel({ state }: AccountJson): string {
  if (state === 'created') return 'Authorize';
  return state === 'pending-authorization' || state === 'migrating' ? 'Get a new link' : 'Reconnect';
}

/** It leaves its key by Resolve; once it is on the way to UPS, by its link. */
const isOnKey = ({ scheme, state }: AccountJson): boolean => scheme === 'access-key' && state !== 'migrating';

const needsProfile = ({ state, reason, lastAuthorization }: AccountJson): boolean =>
  state === 'created' || [reason, lastAuthorization?.reason].includes('account-not-in-profile');

const resolveLink = ({ account, visit }: AccountShown): Html =>
  html`<a
    class="button primary"
    id="do-resolve"
    href="${pathOf(`/accounts/${account.id}/resolve`, { tenantId: tenantIn(visit) })}"
    >Resolve</a
  >`;

const guideLink = ({ account, visit }: AccountShown): Html =>
  html`<a class="button" href="${pathOf(`/accounts/${account.id}/profile-guide`, { tenantId: tenantIn(visit) })}"
    >Add it to a UPS profile</a
  >`;

/** The one thing to do now. */
const isWanted = ({ state, stateDetail }: AccountJson): boolean =>
  state === 'created' || state === 'disconnected' || stateDetail.token === 'ending';

const addressOf = ({ account, visit }: AccountShown, button: Button): string =>
  pathOf(`/accounts/${account.id}/${button}`, { tenantId: tenantIn(visit) });

/** With the seq it was shown at: the same button of the same page, pressed twice, has one effect. */
function fieldsOf({ account, visit }: AccountShown): Html {
  return html`${hidden('formToken', visit.signedIn.formToken)}${hidden('seq', String(account.seq))}`;
}

const simple = (shown: AccountShown, button: Button, label: string, isPrimary = false): Html =>
  html`<form method="post" action="${addressOf(shown, button)}">
    ${fieldsOf(shown)}<button type="submit" id="do-${button}" class="${isPrimary ? 'primary' : ''}">${label}</button>
  </form>`;

const disconnect = (shown: AccountShown): Html =>
  html`<details id="ask-disconnect">
    <summary>Disconnect …</summary>
    <form method="post" action="${addressOf(shown, 'disconnect')}" class="stack">
      <p>The tokens are destroyed. The merchant has to sign in to UPS to connect the account again.</p>
      <div class="field">
        <label for="note">Why</label>
        <input id="note" name="note" required maxlength="500" autocomplete="off" aria-describedby="note-hint" />
        <p class="hint" id="note-hint">Kept in the account's history.</p>
      </div>
      ${fieldsOf(shown)}<button type="submit" class="danger">Disconnect the account</button>
    </form>
  </details>`;

const deactivate = (shown: AccountShown): Html =>
  html`<details id="ask-deactivate">
    <summary>Deactivate …</summary>
    <form method="post" action="${addressOf(shown, 'deactivate')}" class="stack">
      <p>
        The account becomes inactive and its tokens and keys are destroyed. It can be reactivated, and has to be
        authorized anew then. A store or warehouse that uses it prevents this.
      </p>
      ${fieldsOf(shown)}<button type="submit" class="danger">Deactivate the account</button>
    </form>
  </details>`;
