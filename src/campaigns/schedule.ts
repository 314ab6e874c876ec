/** Finds campaigns that are due and sees that somebody looks at them: told to the queue, or done here while Redis is away. */

import { dueCampaigns } from '../db/campaigns';
import type { Db } from '../db/connection';
import { StoreUnavailable } from '../durable/errors';
import type { Clock } from '../durable/types';
import { CAMPAIGNS, type Queues } from '../workers';
import type { Campaigns } from './advance';

export interface ScheduleParts {
  db: Db;
  queues: Pick<Queues, 'offer'>;
  campaigns: Campaigns;
  clock: Clock;
  /** While Redis is away one of several schedulers does the work: it saves work and guards nothing. */
  mayWork(): Promise<boolean>;
}

const MANY = 50;

/**
 * With nothing due: one read of an index. Told twice, a campaign is looked at twice, which does no harm. Rejects after all
 * of them when one could not be helped, and at once when the store is away.
 */
export async function tellDueCampaigns({ db, queues, campaigns, clock, ...parts }: ScheduleParts): Promise<void> {
  const due = await dueCampaigns(db, clock.now(), MANY);
  if (due.length === 0) return;
  const { reached } = await queues.offer(due.map((id) => ({ id, queue: CAMPAIGNS })));
  if (reached) return;
  let failure: unknown = null;
  for (const id of due) {
    if (!(await parts.mayWork())) break;
    await campaigns.advance(id).catch((error: unknown) => {
      if (error instanceof StoreUnavailable) throw error;
      failure ??= error;
    });
  }
  if (failure !== null) throw failure as Error;
}
