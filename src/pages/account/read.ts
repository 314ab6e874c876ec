/** Everything an account's page shows, read once. */

import { loadAccount } from '../../api/actions/accounts';
import { explain, readHistory } from '../../api/actions/history';
import { presentAccount } from '../../api/present';
import { assertMay } from '../../api/roles';
import type { AccountJson, ExplanationJson, RowJson } from '../../api/schemas/answers';
import type { Services } from '../../api/services';
import type { AccountDocument } from '../../db/accounts';
import { allowed } from '../../durable/decide';
import { makeAccountDefinition } from '../../machines/definition';
import type { TenantVisit } from '../visitor';

export interface HistoryPage {
  /** Newest first. */
  rows: RowJson[];
  /** How many rows there are in all. */
  count: number;
  /** The seq below which the next older page begins; null: there is none. */
  olderThan: number | null;
  isNewest: boolean;
}

export interface AccountShown {
  visit: TenantVisit;
  account: AccountJson;
  explanation: ExplanationJson;
  /** Public events with a transition here, whatever guards or roles say. */
  allowed: string[];
  history: HistoryPage;
  now: number;
}

const ROWS = 20;

/** Only asked what is possible; it decides nothing here. */
const definition = makeAccountDefinition();

async function historyPage(
  services: Services,
  visit: TenantVisit,
  { id, seq, firstSeq }: AccountDocument,
  before: number,
) {
  const [start, end] = [firstSeq - 1, Math.min(before, seq + 1)];
  const after = Math.max(start, end - 1 - ROWS);
  const { items } = await readHistory(services, visit.caller, { id, after });
  const rows = items.filter((row) => row.seq < end).reverse();
  return { rows, count: seq - start, olderThan: after > start ? after + 1 : null, isNewest: end > seq };
}

export async function readShown(
  services: Services,
  visit: TenantVisit,
  id: string,
  before: number,
): Promise<AccountShown> {
  assertMay(visit.caller, 'read');
  const document = await loadAccount(services, visit.caller, id);
  const account = presentAccount(document, services.clock.now());
  const [explanation, history] = await Promise.all([
    explain(services, visit.caller, { id }),
    historyPage(services, visit, document, before),
  ]);
  return { visit, account, explanation, allowed: allowed(definition, document), history, now: visit.frame.now };
}

/** What an account is at, in one short text: as long as it stays, so does what the page shows. */
export const tagOf = ({ seq, updatedAt }: AccountJson): string => `${seq}.${Date.parse(updatedAt)}`;
