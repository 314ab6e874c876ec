import type { RowJson } from '../../api/schemas/answers';
import { lifeStates, type LifeState } from '../../machines/definition';
import { actorWords, factsOf, titleOf } from '../historyWords';
import { html, nothing, pathOf, when, type Html } from '../../web/html';
import { icon } from '../../web/icons';
import { ago } from '../../web/times';
import { tenantIn } from '../visitor';
import { badge, moverWords, stateWords } from '../words';
import type { AccountShown } from './read';

const isState = (text: string | null): text is LifeState => lifeStates.some((state) => state === text);
const isMover = (text: string): text is keyof typeof moverWords => Object.hasOwn(moverWords, text);

export function historySection(shown: AccountShown): Html {
  const { history } = shown;
  return html`<section class="panel" aria-labelledby="history-title" data-live="history">
    <h2 id="history-title">History</h2>
    <p class="hint">
      Everything that happened, newest first: ${history.count} ${history.count === 1 ? 'event' : 'events'} so far.
    </p>
    <table class="cards history">
      <caption class="unseen">
        History, newest first
      </caption>
      <thead>
        <tr>
          <th scope="col" class="seq">No.</th>
          <th scope="col">What happened</th>
          <th scope="col">By</th>
          <th scope="col">When</th>
        </tr>
      </thead>
      <tbody>
        ${history.rows.map((row) => historyRow(row, shown))}
      </tbody>
    </table>
    ${when(history.rows.length === 0, () => html`<p class="hint">There is nothing older.</p>`)} ${pager(shown)}
  </section>`;
}

function historyRow(row: RowJson, { now }: AccountShown): Html {
  const facts = factsOf(row);
  return html`<tr>
    <td class="seq" data-label="No.">${row.seq}</td>
    <th scope="row">
      <span>${titleOf(row)}</span> ${stateChange(row)} ${facts === '' ? '' : html`<span class="hint">${facts}</span>`}
    </th>
    <td data-label="By" class="when">${actorWords(row)}</td>
    <td data-label="When" class="when">${ago(row.at, now)}</td>
  </tr>`;
}

function stateChange({ from, to }: RowJson): Html {
  if (from === to || !isState(to)) return nothing;
  const before = isState(from) ? html`<span class="hint">${stateWords[from]}</span>${icon('arrow')}` : nothing;
  return html`<span class="change">${before}${badge(to)}</span>`;
}

function pager({ account, history, visit }: AccountShown): Html {
  if (history.olderThan === null && history.isNewest) return nothing;
  const address = (before: number | null) =>
    `${pathOf(`/accounts/${account.id}`, { tenantId: tenantIn(visit), before: before === null ? null : String(before) })}#history-title`;
  return html`<nav class="pager" aria-label="History pages">
    ${history.isNewest ? '' : html`<a class="button" href="${address(null)}">Newest</a>`}
    ${history.olderThan === null ? '' : html`<a class="button" href="${address(history.olderThan)}">Older</a>`}
  </nav>`;
}

/** What is under way, and the timers that are planned, by the names that rows give them. */
export const pendingWords: Record<string, string> = {
  exchange: 'Asking UPS for the tokens',
  verify: 'Asking UPS whether the login holds the number',
  refresh: 'Refreshing the token',
  CONSENT_LAPSED: 'The link lapses',
  VERIFICATION_RETRIED: 'Verification is tried again',
  REFRESH_DUE: 'The token is refreshed',
  REFRESH_RETRIED: 'The refresh is tried again',
  ACCESS_ENDED: 'The access token ends',
  REFUSAL_EXAMINED: 'The refusal of UPS is looked into',
  ACCESS_KEY_LAPSED: 'UPS stops taking the access key',
  ACCESS_KEY_EXPIRING: 'A notice of the deadline',
  REMINDER_DUE: 'The reminder',
  ACCESS_KEY_DESTROYED: 'The access key is destroyed',
  GRANT_EXAMINED: 'How long the grant still lives is looked at',
};

export function explainSection({ explanation, now }: AccountShown): Html {
  const { because, whoseMove, lastUpsAnswer, pending } = explanation;
  return html`<section class="panel" aria-labelledby="explain-title" data-live="explain">
    <h2 id="explain-title">Why it is so</h2>
    <p>${because}</p>
    <dl>
      <dt>Whose move</dt>
      <dd>
        ${whoseMove === null ? 'Nobody’s: nothing to do' : isMover(whoseMove) ? moverWords[whoseMove] : whoseMove}
      </dd>
      ${
        lastUpsAnswer === null
          ? ''
          : html`<dt>UPS's last answer</dt>
              <dd>
                ${lastUpsAnswer.endpoint}${[lastUpsAnswer.httpStatus, lastUpsAnswer.code, lastUpsAnswer.message]
                  .filter((part) => part !== null)
                  .map((part) => html` · ${part}`)}
                <span class="hint">${ago(lastUpsAnswer.at, now)}</span>
              </dd>`
      }
      <dt>What comes by itself</dt>
      <dd>
        ${
          pending.length === 0
            ? 'Nothing is planned'
            : html`<ul class="plain">
                ${pending.map(
                  ({ what, at }) =>
                    html`<li>
                      ${pendingWords[what] ?? what} <span class="hint">${at === null ? 'now' : ago(at, now)}</span>
                    </li>`,
                )}
              </ul>`
        }
      </dd>
    </dl>
  </section>`;
}
