import { may } from '../../api/roles';
import type { AccountJson } from '../../api/schemas/answers';
import { INVOICE_DAYS } from '../../api/schemas/profileVerifications';
import { DAY_MS } from '../../durations';
import { errorSummary, textField, type Field, type Filled } from '../fields';
import { flag, hidden, html, nothing, pathOf, when, type Html } from '../../web/html';
import { ago, dateOf, onDay } from '../../web/times';
import { tenantIn, type TenantVisit } from '../visitor';

interface Tries {
  items: { n: number; method: 'invoice' | 'pin'; openedAt: string; accepted: boolean | null }[];
  attemptsLeft: number;
  windowOpensAt: string | null;
}

interface GuideShown extends Filled {
  visit: TenantVisit;
  account: AccountJson;
  tries: Tries;
  /** The sandbox's own page of that name; null at the real UPS. */
  sandboxUrl: string | null;
}

const invoiceFields = (now: number): Field[] => [
  { name: 'invoiceNumber', label: 'Invoice number', hint: 'Letters and digits, as on the invoice.', maxLength: 15 },
  {
    name: 'invoiceDate',
    label: 'Invoice date',
    hint: `An invoice of the last ${INVOICE_DAYS} days.`,
    type: 'date',
    min: dateOf(now - INVOICE_DAYS * DAY_MS),
    max: dateOf(now),
  },
  {
    name: 'invoiceAmount',
    label: 'Invoice amount',
    hint: 'Without currency and commas, such as 1234.56.',
    maxLength: 12,
  },
  { name: 'controlId', label: 'Control ID', hint: 'If the invoice shows one.', isOptional: true, maxLength: 10 },
];

export function guideView(shown: GuideShown): Html {
  const { visit, account, errors, tries } = shown;
  const tenantId = tenantIn(visit);
  const labels = Object.fromEntries(invoiceFields(visit.frame.now).map(({ name, label }) => [name, label]));
  const last = tries.items.at(-1);
  return html`
    <nav class="crumbs" aria-label="Breadcrumb">
      <a href="${pathOf('/', { tenantId })}">Accounts</a>
      <a href="${pathOf(`/accounts/${account.id}`, { tenantId })}">${account.name}</a>
    </nav>
    <div class="title">
      <h1>Add <span class="number">${account.accountNumber}</span> to a UPS profile</h1>
    </div>
    ${errorSummary({ errors, labels, title: 'No try was used up: this would not have worked at UPS' })} ${steps(shown)}
    ${
      last?.accepted === null && may(visit.caller.role, 'write')
        ? outcome(shown, last.n)
        : last?.accepted === true
          ? accepted(shown)
          : nothing
    }
    ${when(may(visit.caller.role, 'write') && last?.accepted !== null, () => openTry(shown))} ${soFar(shown)}
  `;
}

const steps = ({ account, sandboxUrl }: GuideShown): Html =>
  html`<section class="panel" aria-labelledby="steps-title">
    <h2 id="steps-title">What to do on ups.com</h2>
    <ol class="steps">
      <li>
        Sign in to the UPS profile that is to ship with this account, and open <strong>Accounts and Payment</strong>.
        ${sandboxUrl === null ? nothing : html`Here that is <a href="${sandboxUrl}">the sandbox’s own page</a>.`}
      </li>
      <li>Look whether ${account.accountNumber} is listed there already. Then nothing is to be added.</li>
      <li>Choose <strong>Add a Payment Method</strong>, <strong>Add Existing Account</strong>.</li>
      <li>
        Enter the number <code>${account.accountNumber}</code>, a nickname, and the postal code
        ${account.address.postalCode === null ? nothing : html`(<code>${account.address.postalCode}</code>, if UPS knows this address)`}.
      </li>
      <li>
        Choose <strong>Invoice Data Verification</strong> and have an invoice at hand that is no more than
        ${INVOICE_DAYS} days old. Of an account that a store owns, ask your dropship partner for it. A
        <strong>PIN by e-mail</strong> is the other way.
      </li>
      <li>Check the data below first: UPS allows three tries in 24 hours.</li>
    </ol>
  </section>`;

function openTry(shown: GuideShown): Html {
  const { visit, account, tries, fields } = shown;
  const action = pathOf(`/accounts/${account.id}/profile-guide`, { tenantId: tenantIn(visit) });
  if (tries.windowOpensAt !== null)
    return html`<div class="message bad" role="status">
      <div>
        <p><strong>The three tries of 24 hours are used up.</strong></p>
        <p>The next is possible ${ago(tries.windowOpensAt, visit.frame.now)} (${onDay(tries.windowOpensAt)}).</p>
      </div>
    </div>`;
  return html`<section class="panel" aria-labelledby="try-title">
    <h2 id="try-title">Check the data, and open a try</h2>
    <p>
      At most <strong>${tries.attemptsLeft}</strong> of three left in 24 hours; tries made elsewhere are not known here.
      What you enter is checked and forgotten.
    </p>
    <form method="post" action="${action}" class="stack form" novalidate>
      ${hidden('formToken', visit.signedIn.formToken)}
      <fieldset>
        <legend>How UPS is to verify it</legend>
        <label
          ><input type="radio" name="method" value="invoice" ${flag('checked', fields['method'] !== 'pin')} /> Invoice
          data</label
        >
        <label
          ><input type="radio" name="method" value="pin" ${flag('checked', fields['method'] === 'pin')} /> PIN by
          e-mail</label
        >
      </fieldset>
      <fieldset>
        <legend>From the invoice</legend>
        ${invoiceFields(visit.frame.now).map((field) => textField(field, shown))}
      </fieldset>
      <button type="submit" class="primary">Check, and open a try</button>
    </form>
  </section>`;
}

const outcome = ({ visit, account }: GuideShown, n: number): Html =>
  html`<section class="panel" aria-labelledby="outcome-title">
    <h2 id="outcome-title">Now enter the same at UPS. How did it go?</h2>
    <form
      method="post"
      action="${pathOf(`/accounts/${account.id}/profile-guide/outcome`, { tenantId: tenantIn(visit) })}"
      class="buttons"
    >
      ${hidden('formToken', visit.signedIn.formToken)}${hidden('n', String(n))}
      <button type="submit" name="accepted" value="yes" class="primary">UPS accepted it</button>
      <button type="submit" name="accepted" value="no">UPS did not accept it</button>
    </form>
  </section>`;

const accepted = ({ visit, account }: GuideShown): Html =>
  html`<div class="message good" role="status">
    <div>
      <p><strong>The account is in the profile.</strong></p>
      <p>
        Next:
        <a href="${pathOf(`/accounts/${account.id}`, { tenantId: tenantIn(visit) })}">authorize it</a>, signed in to UPS
        with that profile.
      </p>
    </div>
  </div>`;

const outcomeWords = (accepted: boolean | null): string =>
  accepted === null ? 'not told yet' : accepted ? 'accepted' : 'not accepted';

const soFar = ({ tries, visit }: GuideShown): Html =>
  tries.items.length === 0
    ? nothing
    : html`<section class="panel" aria-labelledby="sofar-title">
        <h2 id="sofar-title">Tries so far</h2>
        <ul class="plain">
          ${[...tries.items].reverse().map(
            ({ n, method, openedAt, accepted }) =>
              html`<li>
                No. ${n}, by ${method === 'pin' ? 'PIN' : 'invoice data'}: ${outcomeWords(accepted)}
                <span class="hint">${ago(openedAt, visit.frame.now)}</span>
              </li>`,
          )}
        </ul>
      </section>`;
