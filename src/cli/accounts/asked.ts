/** The API's own actions, asked about an account that is in hand: what they answer is what the API answers. */

import type { Action } from '../../api/actions/action';
import type { TenantCaller } from '../../api/roles';
import type { Services } from '../../api/services';
import type { AccountDocument } from '../../db/accounts';
import type { Db } from '../../db/connection';

/** For actions that read: of all services they touch the database and the runtime's `look` only. */
export function askAbout<Input extends { id: string }, Output>(
  action: Action<TenantCaller, Input, Output>,
  { db, document }: { db: Db; document: AccountDocument },
  input: Omit<Input, 'id'>,
): Promise<Output> {
  const services = { db, runtime: { look: async () => document } } as unknown as Services;
  const caller: TenantCaller = { keyId: 'cli', role: 'reader', tenantId: document.tenantId };
  return action(services, caller, { ...input, id: document.id } as Input);
}
