/** What happened to an account, and why it is where it is. */

import { HISTORY_PAGE, readHistory as readRows } from '../../db/history';
import type { AccountDocument } from '../../db/accounts';
import { standingOf } from '../../machines/definition';
import { reasons } from '../../machines/reasons';
import { contextOf, instant, instantOrNull, sentenceFor } from '../present';
import type { TenantCaller } from '../roles';
import { presentRow, readableEvent } from '../rowTypes';
import type { ExplanationJson, RowJson } from '../schemas/answers';
import { lookAtAccount } from './accounts';
import { action } from './action';

/** Read-your-writes: the document is loaded first, and what still waits in its outbox is history already. */
export const readHistory = action(
  'read',
  async (
    services,
    caller: TenantCaller,
    { id, after = 0 }: { id: string; after?: number | undefined },
  ): Promise<{ items: RowJson[]; nextCursor: string | null }> => {
    const document = await lookAtAccount(services, caller, id);
    const rows = await readRows(services.db, document, after, HISTORY_PAGE);
    const last = rows.at(-1)?.seq ?? document.seq;
    return { items: rows.map(presentRow), nextCursor: last < document.seq ? String(last) : null };
  },
);

/** One that brought nothing leaves the account as it was: only this tells the merchant why. */
function lastTry(document: AccountDocument): string {
  const { lastAuthorization, reason } = contextOf(document);
  const last = lastAuthorization?.reason ?? null;
  return last === null || last === reason ? '' : ` The last authorization: ${reasons[last].message}`;
}

function pendingOf({ timers, invocations }: AccountDocument): ExplanationJson['pending'] {
  return [
    ...invocations.map(({ id, claim }) => ({ what: id, at: claim === null ? null : instantOrNull(claim.until) })),
    ...timers.map(({ event, dueAt }) => ({ what: readableEvent({ type: event }), at: instant(dueAt) })),
  ];
}

export const explain = action(
  'read',
  async (services, caller: TenantCaller, { id }: { id: string }): Promise<ExplanationJson> => {
    const document = await lookAtAccount(services, caller, id);
    const { message, nextStep } = sentenceFor(document);
    const { lastUps } = document.data;
    return {
      state: standingOf(document.snapshot.value).state,
      since: instant(contextOf(document).since),
      because: `${message}${lastTry(document)}`,
      whoseMove: nextStep?.who ?? null,
      nextStep: nextStep && { ...nextStep },
      lastUpsAnswer: lastUps && { ...lastUps, at: instant(lastUps.at) },
      pending: pendingOf(document),
    };
  },
);
