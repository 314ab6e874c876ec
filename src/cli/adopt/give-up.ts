/** A copy gives up the grants it was copied with: their next refresh belongs to where the copy came from. */

import type { AccountDocument } from '../../db/accounts';
import type { Db } from '../../db/connection';
import { allHolders, type Holder } from '../../db/grants';
import { unlessMissing } from '../../durable/errors';
import { standingOf } from '../../machines/definition';
import { CliError } from '../failure';
import { runtimeOn } from '../runtime';

const LANES = 8;
const NOTE = 'This database is a copy: the grant belongs to the original.';

/** Whoever is disconnected may keep a dead grant, which nobody sends. */
const holdsGrant = ({ data, snapshot }: AccountDocument): boolean =>
  data.candidate !== null || (data.current !== null && standingOf(snapshot.value).state === 'connected');

/** Safe to repeat, and to go on with after a crash. Resolves with how many were asked to reconnect. */
export async function giveUpGrants(db: Db, progress: (count: number) => void): Promise<number> {
  const runtime = runtimeOn(db);
  let count = 0;

  async function giveUp({ id, tenantId }: Holder): Promise<void> {
    const tell = (event: { type: string; note?: string }) => runtime.dispatch(id, event, { tenantId, actor: 'cli' });
    let document = await runtime.load(id, tenantId);
    if (!holdsGrant(document)) return;
    if (document.data.candidate !== null) ({ document } = await tell({ type: 'CANCEL_AUTHORIZATION' }));
    if (holdsGrant(document)) ({ document } = await tell({ type: 'DISCONNECT', note: NOTE }));
    if (holdsGrant(document))
      throw new CliError('grant-left', `Account ${id} is being authorized: run this again in a moment.`);
    count += 1;
  }

  for await (const holders of allHolders(db)) {
    for (let n = 0; n < holders.length; n += LANES)
      await Promise.all(holders.slice(n, n + LANES).map((one) => giveUp(one).catch(unlessMissing)));
    progress(count);
  }
  await runtime.relay.idle();
  return count;
}
