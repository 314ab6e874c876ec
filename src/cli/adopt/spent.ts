/** Accounts whose refresh token may have been used by whoever went on after the backup. */

import type { Holder } from '../../db/grants';
import type { Send } from '../../machines/data';

/**
 * A token reader is given a new pair when three quarters of its life are not left, and the schedule comes later. What comes
 * sooner is not known here: a REFRESH by hand, and a check in which UPS refused the access token.
 */
const SOONEST_SHARE = 0.25;

export function mayBeSpent({ current }: Holder, truthEndedAt: number): boolean {
  if (current === null) return false;
  const { issuedAt, accessExpiresAt } = current;
  return issuedAt + (accessExpiresAt - issuedAt) * SOONEST_SHARE <= truthEndedAt;
}

/**
 * As it stands in the journal: a send that somebody may have made, whose answer is not known. So the next one is a recovery:
 * the second place is looked at first, and UPS's refusal means that the outcome is unknown, not that the merchant revoked it.
 */
export const unknownSend = (epochId: string, truthEndedAt: number): Send => ({
  id: `before-epoch-${epochId}`,
  at: truthEndedAt,
  sendBy: truthEndedAt,
  settleBy: truthEndedAt,
  end: 'elsewhere',
  recovery: false,
});
