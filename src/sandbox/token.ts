import type { Request } from 'express';
import { badRequest, invalidCode, invalidRedirect, invalidVerifier, ok } from './answer';
import { assertBasic, assertClientId } from './client';
import { nobody, upsEndpoint } from './endpoint';
import { assertForm, readForm, type Form } from './form';
import { createHash } from 'node:crypto';
import { recordViolation, sha256, type Sandbox } from './sandbox';
import type { Code } from './state';
import { startGrant, withoutRefreshToken } from './tokens';

/** POST token: a code becomes the first pair of a new grant. A refused request does not use the code up. */
export const tokenEndpoint = (sandbox: Sandbox) =>
  upsEndpoint<Form>(sandbox, {
    endpoint: 'token',
    method: 'POST',
    path: '/security/v1/oauth/token',
    read: (_req, body) => readForm(body),
    identify(form) {
      const code = findCode(sandbox, form);
      if (!code) return nobody;
      if (code.sends > 0) recordViolation(sandbox, 'code-sent-twice', code.grantId, `send ${code.sends + 1} of a code`);
      sandbox.record({ t: 'code-sent', sha256: code.sha256 });
      return { ...nobody, grantId: code.grantId, username: code.username };
    },
    process({ req, input: form, fault, becomes }) {
      assertForm(req.headers['content-type'], form);
      const code = findCode(sandbox, form);
      assertClient(sandbox, req, form, code);
      if (form.get('grant_type') !== 'authorization_code') throw badRequest('grant_type must be authorization_code');
      if (form.get('code') === null) throw badRequest('code is missing');
      assertRedirect(sandbox, form, code);
      if (!code || code.grantId !== null || sandbox.clock() >= code.expiresAt) throw invalidCode();
      assertVerifier(sandbox, form, code);
      const { username, scope } = code;
      const { grantId, answer } = startGrant(sandbox, { codeSha256: code.sha256, username, scope });
      becomes(grantId);
      return ok(fault?.do === 'keep-refresh-token' ? withoutRefreshToken(answer, fault) : answer);
    },
  });

function findCode(sandbox: Sandbox, form: Form): Code | null {
  const code = form.get('code');
  return code === null ? null : (sandbox.state.codes.get(sha256(code)) ?? null);
}

/** Basic without a verifier, or a verifier and client_id without a header: UPS knows these two ways and no third. */
function assertClient(sandbox: Sandbox, req: Request, form: Form, code: Code | null): void {
  const { authorization } = req.headers;
  const verifier = form.get('code_verifier');
  const clientId = form.get('client_id');
  const grantId = code?.grantId ?? null;
  if (authorization !== undefined && verifier !== null) {
    recordViolation(sandbox, 'pkce', grantId, 'an Authorization header together with code_verifier');
    throw badRequest('Send either an Authorization header or a code_verifier, not both');
  }
  if (authorization !== undefined) {
    assertBasic(sandbox, authorization, grantId);
    if (clientId !== null) assertClientId(sandbox, clientId, grantId);
    return;
  }
  assertClientId(sandbox, clientId, grantId);
  // Naming oneself is no proof: without a verifier it takes a code whose challenge will ask for one.
  if (verifier === null && !code?.challenge) assertBasic(sandbox, undefined, grantId);
}

function assertRedirect(sandbox: Sandbox, form: Form, code: Code | null): void {
  const redirectUri = form.get('redirect_uri');
  const isRegistered = redirectUri !== null && sandbox.redirectUris.includes(redirectUri);
  if (isRegistered && (!code || code.redirectUri === redirectUri)) return;
  recordViolation(
    sandbox,
    'redirect',
    code?.grantId ?? null,
    'token with another redirect_uri than authorize, or none',
  );
  throw invalidRedirect();
}

function assertVerifier(sandbox: Sandbox, form: Form, code: Code): void {
  const verifier = form.get('code_verifier');
  const why = verifierFault(verifier, code.challenge);
  if (why === null) return;
  recordViolation(sandbox, 'pkce', code.grantId, why);
  throw invalidVerifier(why);
}

function verifierFault(verifier: string | null, challenge: string | null): string | null {
  if (verifier === null) return challenge === null ? null : 'This code needs its code_verifier';
  if (challenge === null) return 'This code was issued without a code_challenge';
  if (!/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return 'code_verifier has 43 to 128 unreserved characters';
  const hashed = createHash('sha256').update(verifier).digest('base64url');
  return hashed === challenge ? null : 'code_verifier does not fit the code_challenge';
}
