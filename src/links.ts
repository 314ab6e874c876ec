/**
 * Connect links. A link's token holds a secret; the `state` UPS carries and the cookie of the browser are derived from
 * it, and only hashes of the three are stored. Token and state begin with the account's id, which finds the document.
 */

import { randomBytes } from 'node:crypto';
import type { Config } from './config';
import type { AccountDocument } from './db/accounts';
import type { Vault } from './db/vault';
import { hmac, sha256 } from './hash';
import type { Link } from './machines/data';
import type { OpensLink } from './machines/events';
import { challengeOf, makePkce } from './ups';

export interface LinkToken {
  accountId: string;
  secret: string;
}

/** `<account id>.<43 characters>`: the form of tokens and states alike. */
const FORM = /^(acc_[a-z2-7]{26})\.([A-Za-z0-9_-]{43})$/;

export function readToken(text: string): LinkToken | null {
  const [, accountId, secret] = FORM.exec(text) ?? [];
  return accountId !== undefined && secret !== undefined ? { accountId, secret } : null;
}

export const textOf = ({ accountId, secret }: LinkToken): string => `${accountId}.${secret}`;

export const stateOf = ({ accountId, secret }: LinkToken): string => `${accountId}.${hmac(secret, 'state')}`;

export const cookieOf = ({ secret }: LinkToken): string => hmac(secret, 'cookie');

export interface MintedLink {
  connectUrl: string;
  /** What an event that opens a link says of it: hashes only. */
  opens: OpensLink;
  /** Beside the event, to be sealed by its commit. */
  secrets: { verifier: string };
}

export const newToken = (accountId: string): LinkToken => ({
  accountId,
  secret: randomBytes(32).toString('base64url'),
});

export const connectUrlOf = ({ publicUrl }: Pick<Config, 'publicUrl'>, token: LinkToken): string =>
  `${publicUrl}/connect/${textOf(token)}`;

export const mintLink = (
  { config, makeId }: { config: Pick<Config, 'publicUrl' | 'consentTtlMs'>; makeId: () => string },
  { accountId, returnTo }: { accountId: string; returnTo: string | null },
): MintedLink => linkOf(config, newToken(accountId), { consentId: makeId(), returnTo, ttlMs: config.consentTtlMs });

/** Of a token that was made before: the same hashes again. `ttlMs`: how long it works. */
export function linkOf(
  config: Pick<Config, 'publicUrl'>,
  link: LinkToken,
  { consentId, returnTo, ttlMs }: Pick<OpensLink, 'consentId' | 'returnTo' | 'ttlMs'>,
): MintedLink {
  return {
    connectUrl: connectUrlOf(config, link),
    opens: {
      consentId,
      linkHash: sha256(textOf(link)),
      stateHash: sha256(stateOf(link)),
      cookieHash: sha256(cookieOf(link)),
      returnTo,
      ttlMs,
    },
    secrets: { verifier: makePkce().verifier },
  };
}

/** A callback was accepted, a newer link was made, or it has lapsed; a lapse may not be noticed yet. */
export const isTaken = (link: Link): boolean => link.outcome !== null || link.usedAt !== null;

/** It works until then. */
export const isOpen = (link: Link, now: number): boolean => !isTaken(link) && now < link.expiresAt;

/** The challenge of an open link's verifier, or null when the link has none any more. */
export function openChallenge(
  { vault }: { vault: Pick<Vault, 'open'> },
  document: AccountDocument,
  link: Link,
): string | null {
  if (link.verifier === null) return null;
  const { id: accountId, tenantId } = document;
  const belonging = { tenantId, accountId, field: 'verifier', grantId: link.consentId, generation: 0 };
  return challengeOf(vault.open(link.verifier, belonging));
}
