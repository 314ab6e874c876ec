/** Accounts that hold a grant, for commands that look at all of them: tenants do not matter to a database as a whole. */

import type { Send, Slot } from '../machines/data';
import type { AccountView } from '../machines/definition';
import type { Db } from './connection';
import { answered } from './errors';
import { pageOf, type Page } from './page';

export interface Holder {
  id: string;
  tenantId: string;
  name: string;
  state: AccountView['state'];
  current: Pick<Slot, 'grantId' | 'generation' | 'issuedAt' | 'accessExpiresAt'> | null;
  hasCandidate: boolean;
}

const PAGE = 200;

const SHOWN = {
  ...{ tenantId: 1, 'view.name': 1, 'view.state': 1 },
  ...{ 'data.current.grantId': 1, 'data.current.generation': 1, 'data.current.issuedAt': 1 },
  ...{ 'data.current.accessExpiresAt': 1, 'data.candidate.grantId': 1 },
} as const;

/** One trip, in order of id; looks at every account on the way. */
export const listHolders = (db: Db, after: string): Promise<Page<Holder>> =>
  pageOf(
    db.accounts
      .find({
        _id: { $gt: after },
        $or: [{ 'data.current.grantId': { $exists: true } }, { 'data.candidate.grantId': { $exists: true } }],
      })
      .project<{ _id: string } & Pick<Holder, 'tenantId'> & { view: AccountView; data: ShownData }>(SHOWN)
      .sort({ _id: 1 }),
    PAGE,
    ({ _id, tenantId, view, data }) => ({
      ...{ id: _id, tenantId, name: view.name, state: view.state },
      ...{ current: data.current?.grantId === undefined ? null : data.current, hasCandidate: Boolean(data.candidate) },
    }),
  );

interface ShownData {
  current?: Holder['current'];
  candidate?: object | null;
}

/** All of them, a page at a time. */
export async function* allHolders(db: Db): AsyncGenerator<Holder[]> {
  for (let after: string | null = ''; after !== null;) {
    const page: Page<Holder> = await listHolders(db, after);
    yield page.items;
    after = page.nextCursor;
  }
}

/**
 * One trip: the journal of that generation gets a send that somebody may have made. Under `rev`, as a claim is: whoever
 * has the document in hand reads it again. Once, however often it is said.
 */
export async function noteUnknownSend(db: Db, { id, tenantId, current }: Holder, send: Send): Promise<void> {
  if (current === null) return;
  const { grantId, generation } = current;
  const slot = { 'data.current.grantId': grantId, 'data.current.generation': generation };
  const filter = { _id: id, tenantId, ...slot, 'data.current.sends.id': { $ne: send.id } };
  // In front: the last one is the one in hand, if any.
  const $push = { 'data.current.sends': { $each: [send], $position: 0 } };
  await answered(db.accounts.updateOne(filter, { $push, $inc: { rev: 1 } }));
}
