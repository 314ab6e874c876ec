/**
 * Who is signed in to the pages. A browser holds 256 random bits in an HttpOnly cookie; the store holds their hash and
 * the key's id, never the key. Signing out, twelve hours, and the end of the key end it.
 */

import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Request, Response } from 'express';
import { HOUR_MS } from '../durations';
import { hmac } from '../hash';
import { cookiesOf } from '../cookies';
import { Refusal } from './problems';
import { callerOf, type Caller } from './roles';
import { lookUp } from './ticket';
import type { Services } from './services';
import type { ApiKey } from '../db/apiKeys';
import { senderOf } from '../sender';
import { createSession, deleteSession, findSession } from '../db/sessions';

const LIFE_MS = 12 * HOUR_MS;

type Needs = Pick<Services, 'config' | 'db' | 'apiKeys' | 'clock'>;

export interface SignedIn {
  caller: Caller;
  key: ApiKey;
  /** Goes into every form: other pages of this site could post with the cookie, but cannot know it. */
  formToken: string;
}

/** Cookies do not tell ports apart, and two installations may run side by side on localhost. */
export function sessionCookieName(publicUrl: string): string {
  const { protocol, port } = new URL(publicUrl);
  return protocol === 'https:' ? '__Host-upslink-session' : `upslink-session-${port}`;
}

/** Two of that name: one of them is not ours, and nobody knows which. */
function cookieIn(header: string | undefined, publicUrl: string): string | null {
  const [cookie, another] = cookiesOf(header, sessionCookieName(publicUrl));
  return cookie !== undefined && cookie !== '' && another === undefined ? cookie : null;
}

export const hasSessionCookie = (req: Request, publicUrl: string): boolean =>
  cookieIn(req.headers.cookie, publicUrl) !== null;

/** One trip, and one more for a key not seen within the last seconds. They are bounded by the admission of `res`. */
export async function signedInWith(
  services: Needs,
  cookies: string | undefined,
  res: Response,
): Promise<SignedIn | null> {
  const { db, apiKeys, clock, config } = services;
  const cookie = cookieIn(cookies, config.publicUrl);
  if (cookie === null) return null;
  const find = () => findSession(db, cookie, clock.now());
  const session = await lookUp(res, { kind: 'key', secrets: [cookie] }, find);
  const key = session && (await apiKeys.findById(session.keyId));
  if (key === null || key === 'expired') return null;
  return { caller: callerOf(key), key, formToken: hmac(cookie, 'form') };
}

const attributesFor = (publicUrl: string) => ({
  httpOnly: true,
  // Lax, not Strict: the merchant's browser comes back from UPS and must be known.
  sameSite: 'lax' as const,
  secure: publicUrl.startsWith('https:'),
  path: '/',
});

export async function startSession({ db, clock, config }: Needs, res: Response, key: ApiKey): Promise<void> {
  const cookie = randomBytes(32).toString('base64url');
  await createSession(db, cookie, { keyId: key.id, expiresAt: clock.now() + LIFE_MS });
  res.cookie(sessionCookieName(config.publicUrl), cookie, { ...attributesFor(config.publicUrl), maxAge: LIFE_MS });
}

export async function endSession({ db, config }: Needs, req: Request, res: Response): Promise<void> {
  const cookie = cookieIn(req.headers.cookie, config.publicUrl);
  if (cookie !== null) await deleteSession(db, cookie);
  res.clearCookie(sessionCookieName(config.publicUrl), attributesFor(config.publicUrl));
}

export function isSameSecret(given: string | undefined, secret: string): boolean {
  const [a, b] = [Buffer.from(given ?? ''), Buffer.from(secret)];
  return a.length === b.length && timingSafeEqual(a, b);
}

export const isOwnForm = ({ formToken }: SignedIn, given: string | undefined): boolean =>
  isSameSecret(given, formToken);

/** For requests that a session authorizes. A client that does not say who sent it is not a browser and can use an API key. */
export function assertOwnPage(req: Request, { config }: Pick<Services, 'config'>): void {
  if (senderOf(req.headers, config.publicUrl) === 'own') return;
  throw new Refusal('forbidden', 'This was not sent by a page of this service. Open the page here and try again.');
}
