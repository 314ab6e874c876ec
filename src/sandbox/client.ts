import { timingSafeEqual } from 'node:crypto';
import { invalidClient } from './answer';
import { recordViolation, sha256, type Sandbox } from './sandbox';

/** Only Basic with this application's own id and secret passes. */
export function assertBasic(sandbox: Sandbox, authorization: string | undefined, grantId: string | null): void {
  if (authorization !== undefined && isOurBasic(sandbox, authorization)) return;
  recordViolation(
    sandbox,
    'client',
    grantId,
    authorization === undefined ? 'no Authorization header' : 'wrong credentials',
  );
  throw invalidClient();
}

export function assertClientId(sandbox: Sandbox, clientId: string | null, grantId: string | null): void {
  if (clientId === sandbox.client.id) return;
  recordViolation(sandbox, 'client', grantId, clientId === null ? 'no client_id' : 'unknown client_id');
  throw invalidClient();
}

function isOurBasic(sandbox: Sandbox, authorization: string): boolean {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  if (encoded === undefined) return false;
  const given = Buffer.from(encoded, 'base64').toString('utf8');
  return isSame(given, `${sandbox.client.id}:${sandbox.client.secret}`);
}

/** Compares digests, so that neither length nor place of a difference can be timed. */
export const isSame = (a: string, b: string): boolean =>
  timingSafeEqual(Buffer.from(sha256(a)), Buffer.from(sha256(b)));
