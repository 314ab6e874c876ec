/** The merchant's way out to UPS: a one-time link, looked at as often as one likes, followed by a press of its button. */

import type { AccountDocument } from '../../db/accounts';
import { getTenant } from '../../db/tenants';
import { unlessMissing } from '../../durable/errors';
import type { Link } from '../../machines/data';
import { sha256 } from '../../hash';
import { wholeCookie, withoutOldest, type LinkCookie } from '../../linkCookies';
import { isOpen, openChallenge, readToken, stateOf, type LinkToken } from '../../links';
import { Refusal } from '../problems';
import type { Services } from '../services';

interface OpenLink {
  token: LinkToken;
  document: AccountDocument;
  link: Link;
}

const gone = (): Refusal =>
  new Refusal('link-gone', 'This link was used, was replaced by a newer one, or has lapsed.', {
    wayOut: 'Ask for a new link where you got this one.',
  });

/** Costs nothing; throws for what cannot be a link. */
export function readLink(text: string): LinkToken {
  const token = readToken(text);
  if (token === null) throw new Refusal('not-found', 'There is no such link.');
  return token;
}

/** What never was and what is over are told alike: nobody learns which accounts exist. */
async function findOpenLink({ runtime, clock }: Services, text: string): Promise<OpenLink> {
  const token = readLink(text);
  const document = await runtime.load(token.accountId).catch(unlessMissing);
  const hash = sha256(text);
  const link = document?.data.links.find((one) => one.linkHash === hash);
  if (!document || !link || !isOpen(link, clock.now())) throw gone();
  return { token, document, link };
}

export interface ConnectView {
  /** Who asks. */
  tenantName: string;
  accountNumber: string;
  expiresAt: number;
}

/** Uses nothing up. */
export async function viewLink(services: Services, text: string): Promise<ConnectView> {
  const { document, link } = await findOpenLink(services, text);
  const tenant = await getTenant(services.db, document.tenantId);
  return {
    tenantName: tenant?.name ?? document.tenantId,
    accountNumber: document.data.settings.accountNumber,
    expiresAt: link.expiresAt,
  };
}

export interface FollowedLink {
  /** At UPS. */
  location: string;
  cookies: LinkCookie[];
}

/** `cookies`: what the browser has already. */
export async function followLink(
  services: Services,
  { text, cookies }: { text: string; cookies: string | undefined },
): Promise<FollowedLink> {
  const { token, document, link } = await findOpenLink(services, text);
  const codeChallenge = openChallenge(services, document, link);
  if (codeChallenge === null) throw gone();
  const { publicUrl } = services.config;
  const fresh = wholeCookie(token, link, { publicUrl, now: services.clock.now() });
  return {
    location: services.ups.authorizeUrl({ state: stateOf(token), codeChallenge }),
    cookies: withoutOldest(fresh, cookies, publicUrl),
  };
}
