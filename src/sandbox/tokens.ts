import type { PairEntry } from './entries';
import type { FaultOf } from './fault-schema';
import { sha256, type Sandbox } from './sandbox';
import type { Grant, Pair } from './state';

/** UPS's token answer: every field is a string, lives in seconds, instants in milliseconds. */
export type TokenAnswer = Readonly<Record<string, string | null>>;

/** Starts a token family for whoever the code speaks for. */
export function startGrant(
  sandbox: Sandbox,
  from: { codeSha256: string; username: string; scope: string },
): { grantId: string; answer: TokenAnswer } {
  const grantId = `grant_${sandbox.makeSecret().slice(0, 22)}`;
  const at = sandbox.clock();
  const refreshExpiresAt = at + sandbox.state.settings.refreshTokenSeconds * 1000;
  const { entry, answer } = makePair(sandbox, { grantId, scope: from.scope }, { generation: 1, at, refreshExpiresAt });
  sandbox.record({ t: 'grant', grantId, at, ...from }, entry);
  return { grantId, answer };
}

/** The next pair of a family; with it the refresh token of `last` is used up. */
export function rotate(sandbox: Sandbox, grant: Grant, last: Pair): TokenAnswer {
  const { rotationRestarts, refreshTokenSeconds } = sandbox.state.settings;
  const at = sandbox.clock();
  const refreshExpiresAt = rotationRestarts ? at + refreshTokenSeconds * 1000 : last.refreshExpiresAt;
  const { entry, answer } = makePair(sandbox, grant, { generation: last.generation + 1, at, refreshExpiresAt });
  sandbox.record(entry);
  return answer;
}

/** The next generation keeps the refresh token of `last`; the next send of that token counts as this generation's first. */
export function renewAccess(sandbox: Sandbox, grant: Grant, last: Pair, refreshTokenSeconds?: number): TokenAnswer {
  const at = sandbox.clock();
  const refreshExpiresAt = refreshTokenSeconds === undefined ? last.refreshExpiresAt : at + refreshTokenSeconds * 1000;
  const { entry, answer } = makePair(sandbox, grant, { generation: last.generation + 1, at, refreshExpiresAt });
  sandbox.record({ ...entry, refreshSha256: last.refreshSha256 });
  return answer;
}

/** A token answer without a new refresh token. It names an expiry only if the fault sets one. */
export function withoutRefreshToken(
  { refresh_token: _, refresh_token_expires_in: life, ...answer }: TokenAnswer,
  { as = 'absent', refreshTokenSeconds }: FaultOf<'keep-refresh-token'>,
  sent = '',
): TokenAnswer {
  const said = {
    absent: {},
    null: { refresh_token: null },
    empty: { refresh_token: '' },
    same: { refresh_token: sent },
  };
  return {
    ...answer,
    ...said[as],
    ...(refreshTokenSeconds !== undefined && life !== undefined && { refresh_token_expires_in: life }),
  };
}

function makePair(
  sandbox: Sandbox,
  { grantId, scope }: { grantId: string; scope: string },
  { generation, at, refreshExpiresAt }: { generation: number; at: number; refreshExpiresAt: number },
): { entry: PairEntry; answer: TokenAnswer } {
  const { accessTokenSeconds, oldAccessTokenLives } = sandbox.state.settings;
  const access = sandbox.makeSecret();
  const refresh = sandbox.makeSecret();
  return {
    entry: {
      t: 'pair',
      ...{ grantId, generation, at, refreshExpiresAt },
      accessSha256: sha256(access),
      refreshSha256: sha256(refresh),
      accessExpiresAt: at + accessTokenSeconds * 1000,
      endsOlderAccess: !oldAccessTokenLives,
    },
    answer: {
      refresh_token_expires_in: `${Math.floor((refreshExpiresAt - at) / 1000)}`,
      refresh_token_status: 'approved',
      token_type: 'Bearer',
      issued_at: `${at}`,
      client_id: sandbox.client.id,
      access_token: access,
      refresh_token: refresh,
      scope,
      refresh_token_issued_at: `${at}`,
      expires_in: `${accessTokenSeconds}`,
      refresh_count: `${generation - 1}`,
      status: 'approved',
    },
  };
}

export function livingGrantOf(sandbox: Sandbox, pair: Pair): Grant | null {
  const grant = sandbox.state.grants.get(pair.grantId);
  return grant && grant.revokedAt === null ? grant : null;
}

export function accessLives(sandbox: Sandbox, pair: Pair): boolean {
  const grant = livingGrantOf(sandbox, pair);
  return grant !== null && pair.generation >= grant.oldestLivingAccess && sandbox.clock() < pair.accessExpiresAt;
}

/** Whether a refresh token may still bring a new pair: its family lives, it is the newest and its time is not up. */
export function refreshLives(sandbox: Sandbox, pair: Pair): boolean {
  const grant = livingGrantOf(sandbox, pair);
  return grant !== null && grant.expiredAt === null && isNewest(grant, pair) && sandbox.clock() < pair.refreshExpiresAt;
}

export const isNewest = (grant: Grant, pair: Pair): boolean => grant.pairs.length === pair.generation;
