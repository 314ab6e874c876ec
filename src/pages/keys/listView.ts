import { mayMake } from '../../api/roles';
import type { ApiKeyJson } from '../../api/schemas/answers';
import { DAY_MS } from '../../durations';
import { actorWords } from '../historyWords';
import { hidden, html, nothing, pathOf, when, type Html } from '../../web/html';
import { pager } from '../pager';
import { ago, onDay } from '../../web/times';
import { tenantIn, type Visit } from '../visitor';
import { roleWords } from '../words';

export interface KeysShown {
  visit: Visit;
  page: { items: ApiKeyJson[]; nextCursor: string | null };
  isFirst: boolean;
  /** Of the tenant, for an admin who has chosen none. */
  choice: Html;
  wasRevoked: boolean;
}

export function keyListView(shown: KeysShown): Html {
  const { visit, page, choice, wasRevoked, isFirst } = shown;
  const tenantId = tenantIn(visit);
  const at = (path: string, cursor: string | null = null) => pathOf(path, { tenantId, cursor });
  return html`
    <div class="title">
      <h1>API keys</h1>
      <a class="button primary" href="${at('/keys/new')}">Create key</a>
    </div>
    <p>Each program and each person should have a key of its own: history then says who did what.</p>
    ${when(wasRevoked, () => html`<p class="message good" role="status">The key was revoked.</p>`)} ${choice}
    ${
      page.items.length === 0
        ? html`<div class="panel empty">
            <p class="big">There is no key yet.</p>
            <p>Create one for each program that calls the API.</p>
          </div>`
        : html`<section class="panel">
            ${table(shown)}
            ${pager({
              first: at('/keys'),
              next: page.nextCursor === null ? null : at('/keys', page.nextCursor),
              isFirst,
            })}
          </section>`
    }
  `;
}

/** Newest first where one page holds them all; else a page is a part of the order by id, and is left in it. */
const inOrder = ({ page, isFirst }: KeysShown): ApiKeyJson[] =>
  isFirst && page.nextCursor === null
    ? page.items.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt))
    : page.items;

function table(shown: KeysShown): Html {
  const hasTenants = shown.visit.caller.tenantId === null;
  return html`<table class="cards">
    <caption class="unseen">
      API keys
    </caption>
    <thead>
      <tr>
        <th scope="col">Name</th>
        ${when(hasTenants, () => html`<th scope="col">Tenant</th>`)}
        <th scope="col">Role</th>
        <th scope="col">Made by</th>
        <th scope="col">Made</th>
        <th scope="col">Last used</th>
        <th scope="col">Expires</th>
        <th scope="col"><span class="unseen">Revoke</span></th>
      </tr>
    </thead>
    <tbody>
      ${inOrder(shown).map((key) => row(key, shown.visit, hasTenants))}
    </tbody>
  </table>`;
}

const nameOf = ({ name, id }: ApiKeyJson): string => name ?? actorWords({ actor: `key:${id}`, actorName: null });

const makerOf = ({ createdBy, createdByName }: ApiKeyJson): string =>
  createdBy === null ? 'Not known' : actorWords({ actor: createdBy, actorName: createdByName });

function row(key: ApiKeyJson, visit: Visit, hasTenants: boolean): Html {
  const { now } = visit.frame;
  const isOwn = key.id === visit.signedIn.key.id;
  return html`<tr>
    <th scope="row">
      <span class="name">${nameOf(key)}</span> ${when(isOwn, () => html`<span class="chip">you</span>`)}
    </th>
    ${when(hasTenants, () => html`<td data-label="Tenant">${key.tenantId ?? 'Installation'}</td>`)}
    <td data-label="Role">${roleWords[key.role]}</td>
    <td data-label="Made by">${makerOf(key)}</td>
    <td data-label="Made" class="when">${ago(key.createdAt, now)}</td>
    <td data-label="Last used" class="when">${lastUse(key, now)}</td>
    <td data-label="Expires" class="when">${end(key, now)}</td>
    <td>${mayMake(visit.caller.role, key.role) ? revoke(key, visit, isOwn) : nothing}</td>
  </tr>`;
}

/** A day is all that is known. */
function lastUse({ lastUsedAt }: ApiKeyJson, now: number): Html {
  if (lastUsedAt === null) return html`Never`;
  const isToday = Date.parse(lastUsedAt) > now - DAY_MS;
  const day = lastUsedAt.slice(0, 10);
  return html`<time datetime="${day}">${isToday ? 'Today' : day}</time>`;
}

function end({ expiresAt }: ApiKeyJson, now: number): Html {
  if (expiresAt === null) return html`Never`;
  return Date.parse(expiresAt) <= now ? html`<span class="chip bad">Expired</span>` : onDay(expiresAt);
}

const revoke = (key: ApiKeyJson, visit: Visit, isOwn: boolean): Html =>
  html`<details>
    <summary>Revoke …<span class="unseen"> ${nameOf(key)}</span></summary>
    <form method="post" action="${pathOf('/keys/revoke', { tenantId: tenantIn(visit) })}" class="stack">
      <p>
        Programs that use this key are refused within 5 s, and it cannot be brought back.
        ${when(isOwn, () => html`You are signed in with it: revoking it signs you out.`)}
      </p>
      ${hidden('formToken', visit.signedIn.formToken)}${hidden('id', key.id)}
      <button type="submit" class="danger">Revoke the key<span class="unseen"> ${nameOf(key)}</span></button>
    </form>
  </details>`;
