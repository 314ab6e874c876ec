import { z } from 'zod';
import type { Tokens, UpsSaid } from './types';

/** UPS has every field as a string; a number is taken too. Anything else is no number, never NaN. */
const wholeNumber = z
  .union([z.string().regex(/^\s*\d{1,10}\s*$/), z.number().int().nonnegative()])
  .transform(Number)
  .pipe(z.number().max(10 * 366 * 86_400));

/** What can go into a header and a form unharmed (RFC 6749, appendix A.12): printable ASCII, no spaces. */
const secret = z.string().regex(/^[\x21-\x7e]{1,8192}$/);

const tokenBody = z.object({
  access_token: secret,
  refresh_token: secret,
  token_type: z.string().min(1).max(40).catch('Bearer'),
  scope: z.string().max(2000).nullable().catch(null),
  expires_in: wholeNumber.nullable().catch(null),
  refresh_token_expires_in: wholeNumber.nullable().catch(null),
  refresh_count: wholeNumber.nullable().catch(null),
});

/** Not UPS's numbers: just soon, so that a pair whose lifetime cannot be read is replaced, and not lost and not used for ever. */
const UNREAD_ACCESS_MS = 5 * 60_000;
const UNREAD_REFRESH_MS = 86_400_000;

/** The pair in a success body, its expiries counted from `sentAt`; null when there is no whole pair in it. */
export function readTokens(body: unknown, sentAt: number, ups: UpsSaid): Tokens | null {
  const read = tokenBody.safeParse(body);
  if (!read.success) return null;
  const pair = read.data;
  return {
    kind: 'tokens',
    accessToken: pair.access_token,
    refreshToken: pair.refresh_token,
    tokenType: pair.token_type,
    scope: pair.scope,
    refreshCount: pair.refresh_count,
    sentAt,
    accessExpiresAt: sentAt + lifetimeMs(pair.expires_in, UNREAD_ACCESS_MS),
    refreshExpiresAt: sentAt + lifetimeMs(pair.refresh_token_expires_in, UNREAD_REFRESH_MS),
    lifetimesRead: pair.expires_in !== null && pair.refresh_token_expires_in !== null,
    ups,
  };
}

function lifetimeMs(seconds: number | null, unread: number): number {
  return seconds === null ? unread : seconds * 1000;
}
