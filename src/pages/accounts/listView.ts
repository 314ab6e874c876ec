import type { AccountJson, TenantJson } from '../../api/schemas/answers';
import type { AccountListInput } from '../../api/schemas/inputs';
import { may } from '../../api/roles';
import { lifeStates, type LifeState } from '../../machines/definition';
import { reasons, type Mover, type Reason } from '../../machines/reasons';
import { searchField } from '../fields';
import { flag, hidden, html, nothing, pathOf, when, type Html } from '../../web/html';
import { icon } from '../../web/icons';
import { pager } from '../pager';
import { ago } from '../../web/times';
import { tenantIn, type Visit } from '../visitor';
import { badge, moverWords, stateWords } from '../words';

export interface ListShown {
  visit: Visit;
  filters: AccountListInput;
  /** Names of filters that made no sense. */
  dropped: string[];
  page: { items: AccountJson[]; nextCursor: string | null };
  counts: Record<LifeState, number>;
  /** To choose from, for an admin. */
  tenants: TenantJson[];
  now: number;
}

export function listView(shown: ListShown): Html {
  const { visit, dropped } = shown;
  const mayCreate = may(visit.caller.role, 'write');
  return html`
    <div class="title">
      <h1>Accounts</h1>
      ${when(mayCreate && visit.caller.tenantId !== null, () => createLink(visit))}
    </div>
    ${when(visit.signedIn.caller.role === 'admin', () => tenantChoice(shown))} ${lifecycle(shown)}
    <section aria-labelledby="list-title" class="panel">
      <h2 id="list-title" class="unseen">List of accounts</h2>
      ${filterForm(shown)}
      ${when(
        dropped.length > 0,
        () => html`<p class="message info" role="status">Left out, for they make no sense: ${dropped.join(', ')}.</p>`,
      )}
      ${shown.page.items.length === 0 ? emptyList(shown) : table(shown)} ${pagesOf(shown)}
    </section>
    ${drawing(shown)}
  `;
}

const createLink = (visit: Visit): Html =>
  html`<a class="button primary" href="${pathOf('/accounts/new', { tenantId: tenantIn(visit) })}">Create account</a>`;

function tenantChoice({ visit, tenants }: ListShown): Html {
  const chosen = visit.caller.tenantId;
  return html`<form method="get" action="/" class="bar" role="search" aria-label="Tenant">
    <label for="tenant">Tenant</label>
    <select id="tenant" name="tenantId">
      <option value="">All tenants</option>
      ${tenants.map(
        ({ id, name }) => html`<option value="${id}" ${flag('selected', id === chosen)}>${name} (${id})</option>`,
      )}
    </select>
    <button type="submit">Show</button>
    ${when(chosen === null, () => html`<span class="hint">Choose one to create an account.</span>`)}
  </form>`;
}

/** What stays in the address while a filter or a page changes. */
function addressOf({ visit, filters }: ListShown, changes: Partial<Record<keyof AccountListInput, string | null>>) {
  const { cursor: _, limit: __, ...kept } = filters;
  return pathOf('/', { tenantId: tenantIn(visit), ...kept, ...changes });
}

/** States that no account can be in yet are shown once one is. */
const isShown = (state: LifeState, count: number): boolean => state !== 'migrating' || count > 0;

function lifecycle(shown: ListShown): Html {
  const { counts, filters } = shown;
  const total = lifeStates.reduce((sum, state) => sum + counts[state], 0);
  return html`<nav class="states" aria-label="Accounts by state">
    <a href="${addressOf(shown, { state: null })}" class="tile all" ${current(filters.state === undefined)}
      ><span class="count">${total}</span><span class="label">All</span></a
    >
    ${lifeStates
      .filter((state) => isShown(state, counts[state]))
      .map(
        (state) =>
          html`<a
            href="${addressOf(shown, { state })}"
            class="tile ${state} ${counts[state] === 0 ? 'none' : ''}"
            ${current(filters.state === state)}
            ><span class="count">${icon(state)}${counts[state]}</span><span class="label">${stateWords[state]}</span></a
          >`,
      )}
  </nav>`;
}

/** Its counts are those of the tiles, which say them to whoever does not see the picture. */
function drawing({ visit }: ListShown): Html {
  const address = pathOf('/lifecycle.svg', { tenantId: tenantIn(visit) });
  return html`<details class="panel drawing" open>
    <summary>The whole lifecycle, drawn with its counts</summary>
    <img src="${address}" loading="lazy" alt="States and transitions of an account, with how many are in each state" />
  </details>`;
}

const current = (isCurrent: boolean): Html => (isCurrent ? { markup: 'aria-current="true"' } : nothing);

const isFiltered = ({ text, state, reason, scheme, externalId }: AccountListInput): boolean =>
  [text, state, reason, scheme, externalId].some((value) => value !== undefined);

function filterForm({ visit, filters }: ListShown): Html {
  const tenantId = tenantIn(visit);
  return html`<form method="get" action="/" class="filters" role="search" aria-label="Accounts">
    ${tenantId === null ? '' : hidden('tenantId', tenantId)} ${searchField(filters.text)}
    <div class="field">
      <label for="state">State</label>
      <select id="state" name="state">
        <option value="">Any</option>
        ${lifeStates.map(
          (state) =>
            html`<option value="${state}" ${flag('selected', state === filters.state)}>${stateWords[state]}</option>`,
        )}
      </select>
    </div>
    <div class="field">
      <label for="reason">Reason</label>
      <select id="reason" name="reason">
        <option value="">Any</option>
        ${(Object.keys(reasons) as Reason[]).map(
          (reason) => html`<option value="${reason}" ${flag('selected', reason === filters.reason)}>${reason}</option>`,
        )}
      </select>
    </div>
    <div class="buttons">
      <button type="submit">Filter</button>
      ${when(isFiltered(filters), () => html`<a class="button quiet" href="${pathOf('/', { tenantId })}">Clear</a>`)}
    </div>
  </form>`;
}

function emptyList(shown: ListShown): Html {
  const { visit, filters } = shown;
  if (filters.cursor !== undefined || isFiltered(filters)) {
    return html`<div class="empty">
      <p class="big">No account matches.</p>
      <p>
        The search looks at the beginning of names and numbers.
        <a href="${pathOf('/', { tenantId: tenantIn(visit) })}">Show all accounts</a>
      </p>
    </div>`;
  }
  const mayCreate = may(visit.caller.role, 'write') && visit.caller.tenantId !== null;
  return html`<div class="empty">
    ${icon('account')}
    <p class="big">There is no account yet.</p>
    <p>
      Create one with its six-character UPS account number, then authorize it: the merchant signs in to UPS once, and
      the tokens are kept fresh from then on.
    </p>
    ${when(mayCreate, () => html`<p>${createLink(visit)}</p>`)}
  </div>`;
}

function table(shown: ListShown): Html {
  const hasTenants = shown.visit.caller.tenantId === null;
  return html`<table class="cards">
    <caption class="unseen">
      Accounts, in order of their id
    </caption>
    <thead>
      <tr>
        <th scope="col">Account</th>
        ${when(hasTenants, () => html`<th scope="col">Tenant</th>`)}
        <th scope="col">State</th>
        <th scope="col">What it means</th>
        <th scope="col">Since</th>
      </tr>
    </thead>
    <tbody>
      ${shown.page.items.map((account) => row(account, shown, hasTenants))}
    </tbody>
  </table>`;
}

/** Within a sentence; UPS keeps its capitals. */
const nextWords = (who: Mover): string => moverWords[who].replace(/^The /, 'the ');

function row(account: AccountJson, { visit, now }: ListShown, hasTenants: boolean): Html {
  const { id, tenantId, name, accountNumber, state, message, nextStep, since } = account;
  const isAdmin = visit.signedIn.caller.role === 'admin';
  const address = pathOf(`/accounts/${id}`, { tenantId: isAdmin ? tenantId : null });
  return html`<tr>
    <th scope="row"><a href="${address}" class="name">${name}</a> <span class="number">${accountNumber}</span></th>
    ${when(hasTenants, () => html`<td data-label="Tenant">${tenantId}</td>`)}
    <td data-label="State">${badge(state)}</td>
    <td data-label="What it means">
      ${message} ${nextStep === null ? '' : html`<span class="hint">Next: ${nextWords(nextStep.who)}</span>`}
    </td>
    <td data-label="Since" class="when">${ago(since, now)}</td>
  </tr>`;
}

const pagesOf = (shown: ListShown): Html =>
  pager({
    first: addressOf(shown, {}),
    next: shown.page.nextCursor === null ? null : addressOf(shown, { cursor: shown.page.nextCursor }),
    isFirst: shown.filters.cursor === undefined,
  });
