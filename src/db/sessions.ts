/** Who is signed in to the pages: a cookie, known here by its hash only. */

import { createHash } from 'node:crypto';
import type { Db } from './connection';
import { answered } from './errors';

export interface Session {
  keyId: string;
  expiresAt: number;
}

const hashCookie = (cookie: string): string => createHash('sha256').update(cookie).digest('hex');

/** One trip. `cookie`: at least 128 random bits. */
export async function createSession(db: Db, cookie: string, { keyId, expiresAt }: Session): Promise<void> {
  await answered(db.sessions.insertOne({ _id: hashCookie(cookie), keyId, expiresAt: new Date(expiresAt) }));
}

/** One trip. MongoDB removes what has expired about once a minute, so the instant is looked at too. */
export async function findSession(db: Db, cookie: string, now: number): Promise<Session | null> {
  const stored = await answered(db.sessions.findOne({ _id: hashCookie(cookie), expiresAt: { $gt: new Date(now) } }));
  return stored && { keyId: stored.keyId, expiresAt: stored.expiresAt.getTime() };
}

/** One trip. */
export async function deleteSession(db: Db, cookie: string): Promise<void> {
  await answered(db.sessions.deleteOne({ _id: hashCookie(cookie) }));
}
