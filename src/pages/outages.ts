/** What is out of order with UPS, for admins: what is done about it by itself, and the two buttons that end it. */

import type { Router } from 'express';
import { decideWave, getOutages } from '../api/actions/outages';
import { waveActions, type OutagesJson, type WaveAction, type WaveJson } from '../api/schemas/outages';
import type { Services } from '../api/services';
import { parseForm } from './forms';
import { hidden, html, when, type Html } from '../web/html';
import { pageOf } from './layout';
import { sendPage } from '../web/page';
import { ago } from '../web/times';
import { readOwnForm, visitOf, type Visit } from './visitor';

type Circuit = OutagesJson['circuits'][number];

const circuitNames: Record<Circuit['name'], string> = {
  ups: 'UPS itself',
  token: 'Our client, when a merchant authorizes',
  refresh: 'Our client, when tokens are refreshed',
  rate: 'Tokens, when accounts are verified',
};
const circuitWords: Record<Circuit['state'], string> = {
  closed: 'In order',
  open: 'Not asked for now',
  'half-open': 'Being tried',
};
const circuitBadge: Record<Circuit['state'], string> = {
  closed: 'connected',
  open: 'disconnected',
  'half-open': 'migrating',
};

const waveWords: Record<WaveJson['state'], string> = {
  held: 'UPS refuses many accounts at once. They are held: none is disconnected, and one is tried for all.',
  released: 'UPS was wrong. The accounts that were held are tried again.',
  applied: 'It was meant. The accounts that were held are asked to reconnect.',
};
const buttons: Record<WaveAction, { label: string; hint: string }> = {
  release: { label: 'Try all again', hint: 'UPS was wrong' },
  apply: { label: 'Believe it', hint: 'every held account is asked to reconnect' },
};

const circuitRow = ({ name, state, why, until }: Circuit, now: number): Html =>
  html`<tr>
    <th scope="row">${circuitNames[name]}</th>
    <td><span class="badge ${circuitBadge[state]}">${circuitWords[state]}</span></td>
    <td>${why ?? '–'}${when(until !== null, () => html` Asked again ${ago(until ?? '', now)}.`)}</td>
  </tr>`;

const waveCard = (wave: WaveJson, { frame }: Visit): Html =>
  html`<section class="panel">
    <h2>Code ${wave.code}</h2>
    <p>${waveWords[wave.state]}</p>
    <p class="muted">
      Since ${ago(wave.since, frame.now)}. Tried so far: ${wave.canaries}, refused again:
      ${wave.refusedCanaries}.${when(wave.decidedBy !== null, () => html` Ended by ${wave.decidedByName ?? wave.decidedBy ?? ''}.`)}
    </p>
    ${when(
      wave.state === 'held',
      () =>
        html`<div class="actions">
          ${waveActions.map(
            (act) =>
              html`<form method="post" action="/outages/waves/${encodeURIComponent(wave.code)}/${act}">
                ${hidden('formToken', frame.signedIn.formToken)}
                <button type="submit" title="${buttons[act].hint}">${buttons[act].label}</button>
              </form>`,
          )}
        </div>`,
    )}
  </section>`;

const outagesView = ({ circuits, waves }: OutagesJson, visit: Visit): Html =>
  html`<div class="title"><h1>Outages</h1></div>
    ${
      waves.length === 0
        ? html`<p>No refusals that many accounts hear at once.</p>`
        : waves.map((wave) => waveCard(wave, visit))
    }
    <h2>Circuits</h2>
    <p class="muted">
      An open circuit asks nothing of UPS for a while, then tries one call. Nobody is disconnected by it.
    </p>
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Circuit</th>
          <th scope="col">State</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        ${circuits.map((one) => circuitRow(one, visit.frame.now))}
      </tbody>
    </table>`;

const isAction = (text: string): text is WaveAction => waveActions.some((one) => one === text);

export function addOutageRoutes(router: Router, services: Services): void {
  router.get('/outages', async (_req, res) => {
    const visit = visitOf(res);
    const outages = await getOutages(services, visit.caller, {});
    sendPage(res, 200, pageOf('Outages', visit.frame, outagesView(outages, visit)));
  });

  router.post('/outages/waves/:code/:act', parseForm, async (req, res, next) => {
    const { code, act } = req.params as { code: string; act: string };
    if (!isAction(act)) return void next();
    readOwnForm(req, res, services);
    await decideWave(services, visitOf(res).caller, { code, act });
    res.redirect(303, '/outages');
  });
}
