import type { Settings } from './settings';

export type Endpoint = 'authorize' | 'token' | 'refresh' | 'rate';
export type ViolationKind = 'refresh-token-in-flight' | 'code-sent-twice' | 'pkce' | 'redirect' | 'client';

export interface ProfileAccount {
  readonly accountNumber: string;
  readonly negotiatedRates: boolean;
  readonly nickname: string | null;
  readonly postalCode: string | null;
  /** Alert comes as one object, as public fixtures show it, and not as the list of UPS's file. */
  readonly alertAsObject: boolean;
}

/**
 * One line of the journal: a fact that happened. Every change of the sandbox is one of these, and the state is nothing but
 * their sum, so that a restart goes on exactly where a kill -9 left it. Instants are milliseconds; secrets appear only as
 * SHA-256. The fields marked optional are written by compaction only, which folds later facts into earlier ones.
 */
export type Entry =
  | { t: 'settings'; settings: Settings }
  | { t: 'profile'; username: string; salt: string; digest: string; accounts: readonly ProfileAccount[] }
  /** A try to add an account to a profile, whatever became of it. */
  | { t: 'attempt'; username: string; accountNumber: string; at: number }
  | { t: 'session'; sha256: string; username: string; expiresAt: number }
  | { t: 'session-ended'; sha256: string }
  | CodeEntry
  | { t: 'code-sent'; sha256: string }
  | GrantEntry
  | PairEntry
  | { t: 'grant-revoked'; grantIds: readonly string[]; at: number }
  | { t: 'grant-expired'; grantIds: readonly string[]; at: number }
  | { t: 'refresh-sent'; grantId: string; generation: number }
  | { t: 'pair-delivered'; grantId: string; generation: number }
  | UseEntry
  | { t: 'use-known'; n: number; grantId: string | null; username: string | null }
  | { t: 'use-answered'; n: number; at: number; status: number; code: string | null }
  | { t: 'violation'; at: number; kind: ViolationKind; grantId: string | null; detail: string }
  | { t: 'repeat'; at: number; grantId: string; generation: number; delivered: boolean };

export interface CodeEntry {
  t: 'code';
  sha256: string;
  username: string;
  redirectUri: string;
  challenge: string | null;
  scope: string;
  expiresAt: number;
  sends?: number;
  grantId?: string | null;
}

export interface GrantEntry {
  t: 'grant';
  grantId: string;
  username: string;
  scope: string;
  at: number;
  codeSha256: string;
  revokedAt?: number | null;
  expiredAt?: number | null;
  oldestLivingAccess?: number;
}

export interface PairEntry {
  t: 'pair';
  grantId: string;
  generation: number;
  accessSha256: string;
  refreshSha256: string;
  at: number;
  accessExpiresAt: number;
  refreshExpiresAt: number;
  /** The access tokens of the generations before die with this one. */
  endsOlderAccess: boolean;
  sends?: number;
  delivered?: boolean;
}

export interface UseEntry {
  t: 'use';
  n: number;
  at: number;
  endpoint: Endpoint;
  answeredAt?: number | null;
  grantId?: string | null;
  username?: string | null;
  status?: number | null;
  code?: string | null;
}
