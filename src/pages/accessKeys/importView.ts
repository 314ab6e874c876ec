import type { ImportReport } from '../../api/imports/importKeys';
import { COLUMNS } from '../../api/imports/lines';
import { hidden, html, nothing, pathOf, when, type Html } from '../html';
import { tenantIn, type TenantVisit } from '../visitor';

export type Imported = { report: ImportReport } | { error: string };

const FAILED_SHOWN = 200;

export function importView(visit: TenantVisit, done: Imported | null): Html {
  const tenantId = tenantIn(visit);
  const action = pathOf('/access-keys/import', { tenantId });
  const token = hidden('formToken', visit.signedIn.formToken);
  return html`
    <nav class="crumbs" aria-label="Breadcrumb"><a href="${pathOf('/access-keys', { tenantId })}">Old keys</a></nav>
    <div class="title"><h1>Import old keys</h1></div>
    <div id="import-report" aria-live="polite" tabindex="-1">${done === null ? nothing : reportSection(done)}</div>
    <section class="panel" aria-labelledby="file-title">
      <h2 id="file-title">From a CSV file</h2>
      <p>
        Its first line names the columns, in any order: ${COLUMNS.map((column) => html`<code>${column}</code> `)}. Only
        <code>external_id</code> may be left out. Importing a file again changes nothing.
      </p>
      <form method="post" action="${action}" class="stack form" data-import>
        ${token}
        <div class="field">
          <label for="file">The file</label>
          <input id="file" type="file" accept=".csv,text/csv" required />
        </div>
        <button type="submit" class="primary">Import the file</button>
        <progress max="1" value="0" hidden aria-label="Sent so far"></progress>
      </form>
      <noscript><p class="hint">Without scripts, paste the lines below.</p></noscript>
    </section>
    <section class="panel" aria-labelledby="paste-title">
      <h2 id="paste-title">Or paste its lines</h2>
      <form method="post" action="${action}" class="stack form">
        ${token}
        <div class="field">
          <label for="lines">Lines, the header first</label>
          <textarea id="lines" name="lines" rows="8" required autocomplete="off" spellcheck="false"></textarea>
        </div>
        <button type="submit">Import the lines</button>
      </form>
    </section>
  `;
}

export function reportSection(done: Imported): Html {
  if ('error' in done)
    return html`<div class="message bad" role="alert">
      <div>
        <p><strong>Nothing was imported.</strong></p>
        <p>${done.error}</p>
      </div>
    </div>`;
  const { created, unchanged, failed, failedOmitted = 0 } = done.report;
  const failures = failed.length + failedOmitted;
  return html`<div class="message ${failures === 0 ? 'good' : 'info'}" role="status">
      <div>
        <p>
          <strong>${created} imported, ${unchanged} were there already, ${failures} could not be imported.</strong>
        </p>
        ${failures === 0 ? nothing : html`<p>Mend those lines and import the file again: the others stay as they are.</p>`}
      </div>
    </div>
    ${when(failures > 0, () => failedTable(done.report))}`;
}

const failedTable = ({ failed, failedOmitted = 0 }: ImportReport): Html =>
  html`<section class="panel" aria-labelledby="failed-title">
    <h2 id="failed-title">Lines that could not be imported</h2>
    <table class="cards">
      <caption class="unseen">
        Lines that could not be imported, in order
      </caption>
      <thead>
        <tr>
          <th scope="col">Line</th>
          <th scope="col">Column</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        ${failed.slice(0, FAILED_SHOWN).map(
          ({ line, field, message }) =>
            html`<tr>
              <th scope="row">${line}</th>
              <td data-label="Column">${field ?? 'The whole line'}</td>
              <td data-label="Why">${message}</td>
            </tr>`,
        )}
      </tbody>
    </table>
    ${when(
      failed.length + failedOmitted > FAILED_SHOWN,
      () => html`<p class="hint">And ${failed.length + failedOmitted - FAILED_SHOWN} more.</p>`,
    )}
  </section>`;
