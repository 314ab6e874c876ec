import type { Request, Response } from 'express';
import { DAY_MS } from '../../durations';
import { isSame } from '../client';
import { sha256, type Sandbox } from '../sandbox';
import type { Profile } from '../state';

/** A browser that is logged in to a profile, as ups.com keeps it: whoever comes next with this browser is that profile. */
export interface Session {
  readonly profile: Profile;
  /** Goes into every form: a page of another port of this host could post here with the cookie, but cannot know this. */
  readonly formKey: string;
}

export function findSession(sandbox: Sandbox, req: Request): Session | null {
  const token = readCookie(req);
  const session = token === null ? undefined : sandbox.state.sessions.get(sha256(token));
  const profile = session && sandbox.state.profiles.get(session.username);
  if (token === null || !session || !profile || sandbox.clock() >= session.expiresAt) return null;
  return { profile, formKey: sha256(`form ${token}`) };
}

export const isOwnForm = (session: Session, formKey: string | null): boolean => isSame(formKey ?? '', session.formKey);

export function startSession(sandbox: Sandbox, req: Request, res: Response, username: string, keep: boolean): void {
  const token = sandbox.makeSecret();
  const lifeMs = keep ? 30 * DAY_MS : DAY_MS;
  sandbox.record({ t: 'session', sha256: sha256(token), username, expiresAt: sandbox.clock() + lifeMs });
  setCookie(req, res, token, keep ? `; Max-Age=${lifeMs / 1000}` : '');
}

export function endSession(sandbox: Sandbox, req: Request, res: Response): void {
  const token = readCookie(req);
  if (token !== null) sandbox.record({ t: 'session-ended', sha256: sha256(token) });
  setCookie(req, res, '', '; Max-Age=0');
}

// Cookies do not tell ports apart, and two sandboxes may run side by side.
const cookieName = (req: Request): string => `ups_sandbox_${req.socket.localPort ?? 0}`;

// Lax, not Strict: the browser comes here from the application's page and must be recognised.
function setCookie(req: Request, res: Response, token: string, life: string): void {
  res.append('Set-Cookie', `${cookieName(req)}=${token}; Path=/; HttpOnly; SameSite=Lax${life}`);
}

function readCookie(req: Request): string | null {
  const start = `${cookieName(req)}=`;
  const cookie = (req.headers.cookie ?? '').split(/; */).find((one) => one.startsWith(start));
  return cookie ? cookie.slice(start.length) || null : null;
}
