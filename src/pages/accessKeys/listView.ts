import { may } from '../../api/roles';
import type { AccessKeyItemJson, AccessKeyPageJson } from '../../api/schemas/answers';
import type { AccessKeyListInput } from '../../api/schemas/inputs';
import { searchField } from '../fields';
import { flag, hidden, html, nothing, pathOf, when, type Html } from '../../web/html';
import { icon } from '../../web/icons';
import { pager } from '../pager';
import { ago, onDay } from '../../web/times';
import { tenantIn, type Visit } from '../visitor';
import { badge, leftChip, stateWords } from '../words';

export interface KeyListShown {
  visit: Visit;
  filters: AccessKeyListInput;
  dropped: string[];
  page: AccessKeyPageJson;
  counts: NonNullable<AccessKeyPageJson['counts']>;
}

const STATES = ['connected', 'migrating', 'disconnected'] as const;

export function keyListView(shown: KeyListShown): Html {
  const { visit, dropped, counts, page } = shown;
  return html`
    <div class="title">
      <h1>Old keys</h1>
      ${when(may(visit.caller.role, 'import') && visit.caller.tenantId !== null, () => importLink(visit))}
    </div>
    <p>
      Accounts that still use an access key of the XML era. UPS is switching these off: migrate each to OAuth before its
      deadline, and it ships on without a break.
    </p>
    ${counts.total === 0 ? allDone(shown) : tiles(shown)}
    ${when(
      counts.total > 0,
      () =>
        html`<section aria-labelledby="list-title" class="panel">
          <h2 id="list-title" class="unseen">List of accounts on old keys</h2>
          ${filterForm(shown)}
          ${when(
            dropped.length > 0,
            () =>
              html`<p class="message info" role="status">Left out, for they make no sense: ${dropped.join(', ')}.</p>`,
          )}
          ${page.items.length === 0 ? html`<p class="empty big">No account matches.</p>` : table(shown)}
          ${pagesOf(shown)}
        </section>`,
    )}
  `;
}

const importLink = (visit: Visit): Html =>
  html`<a class="button" href="${pathOf('/access-keys/import', { tenantId: tenantIn(visit) })}">Import keys</a>`;

const allDone = ({ visit }: KeyListShown): Html =>
  html`<div class="panel empty">
    ${icon('connected')}
    <p class="big">No account uses an old key.</p>
    <p>
      Nothing is left to migrate.
      ${when(may(visit.caller.role, 'import'), () => html`Keys that still live elsewhere can be imported.`)}
    </p>
  </div>`;

function addressOf(
  { visit, filters }: KeyListShown,
  changes: Partial<Record<keyof AccessKeyListInput, string | null>>,
) {
  const { cursor: _, limit: __, ...kept } = filters;
  return pathOf('/access-keys', { tenantId: tenantIn(visit), ...kept, ...changes });
}

function tiles(shown: KeyListShown): Html {
  const { counts, filters } = shown;
  const current = (isCurrent: boolean): Html => (isCurrent ? { markup: 'aria-current="true"' } : nothing);
  return html`<nav class="states" aria-label="Accounts on old keys by state">
    <a href="${addressOf(shown, { state: null })}" class="tile all" ${current(filters.state === undefined)}
      ><span class="count">${counts.total}</span><span class="label">On old keys</span></a
    >
    ${STATES.map(
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

const YES_NO = { '': 'Any', true: 'Yes', false: 'No' };

const yesNo = (name: 'postponed' | 'failed', label: string, { filters }: KeyListShown): Html =>
  html`<div class="field">
    <label for="${name}">${label}</label>
    <select id="${name}" name="${name}">
      ${Object.entries(YES_NO).map(
        ([value, text]) =>
          html`<option value="${value}" ${flag('selected', value === (filters[name] ?? ''))}>${text}</option>`,
      )}
    </select>
  </div>`;

function filterForm(shown: KeyListShown): Html {
  const { visit, filters } = shown;
  const tenantId = tenantIn(visit);
  return html`<form method="get" action="/access-keys" class="filters" role="search" aria-label="Accounts on old keys">
    ${tenantId === null ? '' : hidden('tenantId', tenantId)}
    ${filters.state === undefined ? '' : hidden('state', filters.state)} ${searchField(filters.text)}
    ${yesNo('postponed', 'Postponed', shown)} ${yesNo('failed', 'Last try failed', shown)}
    <div class="buttons">
      <button type="submit">Filter</button>
      <a class="button quiet" href="${pathOf('/access-keys', { tenantId })}">Clear</a>
      <a
        class="button quiet"
        href="${addressOf(shown, {}).replace('/access-keys', '/access-keys/old-keys.csv')}"
        download
        >CSV</a
      >
    </div>
  </form>`;
}

function table(shown: KeyListShown): Html {
  const hasTenants = shown.visit.caller.tenantId === null;
  return html`<table class="cards">
    <caption class="unseen">
      Accounts on old keys, in order of their id
    </caption>
    <thead>
      <tr>
        <th scope="col">Account</th>
        ${when(hasTenants, () => html`<th scope="col">Tenant</th>`)}
        <th scope="col">State</th>
        <th scope="col">Deadline</th>
        <th scope="col">Reminder</th>
        <th scope="col">Last try</th>
        <th scope="col"><span class="unseen">Action</span></th>
      </tr>
    </thead>
    <tbody>
      ${shown.page.items.map((item) => row(item, shown, hasTenants))}
    </tbody>
  </table>`;
}

function row(item: AccessKeyItemJson, { visit }: KeyListShown, hasTenants: boolean): Html {
  const { id, tenantId, name, accountNumber, state, deadline, daysLeft, remindAt, lastFailure } = item;
  const isAdmin = visit.signedIn.caller.role === 'admin';
  const at = (path: string) => pathOf(`/accounts/${id}${path}`, { tenantId: isAdmin ? tenantId : null });
  return html`<tr>
    <th scope="row"><a href="${at('')}" class="name">${name}</a> <span class="number">${accountNumber}</span></th>
    ${when(hasTenants, () => html`<td data-label="Tenant">${tenantId}</td>`)}
    <td data-label="State">${badge(state)}</td>
    <td data-label="Deadline">${leftChip(daysLeft)} <span class="hint">${onDay(deadline)}</span></td>
    <td data-label="Reminder" class="when">${remindAt === null ? 'None' : onDay(remindAt)}</td>
    <td data-label="Last try">
      ${
        lastFailure === null
          ? 'None'
          : html`${lastFailure.message} <span class="hint">${ago(lastFailure.at, visit.frame.now)}</span>`
      }
    </td>
    <td>
      ${when(
        may(visit.caller.role, 'write'),
        () =>
          html`<a class="button ${state === 'migrating' ? '' : 'primary'}" href="${at('/resolve')}"
            >Resolve<span class="unseen"> ${name}</span></a
          >`,
      )}
    </td>
  </tr>`;
}

const pagesOf = (shown: KeyListShown): Html =>
  pager({
    first: addressOf(shown, {}),
    next: shown.page.nextCursor === null ? null : addressOf(shown, { cursor: shown.page.nextCursor }),
    isFirst: shown.filters.cursor === undefined,
  });
