import type { AccountJson } from '../../api/schemas/answers';
import { DAY_MS } from '../../durations';
import { errorSummary, textField, type Field, type Filled } from '../fields';
import { hidden, html, nothing, pathOf, when, type Html } from '../../web/html';
import { dateOf, onDay } from '../../web/times';
import { tenantIn, type TenantVisit } from '../visitor';
import { badge, leftChip } from '../words';

interface ResolveShown extends Filled {
  visit: TenantVisit;
  account: AccountJson;
}

const grace: Field = {
  name: 'graceDays',
  label: 'Keep the old key for so many days afterwards',
  hint: 'In case the migration is to be taken back; 0 destroys it as soon as UPS has confirmed the account.',
  isOptional: true,
  type: 'number',
  min: '0',
  max: '90',
};
const labels = { until: 'The day', graceDays: 'The number of days' };

export function resolveView(shown: ResolveShown): Html {
  const { visit, account, errors } = shown;
  const tenantId = tenantIn(visit);
  const home = pathOf(`/accounts/${account.id}`, { tenantId });
  return html`
    <nav class="crumbs" aria-label="Breadcrumb">
      <a href="${pathOf('/access-keys', { tenantId })}">Old keys</a> <a href="${home}">${account.name}</a>
    </nav>
    <div class="title">
      <h1>Resolve <span class="name">${account.name}</span> <span class="number">${account.accountNumber}</span></h1>
    </div>
    ${errorSummary({ errors, labels, title: 'That is not possible' })}
    ${account.scheme === 'access-key' ? choices(shown) : done(home)}
  `;
}

const done = (home: string): Html =>
  html`<div class="panel empty">
    <p class="big">This account uses no old key any more.</p>
    <p><a href="${home}">Open the account</a></p>
  </div>`;

function choices(shown: ResolveShown): Html {
  const { account } = shown;
  const isAlive = account.accessKey !== null && account.accessKey.daysLeft > 0;
  return html`
    <p>
      ${badge(account.state)}
      ${
        account.accessKey === null
          ? nothing
          : html`UPS takes its key until ${onDay(account.accessKey.deadline)} ${leftChip(account.accessKey.daysLeft)}`
      }
    </p>
    ${migrate(shown)} ${when(isAlive, () => postpone(shown))} ${deactivate(shown)}
  `;
}

const form = ({ account, visit }: ResolveShown, action: string, content: Html): Html =>
  html`<form
    method="post"
    action="${pathOf(`/accounts/${account.id}/resolve`, { tenantId: tenantIn(visit) })}"
    class="stack form"
    novalidate
  >
    ${hidden('formToken', visit.signedIn.formToken)}${hidden('action', action)} ${content}
  </form>`;

const migrate = (shown: ResolveShown): Html =>
  html`<section class="panel" aria-labelledby="migrate-title">
    <h2 id="migrate-title">Migrate to OAuth</h2>
    <p>
      The merchant signs in to UPS once. The old key serves until UPS has confirmed that the login holds this account
      number; then it is destroyed. Whatever goes wrong on the way, the account stays on its key.
    </p>
    ${form(
      shown,
      'migrate',
      html`${textField(grace, shown)}
        <button type="submit" class="primary">
          ${shown.account.state === 'migrating' ? 'Get a new link' : 'Migrate to OAuth'}
        </button>`,
    )}
  </section>`;

function postpone(shown: ResolveShown): Html {
  const { visit, account } = shown;
  const day: Field = {
    name: 'until',
    label: 'Until',
    hint: 'A day before the deadline. The account comes back to the list then, and the platform is told.',
    type: 'date',
    min: dateOf(visit.frame.now + DAY_MS),
    ...(account.accessKey && { max: account.accessKey.deadline.slice(0, 10) }),
  };
  return html`<section class="panel" aria-labelledby="postpone-title">
    <h2 id="postpone-title">Postpone</h2>
    ${account.accessKey?.remindAt ? html`<p>It is postponed to ${onDay(account.accessKey.remindAt)} now.</p>` : nothing}
    ${form(shown, 'postpone', html`${textField(day, shown)}<button type="submit">Postpone</button>`)}
  </section>`;
}

const deactivate = (shown: ResolveShown): Html =>
  html`<section class="panel" aria-labelledby="deactivate-title">
    <h2 id="deactivate-title">Deactivate</h2>
    ${
      shown.account.usedBy.length === 0
        ? html`<p>
              For an account nobody ships with any more. Its key is destroyed, and a receipt stays in its history.
            </p>
            ${form(shown, 'deactivate', html`<button type="submit" class="danger">Deactivate the account</button>`)}`
        : html`<p>Not possible while it is used by:</p>
            <ul class="plain">
              ${shown.account.usedBy.map(({ kind, ref }) => html`<li>${kind} ${ref}</li>`)}
            </ul>`
    }
  </section>`;
