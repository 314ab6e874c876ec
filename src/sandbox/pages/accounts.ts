import { Router } from 'express';
import { z } from 'zod';
import { DAY_MS } from '../../durations';
import type { Form } from '../form';
import { accountNumberSchema, addAccount } from '../profiles';
import type { Sandbox } from '../sandbox';
import type { Profile } from '../state';
import { hiddenFields, html, type Html } from './html';
import { errorNote, sendPage } from './layout';
import { bodyForm } from './page-form';
import { findSession, isOwnForm, type Session } from './session';

const PATH = '/accounts-and-payment';
const TITLE = 'Accounts and Payment';
const INVOICE_DAYS = 60;

/** The profile's accounts, and Add Existing Account. Invoice data is checked and forgotten. */
export function accountsRouter(sandbox: Sandbox): Router {
  const router = Router();

  router.get(PATH, (req, res) => {
    const session = findSession(sandbox, req);
    if (session) sendPage(res, 200, TITLE, page(session, null, null));
    else res.redirect(303, '/login');
  });

  router.post(PATH, async (req, res) => {
    const form = bodyForm(req);
    const session = findSession(sandbox, req);
    if (!session || !isOwnForm(session, form.get('form_key'))) {
      res.redirect(303, '/login');
      return;
    }
    const added = verify(sandbox, session.profile, form);
    if ('error' in added) {
      await sandbox.synced();
      sendPage(res, 400, TITLE, page(session, form, added.error));
      return;
    }
    addAccount(sandbox, session.profile, { ...added, negotiatedRates: true, alertAsObject: false });
    await sandbox.synced();
    res.redirect(303, PATH);
  });

  return router;
}

const ATTEMPTS = 3;

/** UPS counts every try for an account number, also those that fail, and takes three in 24 hours. */
function verify(sandbox: Sandbox, profile: Profile, form: Form): Added | { error: string } {
  const number = accountNumberSchema.safeParse(form.get('account_number') ?? '');
  const now = sandbox.clock();
  if (number.success) {
    const { username } = profile;
    const mine = sandbox.state.attempts.filter(
      (one) => one.username === username && one.accountNumber === number.data && one.at > now - DAY_MS,
    );
    const [first] = mine;
    if (mine.length >= ATTEMPTS && first)
      return {
        error: `You have used your ${ATTEMPTS} attempts of 24 hours. Try again after ${timeOf(first.at + DAY_MS)}.`,
      };
    sandbox.record({ t: 'attempt', username, accountNumber: number.data, at: now });
  }
  return readAccount(form, profile, now);
}

const timeOf = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ', ')} UTC`;

interface Added {
  readonly accountNumber: string;
  readonly nickname: string | null;
  readonly postalCode: string;
}

function readAccount(form: Form, profile: Profile, now: number): Added | { error: string } {
  const number = accountNumberSchema.safeParse(form.get('account_number') ?? '');
  const postalCode = form.get('postal_code')?.trim() ?? '';
  if (!number.success) return { error: 'The account number has 6 letters and digits.' };
  if (profile.accounts.some(({ accountNumber }) => accountNumber === number.data)) {
    return { error: `Account ${number.data} is in this profile already.` };
  }
  if (!/^[A-Za-z0-9 -]{1,16}$/.test(postalCode)) return { error: 'Enter the postal code of the account.' };
  // A PIN by e-mail needs no invoice; the sandbox takes any.
  const error = form.get('method') === 'pin' ? null : invoiceFault(form, now);
  if (error !== null) return { error };
  return { accountNumber: number.data, nickname: form.get('nickname')?.slice(0, 100) ?? null, postalCode };
}

function invoiceFault(form: Form, now: number): string | null {
  if (!/^[A-Za-z0-9]{1,15}$/.test(form.get('invoice_number') ?? ''))
    return 'Enter the invoice number: letters and digits only.';
  const date = z.iso.date().safeParse(form.get('invoice_date'));
  if (!date.success) return 'Enter the invoice date.';
  const ageDays = Math.floor((now - Date.parse(date.data)) / DAY_MS);
  if (ageDays < 0) return 'The invoice date is in the future.';
  if (ageDays > INVOICE_DAYS) return `The invoice is more than ${INVOICE_DAYS} days old. Use a newer one.`;
  const amount = form.get('invoice_amount') ?? '';
  if (!/^\d{1,9}(\.\d{1,2})?$/.test(amount)) return 'Enter the amount without currency and commas, as 12.34.';
  return null;
}

const METHODS = [
  ['invoice', 'Invoice Data Verification'],
  ['pin', 'PIN by e-mail (no invoice needed)'],
] as const;

const fields = [
  ['account_number', 'Account number', 'text', '6 letters and digits', true],
  ['nickname', 'Nickname', 'text', 'Any name that tells this account from the others', false],
  ['postal_code', 'Postal code', 'text', 'Of the pickup address', true],
  ['invoice_number', 'Invoice number', 'text', 'From an invoice no more than 60 days old', false],
  ['invoice_date', 'Invoice date', 'date', '', false],
  ['invoice_amount', 'Invoice amount', 'text', 'Without currency and commas, as 12.34', false],
  ['control_id', 'Control ID', 'text', 'If the invoice shows one', false],
] as const;

function page({ profile, formKey }: Session, form: Form | null, error: string | null): Html {
  const key = hiddenFields([['form_key', formKey]]);
  return html`
    <p>UPS profile <strong>${profile.username}</strong></p>
    <h2>Accounts</h2>
    ${
      profile.accounts.length === 0
        ? html`<p>There is no account in this profile yet.</p>`
        : html`<table>
            <thead>
              <tr>
                <th scope="col">Number</th>
                <th scope="col">Nickname</th>
                <th scope="col">Postal code</th>
                <th scope="col">Negotiated rates</th>
              </tr>
            </thead>
            <tbody>
              ${profile.accounts.map(
                (account) =>
                  html`<tr>
                    <td><code>${account.accountNumber}</code></td>
                    <td>${account.nickname}</td>
                    <td>${account.postalCode}</td>
                    <td>${account.negotiatedRates ? 'yes' : 'no'}</td>
                  </tr>`,
              )}
            </tbody>
          </table>`
    }
    <h2>Add Existing Account</h2>
    ${errorNote(error)}
    <form method="post" action="${PATH}">
      ${key}
      <fieldset>
        <legend>Account Verification Method</legend>
        ${METHODS.map(
          ([value, label]) =>
            html`<label class="check"
              ><input
                type="radio"
                name="method"
                value="${value}"
                ${(form?.get('method') ?? 'invoice') === value ? 'checked' : ''}
              />
              ${label}</label
            >`,
        )}
      </fieldset>
      ${fields.map(
        ([name, label, type, hint, required]) =>
          html`<label for="${name}">${label}${required || name.startsWith('invoice_') ? '' : ' (optional)'}</label>
            <input
              id="${name}"
              name="${name}"
              type="${type}"
              value="${form?.get(name) ?? ''}"
              aria-describedby="${name}_hint"
              ${required ? 'required' : ''}
            />
            <span class="hint" id="${name}_hint">${hint}</span>`,
      )}
      <div class="actions"><button type="submit">Add account</button></div>
    </form>
    <form method="post" action="/logout">
      ${key}
      <p class="hint"><button type="submit" class="link">Log out</button></p>
    </form>
  `;
}
