/** Waits until every account has been seen at rest once after the faults have ended. Refreshes go on, so no account stays at rest. */

import { setTimeout as delay } from 'node:timers/promises';
import type { AccountDocument } from '../../src/db/accounts';
import type { Db } from '../../src/db/connection';
import { listAccounts } from '../../src/db/queries';
import { standingOf } from '../../src/machines/definition';
import { TENANT } from './system';

const PAGE = 200;
const LOOK_MS = 400;
/** The sweep runs every second, but a killed process may still hold its lease for a few seconds. */
const OVERDUE_MS = 10_000;

export async function loadAll(db: Db): Promise<AccountDocument[]> {
  const found: AccountDocument[] = [];
  let cursor: string | undefined;
  do {
    const page = await listAccounts(db, { tenantId: TENANT, limit: PAGE, cursor });
    found.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}

/** Why the account is not at rest; null when it is. */
function whyNotAtRest(document: AccountDocument, now: number): string | null {
  const { wakeAt, upsAt, invocations, outbox, snapshot, data } = document;
  const { state, token, consent } = standingOf(snapshot.value);
  const where = [state, token, consent === 'idle' ? null : consent].filter(Boolean).join(', ');
  if (isOverdue(document, now))
    return `overdue since ${new Date(Math.min(wakeAt ?? now, upsAt ?? now)).toISOString()} (${where})`;
  if (outbox.some(({ row }) => !row.routine)) return `rows not relayed (${where})`;
  // A wave of refusals is examined for half an hour or more; the report counts the accounts it holds.
  if (token === 'held') return null;
  if (invocations.length > 0 || consent !== 'idle') return `under way (${where})`;
  // The sends of a lost grant are kept for a late answer, but no work waits for it.
  const isUnsettled = state === 'connected' && (data.current?.sends.length ?? 0) > 0;
  if (token === 'backing-off' || isUnsettled) return `waits to try again (${where})`;
  return null;
}

export const isOverdue = ({ wakeAt, upsAt }: AccountDocument, now: number): boolean =>
  [wakeAt, upsAt].some((at) => at !== null && at < now - OVERDUE_MS);

/** The accounts that were never seen at rest, each with the reason. */
export async function waitUntilAtRest(db: Db, patienceMs: number, over: AbortSignal): Promise<Map<string, string>> {
  const atRest = new Set<string>();
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const notAtRest = new Map<string, string>();
    for (const document of await loadAll(db)) {
      const why = atRest.has(document.id) ? null : whyNotAtRest(document, Date.now());
      if (why === null) atRest.add(document.id);
      else notAtRest.set(document.id, why);
    }
    if (notAtRest.size === 0 || performance.now() > giveUpAt || over.aborted) return notAtRest;
    await delay(LOOK_MS, undefined, { signal: over }).catch(() => undefined);
  }
}
