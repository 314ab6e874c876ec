/** UPS and the way merchants take to it and back. Nothing is asked that would use up a code or a token. */

import { randomBytes, createHash } from 'node:crypto';
import type { Config } from '../../config';
import { fail, ok, warn, type Check } from './check';

const PATIENCE_MS = 8_000;

export interface Answered {
  status: number;
  location: string | null;
  /** The Date header, in milliseconds; it counts whole seconds. */
  date: number | null;
  tripMs: number;
  answeredAt: number;
}

/** The page a merchant would be sent to, asked for as a browser asks: it starts nothing until somebody signs in. */
function authorizeUrl({ ups, publicUrl }: Config): string {
  const challenge = createHash('sha256').update(randomBytes(32)).digest('base64url');
  const query = new URLSearchParams({
    client_id: ups.clientId,
    redirect_uri: `${publicUrl}/oauth/callback`,
    response_type: 'code',
    state: 'doctor',
    scope: 'read',
    code_challenge: challenge,
  });
  return `${ups.baseUrl}/security/v1/oauth/authorize?${query.toString()}`;
}

/** Null when nothing answered in time. */
async function get(url: string, now: () => number): Promise<Answered | null> {
  const sentAt = now();
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(PATIENCE_MS) });
    const answeredAt = now();
    await response.body?.cancel();
    const date = Date.parse(response.headers.get('date') ?? '');
    return {
      status: response.status,
      location: response.headers.get('location'),
      date: Number.isNaN(date) ? null : date,
      tripMs: answeredAt - sentAt,
      answeredAt,
    };
  } catch {
    return null;
  }
}

export async function checkUps(
  config: Config,
  now: () => number,
): Promise<{ check: Check; answered: Answered | null }> {
  const answered = await get(authorizeUrl(config), now);
  return { check: judgeUps(config, answered), answered };
}

function judgeUps({ ups, publicUrl }: Config, answered: Answered | null): Check {
  const place = `${ups.environment} (${ups.baseUrl})`;
  if (answered === null) {
    const start =
      ups.environment === 'sandbox' ? 'Start `upslink sandbox`, or correct' : 'Let this host reach it, or correct';
    return fail('UPS', `${place} does not answer`, `${start} UPS_ENV or UPS_BASE_URL.`);
  }
  const { status, location, tripMs } = answered;
  if (status >= 500) return fail('UPS', `${place} answers ${status}`, 'Wait until UPS has recovered.');
  const isSentBack = location?.startsWith(`${publicUrl}/oauth/callback`) === true && location.includes('error=');
  if (status >= 400 || isSentBack) {
    const next = `Check UPS_CLIENT_ID, and that ${publicUrl}/oauth/callback is the callback registered at UPS.`;
    return warn('UPS', `${place} refuses the authorization request (${status})`, next);
  }
  return ok('UPS', `${place} answers the authorization request in ${tripMs} ms`);
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** What merchants' browsers are sent back to. */
export async function checkPublicUrl({ publicUrl, ups }: Config, now: () => number): Promise<Check> {
  const isLocal = LOOPBACK.has(new URL(publicUrl).hostname);
  if (isLocal && ups.environment === 'production')
    return fail('PUBLIC_URL', `${publicUrl} with production UPS`, 'Set it to the https address merchants can reach.');
  const health = await get(`${publicUrl}/healthz`, now);
  if (health === null)
    return warn('PUBLIC_URL', `nothing answers at ${publicUrl}`, 'Start `upslink serve`, or correct PUBLIC_URL.');
  if (health.status !== 200) {
    const seen = `${publicUrl}/healthz answers ${health.status}`;
    return warn('PUBLIC_URL', seen, 'Another program may listen there: make sure that PUBLIC_URL leads to upslink.');
  }
  return ok('PUBLIC_URL', `${publicUrl} answers`);
}
