/**
 * An account that a campaign got through goes back to its old key: the campaign hears of it.
 *
 * Its item is waited for again before the event, and ended after it. Whoever dies in between leaves an item that the
 * campaign's next step looks at, and the account's document says what became of it.
 */

import { awaitAgain, endRestored } from '../db/campaigns';
import type { Db } from '../db/connection';
import { StoreUnavailable } from '../durable/errors';
import type { Clock, Verdict } from '../durable/types';

/** Time enough for the event: a step that comes first would find the account migrated. */
export const LOOK_AFTER_MS = 15_000;

/** `restore` dispatches the event, or tells what it would do. */
export async function takingBack<V extends Pick<Verdict, 'verdict'>>(
  { db, clock }: { db: Db; clock: Clock },
  account: { tenantId: string; accountId: string },
  restore: (dryRun: boolean) => Promise<V>,
): Promise<V> {
  const would = await restore(true);
  if (would.verdict !== 'applied') return restore(false);
  const items = await awaitAgain(db, account, clock.now() + LOOK_AFTER_MS);
  const verdict = await restore(false);
  if (verdict.verdict === 'applied')
    await endRestored(db, items, clock.now()).catch((error: unknown) => {
      // The account is on its key: nobody must hear that this failed, for the campaign looks at it.
      if (!(error instanceof StoreUnavailable)) throw error;
    });
  return verdict;
}
