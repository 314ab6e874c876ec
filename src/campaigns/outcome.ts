/** What became of an account a campaign asked, as its document tells. */

import type { AccountDocument } from '../db/accounts';
import type { CampaignItem } from '../db/campaigns';
import type { AccountContext } from '../machines/context';
import { standingOf } from '../machines/definition';

export interface ItemEnd {
  state: 'migrated' | 'failed';
  reason: string | null;
}

/** The link the campaign gave, as the account has it: one of its last, or not there any more. */
export const linkIn = (document: AccountDocument | null, { consentId }: Pick<CampaignItem, 'consentId'>) =>
  document?.data.links.find((one) => one.consentId === consentId);

/** Null while the merchant is still awaited; a link that a newer one replaced goes on under the newer one. */
export function endOf(document: AccountDocument | null, item: Pick<CampaignItem, 'consentId'>): ItemEnd | null {
  if (document === null) return { state: 'failed', reason: 'erased' };
  const { scheme, lastAuthorization } = document.snapshot.context as AccountContext;
  const { state } = standingOf(document.snapshot.value);
  if (scheme === 'oauth') return { state: 'migrated', reason: null };
  if (state === 'migrating') return null;
  if (state === 'inactive') return { state: 'failed', reason: 'inactive' };
  const link = linkIn(document, item);
  const known = link && link.outcome !== 'replaced' ? link.reason : lastAuthorization?.reason;
  return { state: 'failed', reason: known ?? 'unknown' };
}
