/** What lies ahead of the grants, for admins: two pictures made here, each with the table it was made from. */

import type { Router } from 'express';
import { getForecast } from '../api/actions/forecast';
import { assertMay } from '../api/roles';
import type { ForecastJson, NearestLapseJson } from '../api/schemas/forecast';
import type { Services } from '../api/services';
import { html, pathOf, when, type Html } from '../web/html';
import { pageOf } from './layout';
import { sendPage } from '../web/page';
import { ago } from '../web/times';
import { visitOf, type Visit } from './visitor';

interface Bar {
  label: string;
  value: number;
}

interface Chart {
  title: string;
  /** The whole picture in a sentence, for those who do not see it. */
  says: string;
  columns: [string, string];
  bars: Bar[];
}

const HEIGHT = 120;
const STEP = 10;

const bar = ({ label, value }: Bar, n: number, most: number): Html => {
  const height = most === 0 ? 0 : Math.max(value === 0 ? 0 : 2, Math.round((value / most) * HEIGHT));
  return html`<rect x="${n * STEP + 1}" y="${HEIGHT - height}" width="${STEP - 2}" height="${height}">
    <title>${label}: ${value}</title>
  </rect>`;
};

function chartOf({ title, says, columns, bars }: Chart): Html {
  const most = Math.max(0, ...bars.map(({ value }) => value));
  const width = bars.length * STEP;
  return html`<section class="panel">
    <h2>${title}</h2>
    <p>${says}</p>
    <svg
      class="bars"
      role="img"
      aria-label="${title}. ${says}"
      viewBox="0 0 ${width} ${HEIGHT + 1}"
      preserveAspectRatio="none"
    >
      ${bars.map((one, n) => bar(one, n, most))}
      <line x1="0" x2="${width}" y1="${HEIGHT + 0.5}" y2="${HEIGHT + 0.5}" />
    </svg>
    <p class="muted axis">
      <span>${bars[0]?.label ?? ''}</span> <span>most: ${most}</span> <span>${bars.at(-1)?.label ?? ''}</span>
    </p>
    <details>
      <summary>As a table</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">${columns[0]}</th>
            <th scope="col">${columns[1]}</th>
          </tr>
        </thead>
        <tbody>
          ${bars.map(
            ({ label, value }) =>
              html`<tr>
                <th scope="row">${label}</th>
                <td>${value}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </details>
  </section>`;
}

const dayOf = (instant: string): string => instant.slice(0, 10);
const hourOf = (instant: string): string => `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`;

const nearestRow = ({ id, tenantId, name, token, refreshExpiresAt, refreshAt }: NearestLapseJson, now: number): Html =>
  html`<tr>
    <th scope="row"><a href="${pathOf(`/accounts/${id}`, { tenantId })}">${name}</a></th>
    <td data-label="Tenant">${tenantId}</td>
    <td data-label="Token">${token ?? ''}</td>
    <td data-label="Dies">${ago(refreshExpiresAt, now)}</td>
    <td data-label="Refreshed next">${refreshAt === null ? 'not by itself for now' : ago(refreshAt, now)}</td>
  </tr>`;

const nearestView = ({ nearest }: ForecastJson['lapses'], now: number): Html =>
  html`<section class="panel">
    <h2>The nearest</h2>
    <table class="cards">
      <thead>
        <tr>
          ${['Account', 'Tenant', 'Token', 'Dies', 'Refreshed next'].map((title) => html`<th scope="col">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${nearest.map((one) => nearestRow(one, now))}
      </tbody>
    </table>
  </section>`;

const plenty = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

function forecastView({ lapses, refreshes }: ForecastJson, { frame }: Visit): Html {
  const isEmpty = lapses.total === 0 && refreshes.accounts === 0;
  if (isEmpty)
    return html`<div class="title"><h1>Forecast</h1></div>
      <p>No account holds a grant of UPS yet: there is nothing to refresh, and nothing that could die.</p>`;
  const today = refreshes.perDay[0]?.refreshes ?? 0;
  return html`<div class="title"><h1>Forecast</h1></div>
    ${chartOf({
      title: 'Grants that die if nothing happens',
      says: `${plenty(lapses.total, 'refresh token dies', 'refresh tokens die')} in the next 60 days unless refreshed before.`,
      columns: ['Day', 'Grants'],
      bars: lapses.perDay.map(({ day, grants }) => ({ label: day, value: grants })),
    })}
    ${when(lapses.nearest.length > 0, () => nearestView(lapses, frame.now))}
    ${chartOf({
      title: 'Refreshes in the next 24 hours',
      says: `About ${plenty(today, 'refresh', 'refreshes')}, by ${plenty(refreshes.accounts, 'account', 'accounts')}.`,
      columns: ['From', 'Refreshes'],
      bars: refreshes.perHour.map((one) => ({ label: hourOf(one.from), value: one.refreshes })),
    })}
    ${chartOf({
      title: 'Refreshes in the next 60 days',
      says: 'As it goes on if no account is added and none is asked for a token.',
      columns: ['From', 'Refreshes'],
      bars: refreshes.perDay.map((one) => ({ label: dayOf(one.from), value: one.refreshes })),
    })}`;
}

export function addForecastRoutes(router: Router, services: Services): void {
  router.get('/forecast', async (_req, res) => {
    const visit = visitOf(res);
    assertMay(visit.caller, 'administer');
    const forecast = await getForecast(services, visit.caller, {});
    sendPage(res, 200, pageOf('Forecast', visit.frame, forecastView(forecast, visit)));
  });
}
