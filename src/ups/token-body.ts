import { z } from 'zod';
import { DAY_MS, MINUTE_MS } from '../durations';
import type { Tokens, UpsSaid } from './types';
import { word, wordOrNull } from './words';

/** UPS has every field as a string; a number is taken too. Anything else is no number, never NaN. */
const wholeNumber = word
  .pipe(z.string().regex(/^\d{1,10}$/))
  .transform(Number)
  .pipe(z.number().max(10 * 366 * 86_400))
  .nullable()
  .catch(null);

/** What can go into a header and a form unharmed (RFC 6749, appendix A.12): printable ASCII, no spaces. */
const secret = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]{1,8192}$/);

/** A missing, null or empty refresh token all mean that UPS sent none. */
const secretOrNone = z.preprocess(
  (given) => (typeof given === 'string' && given.trim() === '' ? null : given),
  secret.nullish(),
);

const tokenBody = z.object({
  access_token: secret,
  refresh_token: secretOrNone,
  token_type: z.string().trim().min(1).max(40).catch('Bearer'),
  scope: wordOrNull.pipe(z.string().max(2000).nullable().catch(null)),
  expires_in: wholeNumber,
  refresh_token_expires_in: wholeNumber,
  refresh_count: wholeNumber,
});

/** Not UPS's numbers: just soon, so that a pair whose lifetime cannot be read is replaced, and not lost and not used for ever. */
const UNREAD_ACCESS_MS = 5 * MINUTE_MS;
const UNREAD_REFRESH_MS = DAY_MS;

/**
 * The pair in a success body, its expiries counted from `sentAt`; null when there is no whole pair in it. `sent` is the refresh token
 * of the request: without a new one in the answer it goes on (RFC 6749, section 6).
 */
export function readTokens(body: unknown, sentAt: number, ups: UpsSaid, sent: string | null = null): Tokens | null {
  const read = tokenBody.safeParse(body);
  if (!read.success) return null;
  const pair = read.data;
  const refreshToken = pair.refresh_token ?? sent;
  if (refreshToken === null) return null;
  const refreshTokenKept = refreshToken === sent;
  // A kept token with a lifetime of 0 makes no sense: its expiry is taken as not named.
  const refreshLife = refreshTokenKept ? pair.refresh_token_expires_in || null : pair.refresh_token_expires_in;
  const isRefreshUntold = refreshLife === null && refreshTokenKept;
  return {
    kind: 'tokens',
    accessToken: pair.access_token,
    refreshToken,
    refreshTokenKept,
    tokenType: pair.token_type,
    scope: pair.scope,
    refreshCount: pair.refresh_count,
    sentAt,
    accessExpiresAt: sentAt + lifetimeMs(pair.expires_in, UNREAD_ACCESS_MS),
    refreshExpiresAt: isRefreshUntold ? null : sentAt + lifetimeMs(refreshLife, UNREAD_REFRESH_MS),
    lifetimesRead: pair.expires_in !== null && (refreshLife !== null || refreshTokenKept),
    ups,
  };
}

function lifetimeMs(seconds: number | null, unread: number): number {
  return seconds === null ? unread : seconds * 1000;
}
