import { GATE_DEFAULTS } from './gate';
import { gateOutcomeOf, meaningOfExchange, meaningOfProbe, meaningOfRefresh, NO_SUCH_SERVICE } from './meaning';
import { makeRateRequest, servicesOf, type ServiceCode } from './rate-request';
import type {
  Gate,
  ProbeAnswer,
  UpsAnswer,
  UpsClient,
  UpsClock,
  UpsEndpoint,
  UpsSaid,
  UpsTimeouts,
  UpsUrgency,
  Verification,
} from './types';
import { makeWire, type Wire, type WireAnswer, type WireRequest } from './wire';

export interface UpsClientOptions {
  /** https://wwwcie.ups.com, https://onlinetools.ups.com or the sandbox; a path before UPS's own is kept. */
  baseUrl: string;
  clientId: string;
  clientSecret: string;
  redirectUri: string;
  gate: Gate;
  clock: UpsClock;
  /** strict unless said. */
  verification?: Verification;
  timeouts?: Partial<UpsTimeouts>;
  /** Kept-alive connections to UPS at most; as many as the gate lets calls through, or they queue behind each other. */
  connections?: number;
  /** The way to UPS; HTTP unless given. */
  wire?: Wire;
  /** Called for each answer that could not be understood. */
  onUnread?: (said: Pick<UpsSaid, 'endpoint' | 'httpStatus'>) => void;
}

export const TIMEOUT_DEFAULTS: UpsTimeouts = { connectMs: 5_000, headersMs: 15_000, bodyMs: 10_000, totalMs: 20_000 };

/** design.md, invariant 3: the call is over long before its journal entry may be settled. */
const LONGEST_TOTAL_MS = 20_000;
const PATHS = {
  authorize: '/security/v1/oauth/authorize',
  token: '/security/v1/oauth/token',
  refresh: '/security/v1/oauth/refresh',
  rate: '/api/rating/v2409/Rate',
};

/**
 * UPS over HTTP. Shapes, units and errors: see `UpsClient`. No call is repeated and no redirect followed: the machine owns retries.
 * Source: OAuthAuthCode.yaml and Rating.yaml. Throws only here, for a configuration that cannot work.
 */
export function makeUpsClient(options: UpsClientOptions): UpsClient {
  const { gate, clock, clientId, clientSecret, redirectUri } = options;
  const timeouts = readTimeouts(options.timeouts);
  const { origin, prefix } = readBaseUrl(options.baseUrl);
  const connections = options.connections ?? GATE_DEFAULTS.concurrent;
  const wire = options.wire ?? makeWire({ origin, connections, timeouts, clock });
  const basic = `Basic ${Buffer.from(`${clientId}:${clientSecret}`, 'utf8').toString('base64')}`;
  const secretsAnd = (...own: string[]): string[] => [clientSecret, basic.slice('Basic '.length), ...own];

  async function call<A extends UpsAnswer>(
    endpoint: UpsEndpoint,
    request: Omit<WireRequest, 'path'>,
    meaningOf: (answer: WireAnswer) => A,
    urgency?: UpsUrgency,
  ): Promise<A> {
    const admission = gate.admit(endpoint, urgency);
    if (!admission.ok) {
      const { why, retryAt } = admission;
      return meaningOf({ kind: 'not-sent', cause: 'gate-closed', fault: why, retryAt });
    }
    try {
      const answer = meaningOf(await wire.post({ ...request, path: prefix + PATHS[endpoint] }));
      admission.permit.done(gateOutcomeOf(answer));
      if (answer.ups.unread !== null) options.onUnread?.(answer.ups);
      return answer;
    } finally {
      // Only a bug leads here without an outcome: the place must not be lost with it.
      admission.permit.done({ kind: 'nothing-learned' });
    }
  }

  return {
    authorizeUrl({ state, codeChallenge, scope }) {
      const url = new URL(prefix + PATHS.authorize, origin);
      url.search = new URLSearchParams({
        client_id: clientId,
        redirect_uri: redirectUri,
        response_type: 'code',
        state,
        ...(scope === undefined ? {} : { scope }),
        code_challenge: codeChallenge,
      }).toString();
      return url.href;
    },

    exchange({ code, codeVerifier }) {
      // With PKCE the client id goes in the body, and no Authorization header may.
      const body = formOf({
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier: codeVerifier,
        client_id: clientId,
      });
      const secrets = secretsAnd(code, codeVerifier);
      return call('token', { headers: FORM, body, sendBy: null }, (answer) => meaningOfExchange(answer, secrets));
    },

    refresh({ refreshToken, sendBy }) {
      const body = formOf({ grant_type: 'refresh_token', refresh_token: refreshToken });
      const secrets = secretsAnd(refreshToken);
      const headers = { ...FORM, authorization: basic };
      return call('refresh', { headers, body, sendBy }, (answer) => meaningOfRefresh(answer, secrets, refreshToken));
    },

    async probe({ accessToken, accountNumber, address, isAwaited = false, until = Infinity }) {
      const secrets = secretsAnd(accessToken);
      const headers = { ...JSON_BODY, authorization: `Bearer ${accessToken}`, transactionsrc: 'upslink' };
      const verification = options.verification ?? 'strict';
      const meaningOf = (answer: WireAnswer) => meaningOfProbe(answer, secrets, verification);
      const urgency = isAwaited ? 'merchant' : 'comfort';
      const ask = (service?: ServiceCode): Promise<ProbeAnswer> => {
        const body = JSON.stringify(makeRateRequest(accountNumber, address, service));
        return call('rate', { headers, body, sendBy: null }, meaningOf, urgency);
      };
      const [first, ...others] = servicesOf(address.countryCode);
      let answer = await ask(first);
      for (const service of others) {
        if (!isNoSuchService(answer)) return answer;
        if (clock.monotonic() >= until)
          return { kind: 'later', cause: 'request-refused', retryAfterMs: null, spent: 'no', ups: answer.ups };
        answer = await ask(service);
      }
      return answer;
    },

    close: () => wire.close(),
  };
}

const isNoSuchService = (answer: ProbeAnswer): boolean =>
  answer.kind === 'request-refused' && NO_SUCH_SERVICE.includes(answer.ups.code ?? '');

/** CDNs compress answers all the same; body.ts reads them in any encoding. */
const ACCEPT = { accept: 'application/json', 'accept-encoding': 'identity' };
const FORM = { ...ACCEPT, 'content-type': 'application/x-www-form-urlencoded' };
const JSON_BODY = { ...ACCEPT, 'content-type': 'application/json' };

function formOf(fields: Record<string, string>): string {
  return new URLSearchParams(fields).toString();
}

function readTimeouts(given: Partial<UpsTimeouts> = {}): UpsTimeouts {
  const timeouts = { ...TIMEOUT_DEFAULTS, ...given };
  for (const [name, ms] of Object.entries(timeouts)) {
    if (!Number.isFinite(ms) || ms <= 0)
      throw new RangeError(`UPS time-out ${name} is ${ms}: give milliseconds above 0`);
  }
  if (timeouts.totalMs > LONGEST_TOTAL_MS) {
    throw new RangeError(
      `UPS time-out totalMs is ${timeouts.totalMs}: a call must be over within ${LONGEST_TOTAL_MS} ms`,
    );
  }
  return timeouts;
}

function readBaseUrl(baseUrl: string): { origin: string; prefix: string } {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null;
  if (url === null || !['https:', 'http:'].includes(url.protocol)) {
    throw new TypeError('the UPS base URL must be an http or https URL, such as https://onlinetools.ups.com');
  }
  return { origin: url.origin, prefix: url.pathname.replace(/\/+$/, '') };
}
