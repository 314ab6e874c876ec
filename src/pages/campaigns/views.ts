import { may } from '../../api/roles';
import type { CampaignAction, CampaignItemJson, CampaignItemsInput, CampaignJson } from '../../api/schemas/campaigns';
import { reasons } from '../../machines/reasons';
import { choice, errorSummary, textField, type Field, type Filled } from '../fields';
import { flag, hidden, html, nothing, pathOf, when, type Html } from '../../web/html';
import { pager } from '../pager';
import { ago, onDay } from '../../web/times';
import { tenantIn, type TenantVisit, type Visit } from '../visitor';

const stateWords: Record<CampaignJson['state'], string> = {
  draft: 'Draft',
  running: 'Running',
  paused: 'Paused',
  stopped: 'Stopped',
  finished: 'Finished',
};

const itemWords: Record<CampaignItemJson['state'], string> = {
  planned: 'Planned',
  waiting: 'Waiting for the merchant',
  migrated: 'Migrated',
  failed: 'Failed',
  skipped: 'Skipped',
  undone: 'Taken back',
};

/** The colours of accounts' states, for what means as much. */
const tileOf: Record<CampaignItemJson['state'], string> = {
  planned: 'created',
  waiting: 'migrating',
  migrated: 'connected',
  failed: 'disconnected',
  skipped: 'inactive',
  undone: 'inactive',
};

/** The badges of accounts, for a state that means as much. */
const badgeOf: Record<CampaignJson['state'], string> = {
  draft: 'created',
  running: 'migrating',
  paused: 'disconnected',
  stopped: 'inactive',
  finished: 'connected',
};

const badge = (state: CampaignJson['state']): Html =>
  html`<span class="badge ${badgeOf[state]}">${stateWords[state]}</span>`;

const at = (visit: Visit, path: string): string => pathOf(`/campaigns${path}`, { tenantId: tenantIn(visit) });

const totalOf = ({ counts }: CampaignJson): number => Object.values(counts).reduce((sum, count) => sum + count, 0);
const endedOf = ({ counts }: CampaignJson): number =>
  totalOf({ counts } as CampaignJson) - counts.planned - counts.waiting;

export interface CampaignsShown {
  visit: Visit;
  page: { items: CampaignJson[]; nextCursor: string | null };
  isFirst: boolean;
  /** Of the tenant to plan for, for an admin who has chosen none. */
  choice: Html;
}

export function campaignListView({ visit, page, isFirst, choice }: CampaignsShown): Html {
  const { items, nextCursor } = page;
  const hasTenants = visit.caller.tenantId === null;
  const mayPlan = may(visit.caller.role, 'write') && !hasTenants;
  const here = (cursor: string | null) => pathOf('/campaigns', { tenantId: tenantIn(visit), cursor });
  const planLink = html`<a class="button primary" href="${at(visit, '/new')}">Plan a campaign</a>`;
  return html`
    <div class="title">
      <h1>Campaigns</h1>
      ${when(mayPlan, () => planLink)}
    </div>
    <p>A campaign asks many merchants, in waves, to move their accounts from old keys to OAuth.</p>
    ${choice}
    ${
      items.length === 0
        ? html`<div class="panel empty">
            <p class="big">There is no campaign yet.</p>
            ${when(mayPlan, () => html`<p>Plan one: nothing happens to any account until you start it.</p>`)}
          </div>`
        : html`<section class="panel">
            <table class="cards">
              <caption class="unseen">
                Campaigns
              </caption>
              <thead>
                <tr>
                  <th scope="col">Campaign</th>
                  ${when(hasTenants, () => html`<th scope="col">Tenant</th>`)}
                  <th scope="col">State</th>
                  <th scope="col">Progress</th>
                  <th scope="col">Planned</th>
                </tr>
              </thead>
              <tbody>
                ${items.map(
                  (one) =>
                    html`<tr>
                      <th scope="row"><a class="name" href="${linkTo(one, visit)}">${one.name}</a></th>
                      ${when(hasTenants, () => html`<td data-label="Tenant">${one.tenantId}</td>`)}
                      <td data-label="State">${badge(one.state)}</td>
                      <td data-label="Progress">
                        ${one.counts.migrated} of ${totalOf(one)} migrated, ${one.counts.failed} failed
                      </td>
                      <td data-label="Planned" class="when">${ago(one.createdAt, visit.frame.now)}</td>
                    </tr>`,
                )}
              </tbody>
            </table>
            ${pager({ first: here(null), next: nextCursor === null ? null : here(nextCursor), isFirst })}
          </section>`
    }
  `;
}

/** An admin's link names the tenant, whether or not one was chosen. */
const linkTo = ({ id, tenantId }: CampaignJson, { signedIn }: Visit): string =>
  pathOf(`/campaigns/${id}`, { tenantId: signedIn.caller.role === 'admin' ? tenantId : null });

const whole = (name: string, label: string, hint: string, [min, max]: [string, string]): Field => ({
  ...{ name, label, hint, min, max },
  type: 'number',
});

const name: Field = { name: 'name', label: 'Name', hint: 'For your own use.', maxLength: 100 };
const text: Field = {
  name: 'text',
  label: 'Name or number begins with',
  hint: 'Empty: all accounts on old keys.',
  isOptional: true,
};
const state = {
  name: 'state',
  label: 'State',
  words: { '': 'Any', connected: 'Connected', disconnected: 'Disconnected' },
  otherwise: '',
};
const numbers: Field[] = [
  whole('waveSize', 'Accounts in a wave', '1 to 1000.', ['1', '1000']),
  whole('pauseHours', 'Hours between waves', 'Parts of an hour may be given, such as 0.5.', ['0', '168']),
  whole('failedPercent', 'Pause when so many per cent fail', 'Of those that ended; 0 to 100.', ['0', '100']),
  whole('linkHours', 'Hours the links work', '1 to 720.', ['1', '720']),
  whole('graceDays', 'Days an old key is kept after its migration', '0 to 90: so long it can be taken back.', [
    '0',
    '90',
  ]),
];
const labels: Record<string, string> = Object.fromEntries(
  [name, text, state, ...numbers].map((field) => [field.name, field.label]),
);
const usual = { waveSize: '100', pauseHours: '24', failedPercent: '20', linkHours: '72', graceDays: '7' };

export function newCampaignView(shown: Filled & { visit: TenantVisit }): Html {
  const { visit, errors } = shown;
  const filled = { errors, fields: { ...usual, ...shown.fields } };
  return html`
    <nav class="crumbs" aria-label="Breadcrumb"><a href="${at(visit, '')}">Campaigns</a></nav>
    <div class="title"><h1>Plan a campaign</h1></div>
    ${errorSummary({ errors, labels, title: 'The campaign was not planned' })}
    <form method="post" action="${at(visit, '/new')}" class="panel stack form" novalidate>
      ${hidden('formToken', visit.signedIn.formToken)} ${textField(name, filled)}
      <fieldset>
        <legend>Which accounts</legend>
        ${textField(text, filled)} ${choice(state, filled)}
      </fieldset>
      <fieldset>
        <legend>How</legend>
        ${numbers.map((field) => textField({ ...field, step: 'any' }, filled))}
      </fieldset>
      <p class="hint">The next page shows exactly who would be asked. Nothing happens before you start it there.</p>
      <div class="buttons">
        <button type="submit" class="primary">Preview</button>
        <a class="button quiet" href="${at(visit, '')}">Cancel</a>
      </div>
    </form>
  `;
}

export interface CampaignShown {
  visit: TenantVisit;
  campaign: CampaignJson;
  page: { items: CampaignItemJson[]; nextCursor: string | null };
  filters: CampaignItemsInput;
}

export function campaignView(shown: CampaignShown): Html {
  const { visit, campaign } = shown;
  return html`
    <nav class="crumbs" aria-label="Breadcrumb"><a href="${at(visit, '')}">Campaigns</a></nav>
    <div class="title"><h1 class="name">${campaign.name}</h1></div>
    <div data-live-from="${at(visit, `/${campaign.id}/live`)}">${liveCampaign(shown)}</div>
    <noscript><p class="hint">Reload this page to see what has changed.</p></noscript>
  `;
}

export const liveCampaign = (shown: CampaignShown): Html => html`${progressSection(shown)} ${accountsSection(shown)}`;

function becauseWords(campaign: CampaignJson, now: number): Html {
  const { state, pausedBecause, undoing, counts, wave, waves, nextWaveAt } = campaign;
  if (state === 'draft') return html`Nothing has happened yet. Look below who would be asked, then start it.`;
  if (pausedBecause === 'failures')
    return html`It paused by itself: too many failed. Look why below, then go on or stop.`;
  if (state === 'running' && wave < waves && nextWaveAt !== null)
    return html`Wave ${wave} of ${waves} is out; the next follows ${ago(nextWaveAt, now)}.`;
  if (state === 'running') return html`All ${waves} waves are out; some merchants are still awaited.`;
  if (undoing && counts.waiting > 0)
    return html`No further account is asked. Links that were not used are being taken back.`;
  if (undoing)
    return html`No further account is asked. Links that were not used are taken back: their accounts are as before.`;
  if (state === 'stopped') return html`No further account is asked. Links that are out keep working until they lapse.`;
  return state === 'paused'
    ? html`An operator paused it.`
    : html`Everybody has been asked, and nobody is awaited any more.`;
}

const buttons: Record<CampaignAction, { label: string; from: CampaignJson['state'][]; style: string }> = {
  start: { label: 'Start', from: ['draft'], style: 'primary' },
  pause: { label: 'Pause', from: ['running'], style: '' },
  resume: { label: 'Go on', from: ['paused'], style: 'primary' },
  stop: { label: 'Stop', from: ['draft', 'running', 'paused'], style: '' },
  undo: { label: 'Take back what was not used', from: ['running', 'paused', 'stopped'], style: 'danger' },
};

function progressSection({ visit, campaign }: CampaignShown): Html {
  const { counts, id, state } = campaign;
  const total = totalOf(campaign);
  const mayPress = may(visit.caller.role, 'write');
  const told = `${stateWords[state]}. ${counts.migrated} of ${total} migrated, ${counts.waiting} waiting, ${counts.failed} failed.`;
  const isMoving = state === 'running' || counts.waiting > 0;
  return html`<section
    class="panel"
    aria-labelledby="progress-title"
    data-live="status"
    data-tag="${JSON.stringify([state, counts])}"
    data-every="${isMoving ? '2000' : '15000'}"
    data-announce="${told}"
  >
    <h2 id="progress-title">${badge(state)}</h2>
    <p>${becauseWords(campaign, visit.frame.now)}</p>
    <progress
      class="life"
      max="${Math.max(1, total)}"
      value="${endedOf(campaign)}"
      aria-label="Ended of all"
    ></progress>
    <ul class="states" aria-label="Accounts by what became of them">
      ${(Object.keys(itemWords) as CampaignItemJson['state'][]).map(
        (name) =>
          html`<li class="tile ${tileOf[name]} ${counts[name] === 0 ? 'none' : ''}">
            <span class="count">${counts[name]}</span><span class="label">${itemWords[name]}</span>
          </li>`,
      )}
    </ul>
    ${when(
      mayPress,
      () =>
        html`<div class="buttons">
          ${Object.entries(buttons)
            .filter(([act, { from }]) => from.includes(state) && (act !== 'undo' || counts.waiting > 0))
            .map(
              ([act, { label, style }]) =>
                html`<form method="post" action="${at(visit, `/${id}/${act}`)}">
                  ${hidden('formToken', visit.signedIn.formToken)}
                  <button type="submit" id="do-${act}" class="${style}">${label}</button>
                </form>`,
            )}
          ${when(
            counts.waiting > 0,
            () => html`<a class="button" href="${at(visit, `/${id}/links.csv`)}" download>Links for the merchants</a>`,
          )}
          <a class="button quiet" href="${at(visit, `/${id}/report.csv`)}" download>Report as CSV</a>
        </div>`,
    )}
  </section>`;
}

const isReason = (text: string): text is keyof typeof reasons => Object.hasOwn(reasons, text);
const reasonWords = (reason: string | null): string =>
  reason === null ? '' : isReason(reason) ? reasons[reason].message : reason.replaceAll('-', ' ');

const whoIs = ({ accountId, name, accountNumber }: CampaignItemJson, tenantId: string | null): Html =>
  name === null
    ? html`<span class="name">(erased)</span>`
    : html`<a class="name" href="${pathOf(`/accounts/${accountId}`, { tenantId })}">${name}</a>
        <span class="number">${accountNumber ?? ''}</span>`;

function accountsSection(shown: CampaignShown): Html {
  const { visit, campaign, page, filters } = shown;
  const tenantId = tenantIn(visit);
  const here = `/${campaign.id}`;
  return html`<section class="panel" aria-labelledby="accounts-title" data-live="accounts">
    <h2 id="accounts-title">Accounts</h2>
    <form method="get" action="${at(visit, here)}" class="filters" aria-label="Accounts of the campaign" role="search">
      ${tenantId === null ? '' : hidden('tenantId', tenantId)}
      <div class="field">
        <label for="state">State</label>
        <select id="state" name="state">
          <option value="">Any</option>
          ${Object.entries(itemWords).map(
            ([name, words]) =>
              html`<option value="${name}" ${flag('selected', name === filters.state)}>${words}</option>`,
          )}
        </select>
      </div>
      <div class="buttons"><button type="submit">Filter</button></div>
    </form>
    <table class="cards">
      <caption class="unseen">
        Accounts of the campaign
      </caption>
      <thead>
        <tr>
          <th scope="col">Account</th>
          <th scope="col">Wave</th>
          <th scope="col">State</th>
          <th scope="col">Why</th>
          <th scope="col">Link works until</th>
        </tr>
      </thead>
      <tbody>
        ${page.items.map(
          (item) =>
            html`<tr>
              <th scope="row">${whoIs(item, tenantId)}</th>
              <td data-label="Wave">${item.wave === 0 ? 'none' : item.wave}</td>
              <td data-label="State">${itemWords[item.state]}</td>
              <td data-label="Why">${reasonWords(item.reason)}</td>
              <td data-label="Link works until" class="when">
                ${item.linkExpiresAt === null ? '' : onDay(item.linkExpiresAt)}
              </td>
            </tr>`,
        )}
      </tbody>
    </table>
    ${page.items.length === 0 ? html`<p class="hint">None.</p>` : nothing}
    ${pager({
      first: pathOf(`/campaigns${here}`, { tenantId, state: filters.state }),
      next:
        page.nextCursor === null
          ? null
          : pathOf(`/campaigns${here}`, { tenantId, state: filters.state, cursor: page.nextCursor }),
      isFirst: filters.cursor === undefined,
    })}
  </section>`;
}
