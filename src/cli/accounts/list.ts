/** `upslink accounts list` */

import { presentAccount } from '../../api/present';
import type { AccountJson } from '../../api/schemas/answers';
import { accountListSchema } from '../../api/schemas/inputs';
import { listAccounts } from '../../db/queries';
import type { Environment } from '../environment';
import { parseOptions } from '../input';
import type { Output } from '../output';
import { withDb, type InTenant } from '../store';
import { table } from '../table';

export interface ListOptions extends InTenant {
  state?: string;
  scheme?: string;
  reason?: string;
  text?: string;
  externalId?: string;
  limit: string;
  cursor?: string;
}

export async function runList(env: Environment, out: Output, options: ListOptions): Promise<void> {
  const { state, scheme, reason, text, externalId, limit, cursor, tenant } = options;
  const filters = parseOptions(accountListSchema, { state, scheme, reason, text, externalId, limit, cursor });
  const list = { ...filters, tenantId: tenant ?? null, limit: filters.limit ?? Number(limit) };
  const { items, nextCursor } = await withDb(env, (db) => listAccounts(db, list));
  const shown = { items: items.map((document) => presentAccount(document, Date.now())), nextCursor };
  out.result(shown, () => describe(shown.items, tenant === undefined, out.width));
  if (nextCursor !== null) out.remark(`There are more: the same again with --cursor ${nextCursor}`);
}

/** The reason stands on a line of its own: beside the id it leaves no room for the rest. */
function describe(items: AccountJson[], areOfAll: boolean, width: number): string {
  if (items.length === 0) return 'No account is like that.';
  const columns = [
    { head: 'ID' },
    ...(areOfAll ? [{ head: 'TENANT', shrinksTo: 6 }] : []),
    { head: 'NUMBER' },
    { head: 'STATE' },
    { head: 'NAME', shrinksTo: 8 },
  ];
  const cells = items.map(({ id, tenantId, accountNumber, state, name }) =>
    areOfAll ? [id, tenantId, accountNumber, state, name] : [id, accountNumber, state, name],
  );
  const [head = '', ...lines] = table(columns, cells, width).split('\n');
  const rows = lines.map((line, n) => {
    const reason = items[n]?.reason ?? null;
    return reason === null ? line : `${line}\n    ${reason}`;
  });
  return [head, ...rows].join('\n');
}
