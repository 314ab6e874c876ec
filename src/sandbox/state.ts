import type {
  CodeEntry,
  Endpoint,
  Entry,
  GrantEntry,
  PairEntry,
  ProfileAccount,
  UseEntry,
  ViolationKind,
} from './entries';
import { defaultSettings, type Settings } from './settings';

export interface Profile {
  readonly username: string;
  readonly salt: string;
  readonly digest: string;
  readonly accounts: readonly ProfileAccount[];
}

export interface Code {
  readonly sha256: string;
  readonly username: string;
  readonly redirectUri: string;
  readonly challenge: string | null;
  readonly scope: string;
  readonly expiresAt: number;
  sends: number;
  grantId: string | null;
}

export interface Pair {
  readonly grantId: string;
  readonly generation: number;
  readonly accessSha256: string;
  readonly refreshSha256: string;
  readonly issuedAt: number;
  readonly accessExpiresAt: number;
  readonly refreshExpiresAt: number;
  /** How often its refresh token has arrived, whatever was answered. */
  sends: number;
  /** An answer to its refresh token, with the next pair, has gone out whole. */
  delivered: boolean;
  /** Requests with its refresh token whose connection is open now. In memory only: a restart closes every connection. */
  open: number;
}

export interface Grant {
  readonly grantId: string;
  readonly username: string;
  readonly scope: string;
  readonly codeSha256: string;
  readonly issuedAt: number;
  revokedAt: number | null;
  /** Its refresh tokens were ended before their time; access tokens live on to their own end. */
  expiredAt: number | null;
  oldestLivingAccess: number;
  /** Pair of generation g is at g - 1. */
  readonly pairs: Pair[];
}

export interface Use {
  readonly n: number;
  readonly at: number;
  readonly endpoint: Endpoint;
  answeredAt: number | null;
  grantId: string | null;
  username: string | null;
  status: number | null;
  code: string | null;
}

export interface Violation {
  readonly at: number;
  readonly kind: ViolationKind;
  readonly grantId: string | null;
  readonly detail: string;
}

export interface Repeat {
  readonly at: number;
  readonly grantId: string;
  readonly generation: number;
  readonly delivered: boolean;
}

export interface State {
  settings: Settings;
  readonly profiles: Map<string, Profile>;
  readonly attempts: { readonly username: string; readonly accountNumber: string; readonly at: number }[];
  readonly sessions: Map<string, { username: string; expiresAt: number }>;
  readonly codes: Map<string, Code>;
  readonly grants: Map<string, Grant>;
  readonly grantsOf: Map<string, Grant[]>;
  readonly byAccess: Map<string, Pair>;
  readonly byRefresh: Map<string, Pair>;
  readonly pairs: Pair[];
  readonly uses: Use[];
  readonly violations: Violation[];
  readonly repeats: Repeat[];
}

export const makeState = (): State => ({
  settings: defaultSettings,
  profiles: new Map(),
  attempts: [],
  sessions: new Map(),
  codes: new Map(),
  grants: new Map(),
  grantsOf: new Map(),
  byAccess: new Map(),
  byRefresh: new Map(),
  pairs: [],
  uses: [],
  violations: [],
  repeats: [],
});

/** Adds one fact to the state. The only place that changes it, live and at a restart alike. */
export function apply(state: State, entry: Entry): void {
  switch (entry.t) {
    case 'settings':
      state.settings = entry.settings;
      return;
    case 'profile':
      state.profiles.set(entry.username, {
        username: entry.username,
        salt: entry.salt,
        digest: entry.digest,
        accounts: entry.accounts,
      });
      return;
    case 'attempt':
      state.attempts.push({ username: entry.username, accountNumber: entry.accountNumber, at: entry.at });
      return;
    case 'session':
      state.sessions.set(entry.sha256, { username: entry.username, expiresAt: entry.expiresAt });
      return;
    case 'session-ended':
      state.sessions.delete(entry.sha256);
      return;
    case 'code':
      state.codes.set(entry.sha256, codeFrom(entry));
      return;
    case 'code-sent':
      known(state.codes.get(entry.sha256)).sends += 1;
      return;
    case 'grant':
      applyGrant(state, entry);
      return;
    case 'pair':
      applyPair(state, entry);
      return;
    case 'grant-revoked':
      for (const grantId of entry.grantIds) known(state.grants.get(grantId)).revokedAt ??= entry.at;
      return;
    case 'grant-expired':
      for (const grantId of entry.grantIds) known(state.grants.get(grantId)).expiredAt ??= entry.at;
      return;
    case 'refresh-sent':
      pairOf(state, entry).sends += 1;
      return;
    case 'pair-delivered':
      pairOf(state, entry).delivered = true;
      return;
    case 'use':
      state.uses.push(useFrom(entry));
      return;
    case 'use-known':
      Object.assign(known(state.uses[entry.n]), { grantId: entry.grantId, username: entry.username });
      return;
    case 'use-answered':
      Object.assign(known(state.uses[entry.n]), { answeredAt: entry.at, status: entry.status, code: entry.code });
      return;
    case 'violation':
      state.violations.push({ at: entry.at, kind: entry.kind, grantId: entry.grantId, detail: entry.detail });
      return;
    case 'repeat': {
      const { at, grantId, generation, delivered } = entry;
      state.repeats.push({ at, grantId, generation, delivered });
      return;
    }
  }
}

/** The fewest facts whose sum is this state: what compaction keeps. */
export function* facts(state: State): Generator<Entry> {
  yield { t: 'settings', settings: state.settings };
  for (const profile of state.profiles.values()) yield { t: 'profile', ...profile };
  for (const attempt of state.attempts) yield { t: 'attempt', ...attempt };
  for (const [sha256, session] of state.sessions) yield { t: 'session', sha256, ...session };
  for (const code of state.codes.values()) yield { t: 'code', ...code };
  for (const { pairs: _pairs, issuedAt, ...grant } of state.grants.values())
    yield { t: 'grant', at: issuedAt, ...grant };
  for (const { open: _open, issuedAt, ...pair } of state.pairs) {
    yield { t: 'pair', at: issuedAt, endsOlderAccess: false, ...pair };
  }
  for (const use of state.uses) yield { t: 'use', ...use };
  for (const violation of state.violations) yield { t: 'violation', ...violation };
  for (const repeat of state.repeats) yield { t: 'repeat', ...repeat };
}

function applyGrant(state: State, entry: GrantEntry): void {
  const { grantId, username, scope, codeSha256, at } = entry;
  const { revokedAt = null, expiredAt = null, oldestLivingAccess = 1 } = entry;
  const grant: Grant = {
    ...{ grantId, username, scope, codeSha256, issuedAt: at, revokedAt, expiredAt, oldestLivingAccess },
    pairs: [],
  };
  state.grants.set(grantId, grant);
  const siblings = state.grantsOf.get(username);
  if (siblings) siblings.push(grant);
  else state.grantsOf.set(username, [grant]);
  const code = state.codes.get(codeSha256);
  if (code) code.grantId = grantId;
}

function applyPair(state: State, entry: PairEntry): void {
  const { t: _t, at, endsOlderAccess, sends = 0, delivered = false, ...rest } = entry;
  const pair: Pair = { ...rest, issuedAt: at, sends, delivered, open: 0 };
  const grant = known(state.grants.get(pair.grantId));
  grant.pairs.push(pair);
  if (endsOlderAccess) grant.oldestLivingAccess = pair.generation;
  state.pairs.push(pair);
  state.byAccess.set(pair.accessSha256, pair);
  state.byRefresh.set(pair.refreshSha256, pair);
}

const codeFrom = ({ t: _t, sends = 0, grantId = null, ...rest }: CodeEntry): Code => ({ ...rest, sends, grantId });

const useFrom = (entry: UseEntry): Use => ({
  n: entry.n,
  at: entry.at,
  endpoint: entry.endpoint,
  answeredAt: entry.answeredAt ?? null,
  grantId: entry.grantId ?? null,
  username: entry.username ?? null,
  status: entry.status ?? null,
  code: entry.code ?? null,
});

const pairOf = (state: State, at: { grantId: string; generation: number }): Pair =>
  known(known(state.grants.get(at.grantId)).pairs[at.generation - 1]);

/** A fact about something the journal has not told of before means that the journal was tampered with. */
function known<T>(found: T | undefined): T {
  if (found === undefined) throw new Error('The sandbox journal speaks of something it never introduced.');
  return found;
}
