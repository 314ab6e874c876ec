/** The ranks of requests: what each address is for decides how early it is refused. */

import type { Request } from 'express';

/**
 * vital: how the process is. callback: a merchant's browser. token, work, comfort: with a key or a session.
 * import: files that are read while their accounts are created. public: what everybody may read.
 */
export type Rank = 'vital' | 'callback' | 'token' | 'work' | 'comfort' | 'import' | 'public';
export type PlacedRank = Exclude<Rank, 'vital'>;

/** The share of the places that a rank may fill. */
export const SHARES: Record<PlacedRank, number> = {
  callback: 1,
  token: 0.9,
  work: 0.75,
  comfort: 0.5,
  import: 0.1,
  public: 0.25,
};

/** These ranks fill the same places; each of the others has places of its own. */
export const SHARING: readonly PlacedRank[] = ['callback', 'token', 'work', 'comfort'];

const VITAL = /^\/(healthz|readyz|metrics)\/?$/;
const BROUGHT_BY_MERCHANTS = /^\/(oauth\/callback|connect\/[^/]+)\/?$/;
const TOKEN = /^\/v1\/accounts\/[^/]+\/token\/?$/;
const ONE_ACCOUNT = /^\/v1\/accounts\/[^/]+/;
const FILE = /^\/(v1\/)?access-keys\/import\/?$/;
const PUBLIC = /^\/(docs|openapi\.json|assets\/[^/]+)\/?$/;

export function rankOf({ method, path }: Pick<Request, 'method' | 'path'>): Rank {
  if (VITAL.test(path)) return 'vital';
  if (PUBLIC.test(path)) return 'public';
  if (BROUGHT_BY_MERCHANTS.test(path)) return 'callback';
  if (TOKEN.test(path)) return 'token';
  if (FILE.test(path) && method === 'POST') return 'import';
  // Accounts are created and told of by platforms in the middle of something; lists and pages can wait.
  return ONE_ACCOUNT.test(path) || (method === 'POST' && path === '/v1/accounts') ? 'work' : 'comfort';
}
