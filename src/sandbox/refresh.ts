import { badRequest, invalidRefreshToken, ok } from './answer';
import { assertBasic } from './client';
import { nobody, upsEndpoint } from './endpoint';
import { assertForm, readForm, type Form } from './form';
import { sha256, type Sandbox } from './sandbox';
import type { Pair } from './state';
import { isNewest, livingGrantOf, refreshLives, renewAccess, rotate, withoutRefreshToken } from './tokens';

/** POST refresh: a living refresh token becomes the next pair, and is dead from then on; unless a fault keeps it. */
export const refreshEndpoint = (sandbox: Sandbox) =>
  upsEndpoint<Form>(sandbox, {
    endpoint: 'refresh',
    method: 'POST',
    path: '/security/v1/oauth/refresh',
    read: (_req, body) => readForm(body),
    identify(form) {
      const pair = findPair(sandbox, form);
      const username = pair ? (sandbox.state.grants.get(pair.grantId)?.username ?? null) : null;
      return pair ? { ...nobody, grantId: pair.grantId, username, sent: pair } : nobody;
    },
    process({ req, input: form, who, fault }) {
      assertForm(req.headers['content-type'], form);
      assertBasic(sandbox, req.headers.authorization, who.grantId);
      if (form.get('grant_type') !== 'refresh_token') throw badRequest('grant_type must be refresh_token');
      const pair = findPair(sandbox, form);
      if (!pair) throw invalidRefreshToken();
      const grant = livingGrantOf(sandbox, pair);
      if (!grant || !refreshLives(sandbox, pair)) {
        if (grant && !isNewest(grant, pair)) punishReuse(sandbox, pair);
        throw invalidRefreshToken();
      }
      if (fault?.do !== 'keep-refresh-token') return ok(rotate(sandbox, grant, pair));
      const token = form.get('refresh_token') ?? '';
      return ok(withoutRefreshToken(renewAccess(sandbox, grant, pair, fault.refreshTokenSeconds), fault, token));
    },
  });

function findPair(sandbox: Sandbox, form: Form): Pair | null {
  const token = form.get('refresh_token');
  return token === null ? null : (sandbox.state.byRefresh.get(sha256(token)) ?? null);
}

// RFC 9700: whoever sends a used token may have stolen it, so the whole family goes.
function punishReuse(sandbox: Sandbox, { grantId }: Pair): void {
  if (sandbox.state.settings.reuseRevokesFamily) {
    sandbox.record({ t: 'grant-revoked', grantIds: [grantId], at: sandbox.clock() });
  }
}
