/** Access keys of the XML era: read by the platform for as long as they serve. */

import { ACCESS_KEY_BOX } from '../../machines/data';
import { Refusal } from '../problems';
import { actorOf, type TenantCaller } from '../roles';
import type { AccessKeyJson } from '../schemas/answers';
import { action } from './action';

/** Every reading is on record, before the key is handed out. */
export const readAccessKey = action(
  'access-key',
  async ({ runtime, vault }, caller: TenantCaller, { id }: { id: string }): Promise<AccessKeyJson> => {
    const { tenantId } = caller;
    const verdict = await runtime.dispatch(id, { type: 'ACCESS_KEY_READ' }, { tenantId, actor: actorOf(caller) });
    const sealed = verdict.document.data.accessKey?.sealed;
    if (verdict.verdict !== 'applied' || typeof sealed !== 'string')
      throw new Refusal('no-access-key', 'The account holds no access key that may be used.');
    const opened = vault.open(sealed, { tenantId, accountId: id, field: 'accessKey', ...ACCESS_KEY_BOX });
    return JSON.parse(opened) as AccessKeyJson;
  },
);
