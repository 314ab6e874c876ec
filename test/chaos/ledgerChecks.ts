/** Indexes the sandbox's ledger by grant (what UPS gave, what arrived, what was answered) and checks it. */

import type { Incident } from './faultInjector';
import type { Ledger } from './sandboxControl';

export interface Sent {
  at: number;
  answeredAt: number | null;
  status: number | null;
}

export interface Pair {
  generation: number;
  issuedAt: number;
  accessSha256: string;
  refreshSha256: string;
}

export interface Grant {
  grantId: string;
  username: string;
  issuedAt: number;
  isRevoked: boolean;
  /** By generation; the first is at 0. */
  pairs: Pair[];
  /** Refreshes that arrived, in order. */
  sends: Sent[];
}

export interface LedgerIndex {
  grants: Map<string, Grant>;
  byUsername: Map<string, Grant[]>;
  byRefresh: Map<string, { grant: Grant; generation: number }>;
  ownerOfAccess: Map<string, string>;
  ledger: Ledger;
}

export function indexLedger(ledger: Ledger): LedgerIndex {
  const grants = new Map<string, Grant>();
  const byUsername = new Map<string, Grant[]>();
  const byRefresh: LedgerIndex['byRefresh'] = new Map();
  const ownerOfAccess = new Map<string, string>();
  for (const { grantId, username, issuedAt, revokedAt } of ledger.grants) {
    const grant = { grantId, username, issuedAt: Date.parse(issuedAt), isRevoked: revokedAt !== null };
    const whole: Grant = { ...grant, pairs: [], sends: [] };
    grants.set(grantId, whole);
    byUsername.set(username, [...(byUsername.get(username) ?? []), whole]);
  }
  for (const { grantId, generation, accessTokenSha256, refreshTokenSha256, issuedAt } of ledger.tokens) {
    const grant = grants.get(grantId);
    if (!grant) continue;
    const hashes = { accessSha256: accessTokenSha256, refreshSha256: refreshTokenSha256 };
    grant.pairs[generation - 1] = { generation, issuedAt: Date.parse(issuedAt), ...hashes };
    byRefresh.set(refreshTokenSha256, { grant, generation });
    ownerOfAccess.set(accessTokenSha256, grant.username);
  }
  for (const { endpoint, grantId, at, answeredAt, status } of ledger.uses)
    if (endpoint === 'refresh' && grantId !== null)
      grants
        .get(grantId)
        ?.sends.push({ at: Date.parse(at), answeredAt: answeredAt && Date.parse(answeredAt), status } as Sent);
  return { grants, byUsername, byRefresh, ownerOfAccess, ledger };
}

/** A claim and its settleBy are 60 s apart, the claim and its send 5 s at most. */
const SETTLED_MS = 54_000;
/** A 4xx answer: UPS rotated nothing. */
const isDefinite = ({ status }: Sent): boolean => status !== null && status >= 400 && status < 500;

/** Violations that the sandbox recorded, and tokens sent again before the earlier send was settled. */
export function ledgerViolations({ ledger, grants }: LedgerIndex): string[] {
  const state = ledger.violations.map(
    ({ at, kind, grantId, detail }) => `${kind} at ${at}, grant ${grantId ?? '?'}: ${detail}`,
  );
  const early = ledger.repeats.flatMap(({ at, grantId, generation }) => {
    const since = grants.get(grantId)?.pairs[generation - 1]?.issuedAt ?? 0;
    // The repeated send is the last of these: the ledger records its arrival before the body tells its token.
    const arrived = (grants.get(grantId)?.sends ?? []).filter((sent) => sent.at >= since && sent.at <= Date.parse(at));
    const [before, itself] = arrived.slice(-2);
    if (!before || !itself || isDefinite(before) || itself.at - before.at >= SETTLED_MS) return [];
    const said = before.answeredAt === null ? 'not answered' : `answered ${before.status ?? 'nothing'}`;
    return [
      `a refresh token (grant ${grantId}, generation ${generation}) was sent again ${itself.at - before.at} ms after a send that was ${said}`,
    ];
  });
  return [...state, ...early];
}

/** An answer held for less than this may be lost with its process; the second place takes it after 250 ms. */
const IN_HAND_MS = 8_000;

/** Whether a recorded fault explains that the service does not have the newest pair of this grant. */
export function isLossExcused(grant: Grant, incidents: readonly Incident[]): boolean {
  const newest = grant.pairs.at(-1);
  if (!newest) return true;
  const brought = grant.sends
    .filter(({ at, status }) => at <= newest.issuedAt && (status === 200 || status === null))
    .at(-1);
  if (!brought || brought.answeredAt === null) return true;
  const { answeredAt } = brought;
  return incidents.some(
    ({ kind, from, to }) =>
      (kind === 'kill' && from >= brought.at - 1_000 && from <= answeredAt + IN_HAND_MS) ||
      (kind === 'pause' && from <= answeredAt + IN_HAND_MS && (to ?? Infinity) >= brought.at),
  );
}

/** The longest delay of a refresh after the latest instant at which it was due. */
export function longestRefreshDelayMs({ grants }: LedgerIndex, accessTokenSeconds: number): number {
  const dueMs = accessTokenSeconds * 1_000 * 0.78;
  const delays = [...grants.values()].flatMap(({ pairs }) =>
    pairs.slice(1).map((pair, n) => pair.issuedAt - (pairs[n]?.issuedAt ?? 0) - dueMs),
  );
  return Math.max(0, ...delays);
}
