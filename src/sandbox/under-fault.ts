import { setTimeout as wait } from 'node:timers/promises';
import type { Response } from 'express';
import { blockedMerchant, Refusal } from './answer';
import type { Fault, FaultOf } from './fault-schema';
import type { Sandbox } from './sandbox';

/**
 * Runs `work` under a fault. Null: the connection was closed and nothing is to be answered.
 * A delay comes first and the work after it, also when the caller has hung up meanwhile: UPS does not take a request back.
 */
export async function underFault<T>(
  sandbox: Sandbox,
  fault: Fault | null,
  username: string | null,
  res: Response,
  work: () => Promise<T>,
): Promise<T | null> {
  switch (fault?.do) {
    case undefined:
      return work();
    case 'status':
      throw refusalOf(fault);
    case 'blocked':
      throw blockedMerchant();
    case 'delay':
      await wait(fault.ms, undefined, { signal: sandbox.stopping });
      return work();
    case 'reset':
      res.socket?.resetAndDestroy();
      return null;
    case 'drop-answer':
      // A refusal is an answer too: it is dropped as well.
      await work().catch((error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
      });
      await sandbox.synced();
      res.socket?.destroy();
      return null;
    case 'revoke':
    case 'password-changed':
    case 'expire':
      markGrants(sandbox, fault.do === 'expire' ? 'grant-expired' : 'grant-revoked', fault.match.username ?? username);
      return work();
    // These change the answer: dressing.ts and the endpoints handle them.
    case 'html':
    case 'encode':
    case 'charset':
    case 'single-error':
    case 'numbers':
    case 'keep-refresh-token':
    case 'no-service':
      return work();
  }
}

function markGrants(sandbox: Sandbox, t: 'grant-revoked' | 'grant-expired', username: string | null): void {
  const grants = username === null ? [] : (sandbox.state.grantsOf.get(username) ?? []);
  const grantIds = grants
    .filter((grant) => (t === 'grant-revoked' ? grant.revokedAt : grant.expiredAt) === null)
    .map((grant) => grant.grantId);
  if (grantIds.length > 0) sandbox.record({ t, grantIds, at: sandbox.clock() });
}

const usual = new Map<number, readonly [code: string, message: string]>([
  [401, ['250002', 'Invalid Authentication Information.']],
  [403, ['10403', 'Blocked Merchant']],
  [429, ['10429', 'Too Many Requests']],
]);

function refusalOf(fault: FaultOf<'status'>): Refusal {
  const [code, message] = usual.get(fault.status) ?? [`10${fault.status}`, 'The sandbox was told to answer so'];
  const headers: Record<string, string> =
    fault.retryAfter === undefined ? {} : { 'Retry-After': `${fault.retryAfter}` };
  return new Refusal(fault.status, fault.code ?? code, fault.message ?? message, headers);
}
