/** What became of an account a campaign asked, as its document tells. */

import type { AccountDocument } from '../db/accounts';
import { ERASED, RESTORED, type CampaignItem } from '../db/campaigns';
import type { AccountContext } from '../machines/context';
import { standingOf } from '../machines/definition';

export const BY_OPERATOR = 'disconnected-by-operator';

/** Whom an operator disconnected, unless it is named: before the plan, or since. */
export const isLeftOut = ({ view }: AccountDocument, { ids }: { ids?: string[] | undefined }): boolean =>
  ids === undefined && view.reason === BY_OPERATOR;

export interface ItemEnd {
  state: 'migrated' | 'failed';
  reason: string | null;
}

/** The link the campaign gave, as the account has it: one of its last, or not there any more. */
export const linkIn = (document: AccountDocument | null, { consentId }: Pick<CampaignItem, 'consentId'>) =>
  document?.data.links.find((one) => one.consentId === consentId);

/**
 * Null while the merchant is still awaited; a link that a newer one replaced goes on under the newer one. An account that is
 * on its key though a link of it came to its end was migrated, and taken back by RESTORE_ACCESS_KEY.
 */
export function endOf(
  document: AccountDocument | null,
  item: Pick<CampaignItem, 'consentId' | 'reason'>,
): ItemEnd | null {
  if (document === null) return { state: 'failed', reason: ERASED };
  const { scheme, lastAuthorization } = document.snapshot.context as AccountContext;
  const { state } = standingOf(document.snapshot.value);
  if (scheme === 'oauth') return { state: 'migrated', reason: null };
  if (state === 'migrating') return null;
  if (state === 'inactive') return { state: 'failed', reason: 'inactive' };
  const link = linkIn(document, item);
  const last = link && link.outcome !== 'replaced' ? link : lastAuthorization;
  // The links an account has are few: that this one was used is in the item, where it is waited for again.
  if (item.reason === RESTORED || last?.outcome === 'connected') return { state: 'failed', reason: RESTORED };
  return { state: 'failed', reason: last?.reason ?? 'unknown' };
}
