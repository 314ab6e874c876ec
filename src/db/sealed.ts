/** Some of what accounts hold sealed: whether a key ring opens it tells whether it is the one that all were sealed with. */

import { ACCESS_KEY_BOX, type Slot } from '../machines/data';
import type { AccountDocument } from './accounts';
import type { Db } from './connection';
import { listAccounts } from './queries';
import type { Belonging, Vault } from './vault';

export interface Sealed {
  sealed: string;
  belonging: Belonging;
}

/** Of each scheme, or many of the one would hide the other; and of those in use, or many without a grant would hide these. */
const KINDS = [{ state: 'connected' }, { scheme: 'oauth' }, { scheme: 'access-key' }] as const;

function sealedIn({ id, tenantId, data }: AccountDocument): Sealed[] {
  const about = { tenantId, accountId: id };
  const pair = ({ access, refresh, grantId, generation }: Slot): Sealed[] => [
    { sealed: access, belonging: { ...about, field: 'access', grantId, generation } },
    { sealed: refresh, belonging: { ...about, field: 'refresh', grantId, generation } },
  ];
  const pairs = [data.current, data.candidate].flatMap((slot) => (slot === null ? [] : pair(slot)));
  const sealed = data.accessKey?.sealed ?? null;
  if (sealed === null) return pairs;
  return [...pairs, { sealed, belonging: { ...about, field: 'accessKey', ...ACCESS_KEY_BOX } }];
}

/** Three trips at once, each by an index. `limit`: how many accounts are read of each kind. */
export async function sampleSealed(db: Db, limit: number): Promise<Sealed[]> {
  const pages = await Promise.all(KINDS.map((kind) => listAccounts(db, { tenantId: null, ...kind, limit })));
  const found = new Map(pages.flatMap(({ items }) => items).map((account) => [account.id, account]));
  return [...found.values()].flatMap(sealedIn);
}

/** What is opened is dropped at once: only that it opens is of interest. Throws VaultKeyMissing or SealBroken. */
export function assertOpens(vault: Pick<Vault, 'open'>, samples: readonly Sealed[]): void {
  for (const { sealed, belonging } of samples) vault.open(sealed, belonging);
}
