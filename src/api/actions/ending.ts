/** How a trip to UPS ended, told from what is stored: an address or a cookie can be written by anybody. */

import type { AccountDocument } from '../../db/accounts';
import { unlessMissing } from '../../durable/errors';
import { linkCookiesIn, shownFor } from '../../linkCookies';
import { isTaken } from '../../links';
import type { Link } from '../../machines/data';
import type { Outcome, Reason } from '../../machines/reasons';
import { presentAccount } from '../present';
import type { AccountJson } from '../schemas/answers';
import type { Services } from '../services';

export interface Ending {
  outcome: Outcome;
  reason: Reason | null;
}

/** Pending: the end is not known yet, or the link is no longer remembered. */
export const endingOf = (link: Link | undefined): Ending => ({
  outcome: link?.outcome ?? 'pending',
  reason: link?.reason ?? null,
});

/** An outcome also says something about the account, which may have changed since. */
export function isStillSo({ outcome }: Ending, { state }: Pick<AccountJson, 'state'>): boolean {
  if (outcome === 'connected') return state === 'connected';
  return !['disconnected', 'denied'].includes(outcome) || state !== 'connected';
}

/** The link this browser came back with last, according to its cookies. */
function lastLinkOf(links: readonly Link[], cookies: string | undefined, publicUrl: string): Link | null {
  const shown = links.flatMap((link) => {
    const at = isTaken(link) ? shownFor(link, cookies, publicUrl)?.at : undefined;
    return at === undefined ? [] : [{ link, at }];
  });
  return shown.sort((one, other) => other.at - one.at)[0]?.link ?? null;
}

/** How the last trip from this browser ended; null if it made none, or if the account has changed since. */
export function endingIn(
  document: AccountDocument,
  cookies: string | undefined,
  { config, clock }: Pick<Services, 'config' | 'clock'>,
): Ending | null {
  const link = lastLinkOf(document.data.links, cookies, config.publicUrl);
  const ending = link && endingOf(link);
  return ending && isStillSo(ending, presentAccount(document, clock.now())) ? ending : null;
}

/** The same without a sign-in: only a browser that carries a cookie of the link is told. */
export async function findEnding(
  services: Services,
  { accountId, cookies }: { accountId: string | null; cookies: string | undefined },
): Promise<Ending | null> {
  if (accountId === null || linkCookiesIn(cookies, services.config.publicUrl).size === 0) return null;
  const document = await services.runtime.load(accountId).catch(unlessMissing);
  return document && endingIn(document, cookies, services);
}
