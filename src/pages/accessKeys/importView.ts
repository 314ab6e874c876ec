import type { ImportReport } from '../../api/imports/importKeys';
import { IMPORT_LIMITS } from '../../api/imports/limits';
import { COLUMNS } from '../../api/imports/lines';
import { hidden, html, nothing, pathOf, when, type Html } from '../../web/html';
import { tenantIn, type TenantVisit } from '../visitor';

/** With both, it ended before the file did. */
export type Imported = { report: ImportReport; error?: never } | { error: string; report?: ImportReport };

const FAILED_SHOWN = 200;
const MB = 1024 * 1024;

/** Those that spreadsheets save in; the API takes any. */
const ENCODINGS = {
  'utf-8': 'UTF-8 (in Excel: CSV UTF-8)',
  'windows-1252': 'Windows-1252 (in Excel: CSV, Western Europe and the Americas)',
  'windows-1250': 'Windows-1250 (in Excel: CSV, Central Europe)',
  macintosh: 'Macintosh (in Excel: CSV Macintosh)',
};

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
        <code>external_id</code> may be left out. Cells are separated by commas, semicolons, tabs or <code>|</code>. At
        most ${IMPORT_LIMITS.rows} lines and ${IMPORT_LIMITS.bytes / MB} MB. Importing a file again changes nothing.
      </p>
      <form method="post" action="${action}" class="stack form" data-import>
        ${token}
        <div class="field">
          <label for="file">The file</label>
          <input id="file" type="file" accept=".csv,text/csv" required />
        </div>
        <div class="field">
          <label for="encoding">Its encoding</label>
          <select id="encoding" name="encoding" autocomplete="off">
            ${Object.entries(ENCODINGS).map(([label, words]) => html`<option value="${label}">${words}</option>`)}
          </select>
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

/** Marked, for the script to tell it from the page of another problem. */
export const reportSection = (done: Imported): Html =>
  html`<div data-report>
    ${when(done.error !== undefined, () => cutSection(done))} ${done.report ? countsSection(done.report) : nothing}
  </div>`;

const cutSection = ({ error = '', report }: Imported): Html =>
  html`<div class="message bad" role="alert">
    <div>
      <p><strong>${report ? 'The import stopped before the end of the file.' : 'Nothing was imported.'}</strong></p>
      <p>${error}</p>
    </div>
  </div>`;

function countsSection(report: ImportReport): Html {
  const { created, unchanged, failed, failedOmitted = 0 } = report;
  const failures = failed.length + failedOmitted;
  return html`<div class="message ${failures === 0 ? 'good' : 'info'}" role="status">
      <div>
        <p>
          <strong>${created} imported, ${unchanged} were there already, ${failures} could not be imported.</strong>
        </p>
        ${failures === 0 ? nothing : html`<p>Mend those lines and import the file again: the others stay as they are.</p>`}
      </div>
    </div>
    ${when(failures > 0, () => failedTable(report))}`;
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
