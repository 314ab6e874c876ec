/**
 * A deadline that was moved reaches every account on an access key of its tenant: page by page, by an event each. Whoever
 * dies in the middle, or does it at the same time, does no harm: an account that has the deadline takes no second event.
 * With nothing moved a tick is one read of an index.
 */

import type { AccountDocument } from '../db/accounts';
import type { Db } from '../db/connection';
import { deadlineTold, dueDeadlines, tellDeadlineAgain, type MovedDeadline } from '../db/deadlines';
import { listAccessKeys } from '../db/queries';
import { deadlineOf } from '../db/tenants';
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

async function tell({ runtime }: DeadlineParts, { id, tenantId, data }: AccountDocument, deadlineAt: number) {
  if (data.accessKey === null || data.accessKey.deadlineAt === deadlineAt) return;
  await runtime.dispatch(id, { type: 'DEADLINE_MOVED', deadlineAt } as never, { tenantId, actor: 'machine' });
}

async function tellTenant(parts: DeadlineParts, moved: MovedDeadline, leaving: AbortSignal): Promise<void> {
  const { db, clock, defaultDeadlineAt } = parts;
  const began = clock.now();
  const { tenantId } = moved;
  const deadlineAt = deadlineOf(moved, defaultDeadlineAt);
  let cursor: string | undefined;
  do {
    if (leaving.aborted) return;
    const page = await listAccessKeys(db, { tenantId, limit: PAGE, cursor });
    for (const document of page.items) await tell(parts, document, deadlineAt);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  const againAt = moved.movedAt + AGAIN_MS;
  if (began < againAt) await tellDeadlineAgain(db, moved, againAt);
  else await deadlineTold(db, moved);
}

/** One look; rejects when the store is away. */
export async function tellMovedDeadlines(parts: DeadlineParts, leaving: AbortSignal): Promise<void> {
  for (const moved of await dueDeadlines(parts.db, parts.clock.now(), TENANTS)) await tellTenant(parts, moved, leaving);
}
