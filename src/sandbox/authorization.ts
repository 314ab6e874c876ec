import { badRequest, invalidRedirect, type Answer } from './answer';
import { assertClientId } from './client';
import { upsEndpoint, nobody } from './endpoint';
import { assertOnce, formFrom, type Form } from './form';
import { ownOriginOf } from './pages/origin';
import { recordViolation, sha256, type Sandbox } from './sandbox';

export const AUTHORIZE_PATH = '/security/v1/oauth/authorize';

/** An application's wish to act for a merchant, checked. */
export interface AuthorizationRequest {
  readonly redirectUri: string;
  readonly state: string | null;
  readonly scope: string;
  readonly challenge: string | null;
}

export function readAuthorizationRequest(sandbox: Sandbox, form: Form): AuthorizationRequest {
  assertOnce(form);
  assertClientId(sandbox, form.get('client_id'), null);
  const redirectUri = form.get('redirect_uri');
  if (redirectUri === null || !sandbox.redirectUris.includes(redirectUri)) {
    recordViolation(sandbox, 'redirect', null, 'authorize with a redirect_uri that is not registered');
    throw invalidRedirect();
  }
  if (form.get('response_type') !== 'code') throw badRequest('response_type must be code');
  const challenge = form.get('code_challenge');
  if (challenge !== null && !/^[A-Za-z0-9_-]{43}$/.test(challenge)) {
    recordViolation(sandbox, 'pkce', null, 'authorize with a code_challenge that is no S256 value');
    throw badRequest('code_challenge must be the base64url form of a SHA-256');
  }
  return { redirectUri, state: form.get('state'), scope: form.get('scope') ?? '', challenge };
}

/** The same wish as query parameters, to hand it from page to page; every page checks it again. */
export function toParams(sandbox: Sandbox, request: AuthorizationRequest): URLSearchParams {
  const params = new URLSearchParams({ client_id: sandbox.client.id, redirect_uri: request.redirectUri });
  params.set('response_type', 'code');
  params.set('scope', request.scope);
  if (request.state !== null) params.set('state', request.state);
  if (request.challenge !== null) params.set('code_challenge', request.challenge);
  params.set('type', 'ups_com_api');
  return params;
}

/** GET authorize: checks the application, then sends the browser on to the login page, as UPS's file has it. */
export const authorizeEndpoint = (sandbox: Sandbox) =>
  upsEndpoint<Form>(sandbox, {
    endpoint: 'authorize',
    method: 'GET',
    path: AUTHORIZE_PATH,
    read: (req) => formFrom(new URL(req.originalUrl, 'http://sandbox').searchParams),
    // Who is logged in says nothing yet about who will agree: faults with a username wait for the consent.
    identify: () => nobody,
    process({ req, input }): Answer {
      const params = toParams(sandbox, readAuthorizationRequest(sandbox, input));
      const location = `${ownOriginOf(req)}/login?${params.toString()}`;
      const headers = { Location: location, appname: 'upslink', displayname: 'upslink' };
      return { status: 302, code: null, headers, body: null };
    },
  });

/** The merchant agreed: a code, on disk before the browser carries it away. */
export async function grantCode(sandbox: Sandbox, request: AuthorizationRequest, username: string): Promise<string> {
  const code = sandbox.makeSecret();
  const { redirectUri, challenge, scope } = request;
  const expiresAt = sandbox.clock() + sandbox.state.settings.codeSeconds * 1000;
  sandbox.record({ t: 'code', sha256: sha256(code), username, redirectUri, challenge, scope, expiresAt });
  await sandbox.synced();
  return backTo(request, { code });
}

export const denied = (request: AuthorizationRequest): string => backTo(request, { error: 'access_denied' });

function backTo(request: AuthorizationRequest, answer: Record<string, string>): string {
  const url = new URL(request.redirectUri);
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value);
  if (request.state !== null) url.searchParams.set('state', request.state);
  return url.toString();
}
