/** Finds campaigns that are due and sees that somebody looks at them: told to the queue, or done here while Redis is away. */

import { dueCampaigns } from '../db/campaigns';
import type { Db } from '../db/connection';
import type { Clock } from '../durable/types';
import { CAMPAIGNS, type Queues } from '../workers';
import type { Campaigns } from './advance';

export interface ScheduleParts {
  db: Db;
  queues: Pick<Queues, 'offer'>;
  campaigns: Campaigns;
  clock: Clock;
}

const MANY = 50;

/** With nothing due: one read of an index. Told twice, a campaign is looked at twice, which does no harm. */
export async function tellDueCampaigns({ db, queues, campaigns, clock }: ScheduleParts): Promise<void> {
  const due = await dueCampaigns(db, clock.now(), MANY);
  if (due.length === 0) return;
  const { reached } = await queues.offer(due.map((id) => ({ id, queue: CAMPAIGNS })));
  if (reached) return;
  for (const id of due) await campaigns.advance(id);
}
