/** `upslink accounts history`: a page of rows, oldest first. */

import { readHistory } from '../../api/actions/history';
import type { RowJson } from '../../api/schemas/answers';
import { historySchema } from '../../api/schemas/inputs';
import type { Environment } from '../environment';
import { parseOptions } from '../input';
import type { Output } from '../output';
import { loadAccount, withDb, type InTenant } from '../store';
import { instant, table } from '../table';
import { askAbout } from './asked';

export interface HistoryOptions extends InTenant {
  after: string;
}

export async function runHistory(env: Environment, out: Output, id: string, options: HistoryOptions): Promise<void> {
  const { after } = parseOptions(historySchema, { after: options.after });
  const page = await withDb(env, async (db) => {
    const document = await loadAccount(db, id, options);
    return askAbout(readHistory, { db, document }, { after });
  });
  out.result(page, () => describe(page.items, out.width));
  if (page.nextCursor !== null) out.remark(`More rows: upslink accounts history ${id} --after ${page.nextCursor}`);
}

/** `>` marks a row that changed the state. */
function describe(items: RowJson[], width: number): string {
  if (items.length === 0) return 'No rows after this seq.';
  const columns = [
    { head: 'SEQ' },
    { head: 'AT' },
    { head: 'EVENT', shrinksTo: 12 },
    { head: 'STATE' },
    { head: 'BY', shrinksTo: 7 },
  ];
  const cells = items.map(({ seq, at, type, from, to, actor, actorName }) => [
    String(seq),
    instant(at),
    type,
    from === to ? `  ${to}` : `> ${to}`,
    actorName ?? actor,
  ]);
  return table(columns, cells, width);
}
