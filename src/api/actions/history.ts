/** What happened to an account, and why it is where it is. */

import { HISTORY_PAGE, readHistory as readRows } from '../../db/history';
import type { AccountDocument } from '../../db/accounts';
import { namesOfActors } from '../../db/keyNames';
import { standingOf } from '../../machines/definition';
import type { NextStep } from '../../machines/reasons';
import { contextOf, instant, instantOrNull, neverComes, sentenceFor, sentenceOf, wordsOfUps } from '../present';
import type { TenantCaller } from '../roles';
import { presentRow, readableEvent } from '../rowTypes';
import type { ExplanationJson, RowJson } from '../schemas/answers';
import type { Services } from '../services';
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
    const actors = rows.map(({ actor }) => actor);
    const names = await namesOfActors(services.db, actors, caller.tenantId);
    return { items: rows.map((row) => presentRow(row, names)), nextCursor: last < document.seq ? String(last) : null };
  },
);

/** One that brought nothing leaves the account as it was: only this tells the merchant why. */
function lastTry(document: AccountDocument): string {
  const { lastAuthorization, reason } = contextOf(document);
  const last = lastAuthorization?.reason ?? null;
  return last === null || last === reason ? '' : ` The last authorization: ${sentenceOf(last, document).message}`;
}

/** A refresh that fails again and again, or an answer that cannot be understood, must be visible here. */
function lastWords(document: AccountDocument): string {
  const { failures } = contextOf(document);
  const { lastUps } = document.data;
  const isTried = standingOf(document.snapshot.value).token === 'backing-off' && failures > 0;
  const tried = isTried
    ? ` ${failures === 1 ? 'The last refresh attempt' : `The last ${failures} refresh attempts`} failed.`
    : '';
  if (!lastUps?.unread) return tried;
  const status = lastUps.httpStatus === null ? '' : `, status ${lastUps.httpStatus}`;
  return `${tried} UPS's last answer (${lastUps.endpoint}${status}) could not be understood.`;
}

function pendingOf(document: AccountDocument): ExplanationJson['pending'] {
  const { timers, invocations } = document;
  const coming = timers.filter(({ event, dueAt }) => !neverComes(document, event, dueAt));
  return [
    ...invocations.map(({ id, claim }) => ({ what: id, at: claim === null ? null : instantOrNull(claim.until) })),
    ...coming.map(({ event, dueAt }) => ({ what: readableEvent({ type: event }), at: instant(dueAt) })),
  ];
}

const refreshTimers = ['xstate.after.refreshDue.', 'xstate.after.retry.'];

/** Whether it would be refreshed by now, or will be tried again. */
function awaitsRefresh({ snapshot, timers, invocations }: AccountDocument, now: number): boolean {
  const isDue = timers.some(
    ({ event, dueAt }) => dueAt <= now && refreshTimers.some((name) => `${event}.`.startsWith(name)),
  );
  const isTried = invocations.some(({ id }) => id === 'refresh');
  return isDue || isTried || standingOf(snapshot.value).token === 'backing-off';
}

/** While nothing is refreshed at all: what an account that waits for it hears instead of "nothing to do". */
function heldBack(services: Services, document: AccountDocument): { why: string; nextStep: NextStep } | null {
  const notice = services.epochNotice?.() ?? null;
  if (notice === null || !awaitsRefresh(document, services.clock.now())) return null;
  const text = 'Settle which database is the real one: refreshes then go on by themselves.';
  return { why: ` ${notice}`, nextStep: { who: 'operator', action: 'wait', text } };
}

export const explain = action(
  'read',
  async (services, caller: TenantCaller, { id }: { id: string }): Promise<ExplanationJson> => {
    const document = await lookAtAccount(services, caller, id);
    const { message, nextStep: usual } = sentenceFor(document);
    const held = heldBack(services, document);
    const nextStep = held?.nextStep ?? usual;
    const { lastUps } = document.data;
    return {
      state: standingOf(document.snapshot.value).state,
      since: instant(contextOf(document).since),
      because: `${message}${lastTry(document)}${lastWords(document)}${held?.why ?? ''}`,
      whoseMove: nextStep?.who ?? null,
      nextStep: nextStep && { ...nextStep },
      lastUpsAnswer: lastUps && {
        ...lastUps,
        at: instant(lastUps.at),
        message: wordsOfUps(lastUps),
        unread: lastUps.unread ?? null,
      },
      pending: pendingOf(document),
    };
  },
);
