/**
 * What became of a form or of a trip to UPS, carried over a redirect in a cookie that the next page takes away again. It holds
 * codes, whose sentences are ours. Other applications on localhost, and on subdomains, can set cookies here: this one counts
 * only with the session's signature, within a minute, and while the account's state does not say otherwise.
 */

import type { Request, Response } from 'express';
import { z } from 'zod';
import { isStillSo } from '../api/actions/ending';
import type { AccountJson } from '../api/schemas/answers';
import { hmac } from '../hash';
import { cookiesOf } from '../cookies';
import { publicEvents, type PublicEventType } from '../machines/events';
import { reasons, type Outcome, type Reason } from '../machines/reasons';
import { isSameSecret } from '../api/session';
import type { Visit } from './visitor';

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

const LIFE_MS = 60_000;

/** A `__Host-` cookie can be set by this host only; browsers keep one over https only. */
function nameFor(publicUrl: string): string {
  const { protocol, port } = new URL(publicUrl);
  return protocol === 'https:' ? '__Host-upslink-said' : `upslink-said-${port}`;
}

const attributesFor = (publicUrl: string) => ({
  httpOnly: true,
  sameSite: 'lax' as const,
  secure: publicUrl.startsWith('https:'),
  path: '/',
});

const signatureOf = (payload: string, { signedIn }: Visit): string => hmac(signedIn.formToken, `said ${payload}`);

export function say(res: Response, publicUrl: string, visit: Visit, said: Said): void {
  const payload = Buffer.from(JSON.stringify({ ...said, until: visit.frame.now + LIFE_MS })).toString('base64url');
  const value = `${payload}.${signatureOf(payload, visit)}`;
  res.cookie(nameFor(publicUrl), value, { ...attributesFor(publicUrl), maxAge: LIFE_MS });
}

/** Taken once, and only by the page it is about. */
export function takeSaid(
  req: Request,
  res: Response,
  publicUrl: string,
  { visit, account }: { visit: Visit; account: AccountJson },
): Said | null {
  const name = nameFor(publicUrl);
  const said = cookiesOf(req.headers.cookie, name)
    .map((value) => readSaid(value, visit))
    .find((one) => one?.accountId === account.id);
  if (!said) return null;
  res.clearCookie(name, attributesFor(publicUrl));
  return isSo(said, account) ? said : null;
}

function readSaid(value: string, visit: Visit): Said | null {
  const [payload = '', signature] = value.split('.');
  if (!isSameSecret(signature, signatureOf(payload, visit))) return null;
  const { until, ...said } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { until: number };
  const read = saidSchema.safeParse(said);
  return read.success && visit.frame.now < until ? read.data : null;
}

/** Of the events whose sentence says how the account is now. */
const holdsAfter: Partial<Record<PublicEventType, (account: AccountJson) => boolean>> = {
  DEACTIVATE: ({ state }) => state === 'inactive',
  REACTIVATE: ({ state }) => state !== 'inactive',
  DISCONNECT: ({ state }) => state === 'disconnected',
  RESTORE_ACCESS_KEY: ({ scheme }) => scheme === 'access-key',
};

function isSo(said: Said, account: AccountJson): boolean {
  if (said.about === 'outcome') return isStillSo(said, account);
  if (said.about !== 'event' || said.verdict !== 'applied') return true;
  return holdsAfter[said.event]?.(account) ?? true;
}

/** The merchant's browser was sent back from UPS to this account's page. */
export const isBackFromUps = ({ account, outcome }: Record<string, string>, accountId: string): boolean =>
  account === accountId && outcome !== undefined;
