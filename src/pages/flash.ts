/**
 * What became of a form, carried over the redirect behind it: a cookie that the next page takes away again. It holds
 * codes, whose sentences are ours; a page never shows what a cookie or an address says.
 */

import type { Request, Response } from 'express';
import { z } from 'zod';
import { cookiesOf } from '../links';
import { publicEvents } from '../machines/events';
import { reasons, type Outcome, type Reason } from '../machines/reasons';

const outcomeNames = [
  'connected',
  'disconnected',
  'denied',
  'lapsed',
  'replaced',
  'pending',
  'failed',
] as const satisfies readonly Outcome[];
const reasonNames = Object.keys(reasons) as [Reason, ...Reason[]];

const saidSchema = z.discriminatedUnion('about', [
  z.object({
    about: z.literal('event'),
    accountId: z.string(),
    event: z.enum(publicEvents),
    verdict: z.enum(['applied', 'duplicate', 'ignored', 'illegal']),
    why: z.string().nullable(),
  }),
  z.object({
    about: z.literal('outcome'),
    accountId: z.string(),
    outcome: z.enum(outcomeNames),
    reason: z.enum(reasonNames).nullable(),
  }),
  z.object({ about: z.literal('settings'), accountId: z.string() }),
  z.object({ about: z.literal('created'), accountId: z.string(), isNew: z.boolean() }),
]);

export type Said = z.output<typeof saidSchema>;

const SECONDS = 60;
const nameFor = (publicUrl: string): string => `upslink-said-${new URL(publicUrl).port}`;

export function say(res: Response, publicUrl: string, said: Said): void {
  const value = Buffer.from(JSON.stringify(said)).toString('base64url');
  const secure = publicUrl.startsWith('https:');
  res.cookie(nameFor(publicUrl), value, { httpOnly: true, sameSite: 'lax', secure, path: '/', maxAge: SECONDS * 1000 });
}

/** Taken once, and only by the page it is about. */
export function takeSaid(req: Request, res: Response, publicUrl: string, accountId: string): Said | null {
  const name = nameFor(publicUrl);
  const [value] = cookiesOf(req.headers.cookie, name);
  if (value === undefined) return null;
  const said = readSaid(value);
  if (said?.accountId !== accountId) return null;
  res.clearCookie(name, { path: '/', secure: publicUrl.startsWith('https:'), httpOnly: true, sameSite: 'lax' });
  return said;
}

function readSaid(value: string): Said | null {
  try {
    return saidSchema.parse(JSON.parse(Buffer.from(value, 'base64url').toString()));
  } catch {
    return null;
  }
}

/** How the trip to UPS ended, from the address the merchant's browser was sent back to. */
export function outcomeIn(query: Record<string, string>, accountId: string): Said | null {
  const { account, outcome, reason = null } = query;
  const read = saidSchema.safeParse({ about: 'outcome', accountId, outcome, reason });
  return account === accountId && read.success ? read.data : null;
}
