/** `upslink accounts list` */

import { presentAccount } from '../../api/present';
import type { AccountJson } from '../../api/schemas/answers';
import { accountListSchema } from '../../api/schemas/inputs';
import { damageBy, readStored } from '../../db/damage';
import { listStored } from '../../db/queries';
import type { StoredAccount } from '../../db/schemas';
import type { Environment } from '../environment';
import { parseOptions } from '../input';
import type { Output } from '../output';
import { assertTenant, withDb, type InTenant } from '../store';
import { paragraph, table } from '../table';

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
  const { items, nextCursor } = await withDb(env, async (db) => {
    await assertTenant(db, tenant);
    return listStored(db, list);
  });
  const shown = { items: items.map((stored) => itemFrom(stored, Date.now())), nextCursor };
  out.result(shown, () => describe(shown.items, tenant === undefined, out.width));
  if (nextCursor !== null) out.remark(`More accounts: run the same command with --cursor ${nextCursor}`);
}

/** What is known of an account that cannot be read: what lists are filtered by, as far as it is there, and what is wrong. */
interface DamagedItem {
  id: string;
  tenantId: string;
  accountNumber: string | null;
  state: string | null;
  name: string | null;
  damage: string;
}

/** As the API shows it. One that is damaged must not take the others with it: it is named in its place. */
function itemFrom(stored: StoredAccount, at: number): AccountJson | DamagedItem {
  const read = readStored(stored);
  if ('damage' in read) return damagedItem(stored, read.damage);
  try {
    return presentAccount(read, at);
  } catch (error) {
    return damagedItem(stored, damageBy(error));
  }
}

function damagedItem(stored: StoredAccount, damage: string): DamagedItem {
  const view = (stored.view ?? {}) as Partial<StoredAccount['view']>;
  const { accountNumber = null, state = null, name = null } = view;
  return { id: stored._id, tenantId: stored.tenantId, accountNumber, state, name, damage };
}

/** The reason stands on a line of its own: beside the id it leaves no room for the rest. */
function describe(items: (AccountJson | DamagedItem)[], areOfAll: boolean, width: number): string {
  if (items.length === 0) return 'No account matches.';
  const columns = [
    { head: 'ID' },
    ...(areOfAll ? [{ head: 'TENANT', shrinksTo: 6 }] : []),
    { head: 'NUMBER' },
    { head: 'STATE' },
    { head: 'NAME', shrinksTo: 8 },
  ];
  const cells = items.map(({ id, tenantId, accountNumber, state, name }) => {
    const known = [accountNumber ?? '?', state ?? '?', name ?? '?'];
    return areOfAll ? [id, tenantId, ...known] : [id, ...known];
  });
  const [head = '', ...lines] = table(columns, cells, width).split('\n');
  const rows = lines.map((line, n) => {
    const item = items[n];
    const below = item && ('damage' in item ? item.damage : item.reason);
    return below ? `${line}\n    ${paragraph(below, { width, indent: 4 })}` : line;
  });
  return [head, ...rows].join('\n');
}
