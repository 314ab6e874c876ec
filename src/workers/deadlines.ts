/**
 * A deadline that was moved reaches every account on an access key of its tenant: page by page, by an event each. Whoever
 * dies in the middle, or does it at the same time, does no harm: an account that has the deadline takes no second event.
 * With nothing moved a tick is one read of an index.
 */

import type { Db } from '../db/connection';
import { deadlineTold, dueDeadlines, tellDeadlineAgain, withOtherDeadline, type MovedDeadline } from '../db/deadlines';
import { deadlineOf } from '../db/tenants';
import { NotFound, StoreUnavailable } from '../durable/errors';
import type { Runtime } from '../durable/runtime';
import type { Clock } from '../durable/types';
import type { AccountData } from '../machines/data';
import type { AccountView } from '../machines/definition';

export interface DeadlineParts {
  db: Db;
  runtime: Pick<Runtime<AccountData, AccountView>, 'dispatch'>;
  clock: Clock;
  /** The installation's. */
  defaultDeadlineAt: number;
}

const TENANTS = 10;
const PAGE = 200;

/** So long an import may go on creating accounts with the deadline it read: then they are told once more. */
const AGAIN_MS = 60_000;
const RETRY_MS = 30_000;

/** Null when the account has heard, or is gone; else what kept it. A store that is away keeps everybody. */
async function tell({ runtime }: DeadlineParts, id: string, tenantId: string, deadlineAt: number): Promise<unknown> {
  try {
    await runtime.dispatch(id, { type: 'DEADLINE_MOVED', deadlineAt } as never, { tenantId, actor: 'machine' });
    return null;
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error;
    return error instanceof NotFound ? null : error;
  }
}

/** One account that cannot be told keeps none of the others: the tenant is looked at again for its sake. */
async function tellTenant(parts: DeadlineParts, moved: MovedDeadline, leaving: AbortSignal): Promise<unknown> {
  const { db, clock, defaultDeadlineAt } = parts;
  const began = clock.now();
  const { tenantId } = moved;
  const deadlineAt = deadlineOf(moved, defaultDeadlineAt);
  let failure: unknown = null;
  let after: string | undefined = '';
  while (after !== undefined) {
    if (leaving.aborted) return failure;
    const ids: string[] = await withOtherDeadline(db, { tenantId, deadlineAt, after, limit: PAGE });
    for (const id of ids) {
      const kept = await tell(parts, id, tenantId, deadlineAt);
      failure ??= kept;
    }
    after = ids.length < PAGE ? undefined : ids.at(-1);
  }
  const againAt = moved.movedAt + AGAIN_MS;
  if (failure !== null) await tellDeadlineAgain(db, moved, began + RETRY_MS);
  else if (began < againAt) await tellDeadlineAgain(db, moved, againAt);
  else await deadlineTold(db, moved);
  return failure;
}

/** One look; rejects when the store is away, and after everybody else was told when an account could not be. */
export async function tellMovedDeadlines(parts: DeadlineParts, leaving: AbortSignal): Promise<void> {
  let failure: unknown = null;
  for (const moved of await dueDeadlines(parts.db, parts.clock.now(), TENANTS)) {
    const kept = await tellTenant(parts, moved, leaving);
    failure ??= kept;
  }
  if (failure !== null) throw failure as Error;
}
