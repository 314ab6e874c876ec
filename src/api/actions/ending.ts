/** How a trip to UPS ended, told from what is stored: an address or a cookie can be written by anybody. */

import type { AccountDocument } from '../../db/accounts';
import { shownFor } from '../../linkCookies';
import { isTaken } from '../../links';
import type { Link } from '../../machines/data';
import type { Outcome, Reason } from '../../machines/reasons';
import { presentAccount } from '../present';
import type { AccountJson } from '../schemas/answers';
import type { Services } from '../services';
import { unlessMissing } from './connect';

export interface Ending {
  outcome: Outcome;
  reason: Reason | null;
}

/** A link that is forgotten, or whose code was taken and whose end is not known yet, is pending. */
export const endingOf = (link: Link | undefined): Ending => ({
  outcome: link?.outcome ?? 'pending',
  reason: link?.reason ?? null,
});

/** What is said of an ended trip is about the account as well, which may have changed since. */
export function isStillSo({ outcome }: Ending, { state }: Pick<AccountJson, 'state'>): boolean {
  if (outcome === 'connected') return state === 'connected';
  return !['disconnected', 'denied'].includes(outcome) || state !== 'connected';
}

/** The link of the account with which this browser came back last, by its cookies. */
function lastLinkOf(links: readonly Link[], cookies: string | undefined, publicUrl: string): Link | null {
  const shown = links.flatMap((link) => {
    const at = isTaken(link) ? shownFor(link, cookies, publicUrl)?.at : undefined;
    return at === undefined ? [] : [{ link, at }];
  });
  return shown.sort((one, other) => other.at - one.at)[0]?.link ?? null;
}

/** How the last trip from this browser ended; null where it made none, or where that is not so any more. */
export function endingIn(
  document: AccountDocument,
  cookies: string | undefined,
  { config, clock }: Pick<Services, 'config' | 'clock'>,
): Ending | null {
  const link = lastLinkOf(document.data.links, cookies, config.publicUrl);
  const ending = link && endingOf(link);
  return ending && isStillSo(ending, presentAccount(document, clock.now())) ? ending : null;
}

/** The same for a browser that nobody is signed in with: the cookie alone shows that it may know. */
export async function findEnding(
  services: Services,
  { accountId, cookies }: { accountId: string | null; cookies: string | undefined },
): Promise<Ending | null> {
  if (accountId === null || cookies === undefined) return null;
  const document = await services.runtime.load(accountId).catch(unlessMissing);
  return document && endingIn(document, cookies, services);
}
