/** `upslink accounts explain`: why an account is where it is, in the API's words. */

import { explain } from '../../api/actions/history';
import type { ExplanationJson } from '../../api/schemas/answers';
import type { Environment } from '../environment';
import type { Output } from '../output';
import { loadAccount, withDb, type InTenant } from '../store';
import { fields, instant } from '../table';
import { askAbout } from './asked';

export async function runExplain(env: Environment, out: Output, id: string, options: InTenant): Promise<void> {
  const explanation = await withDb(env, async (db) => {
    const document = await loadAccount(db, id, options);
    return askAbout(explain, { db, document }, {});
  });
  out.result(explanation, () => describe(explanation, out.width));
}

function describe(explanation: ExplanationJson, width: number): string {
  const { state, since, because, whoseMove, nextStep, lastUpsAnswer, pending } = explanation;
  return fields(
    [
      ['state', `${state} since ${instant(since)}`],
      ['because', because],
      ['whose move', whoseMove ?? 'none: no action is needed'],
      ['next step', nextStep?.text],
      ['UPS said', lastUpsAnswer && upsSaid(lastUpsAnswer)],
      ...pending.map(({ what, at }): [string, string] => [
        'pending',
        at === null ? `${what}, any moment` : `${what} at ${instant(at)}`,
      ]),
    ],
    width,
  );
}

function upsSaid({ at, endpoint, httpStatus, code, message }: NonNullable<ExplanationJson['lastUpsAnswer']>): string {
  const said = [httpStatus ?? 'no status', code, message].filter((part) => part !== null).join(' ');
  return `${said} (${endpoint}, ${instant(at)})`;
}
