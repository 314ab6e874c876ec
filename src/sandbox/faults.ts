import { setTimeout as wait } from 'node:timers/promises';
import type { Response } from 'express';
import { blockedMerchant, Refusal } from './answer';
import type { Fault, FaultOf } from './fault-schema';
import type { Sandbox } from './sandbox';

/** What is known about a request when a fault is looked for. */
export interface Subject {
  readonly path: string;
  readonly username: string | null;
  readonly accountNumber: string | null;
}

/** Faults live in memory: they are a tester's orders to this process, not something UPS remembers. */
export interface Faults {
  add(fault: Fault): void;
  clear(): void;
  /** The first fault that matches, one of its times used up; null when none does. */
  take(subject: Subject, only?: (fault: Fault) => boolean): Fault | null;
}

export function makeFaults(clock: Sandbox['clock']): Faults {
  let active: { fault: Fault; left: number; until: number }[] = [];
  return {
    add(fault) {
      active.push({ fault, left: fault.times ?? Infinity, until: clock() + (fault.forMs ?? Infinity) });
    },
    clear() {
      active = [];
    },
    take(subject, only = () => true) {
      active = active.filter(({ until }) => clock() < until);
      const found = active.find(({ fault }) => matches(fault, subject) && only(fault));
      if (!found) return null;
      found.left -= 1;
      if (found.left === 0) active = active.filter((other) => other !== found);
      return found.fault;
    },
  };
}

/** `path` is the whole path or a leading part of it that ends where a segment ends; the others must be known and equal. */
function matches({ match: wanted }: Fault, subject: Subject): boolean {
  const folder = wanted.path.endsWith('/') ? wanted.path : `${wanted.path}/`;
  if (subject.path !== wanted.path && !subject.path.startsWith(folder)) return false;
  if (wanted.username !== undefined && wanted.username !== subject.username) return false;
  return wanted.accountNumber === undefined || wanted.accountNumber === subject.accountNumber;
}

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
