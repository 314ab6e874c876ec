/**
 * What an answer means: the one table, as pure functions of endpoint, HTTP status, UPS's code and body.
 *
 * | endpoint       | answer                                        | kind                                        |
 * | -------------- | --------------------------------------------- | ------------------------------------------- |
 * | any            | nothing written                               | not-sent                                    |
 * | any            | 10401, 250002 (any 4xx), 401 of UPS's          | our-client-refused; at rate, but for 10401: token-refused |
 * | any            | 429, 10429                                    | later, unspent                              |
 * | any            | 403 of UPS's                                  | refused: merchant-blocked                   |
 * | token, refresh | 2xx with a pair                               | tokens                                      |
 * | refresh        | 2xx with an access token alone                | tokens, the refresh token kept              |
 * | token          | 400 10400                                     | redirect-misconfigured                      |
 * | token          | 400, any other of UPS's                       | refused: authorization-rejected             |
 * | refresh        | 400 10400                                     | refused: invalid-refresh-token              |
 * | refresh        | 400, any other of UPS's                       | later, perhaps spent                        |
 * | token, refresh | anything else: 5xx, lost, 3xx, 404, what is not UPS's | ambiguous                           |
 * | rate           | 4xx 120100                                    | not-in-profile                              |
 * | rate           | 2xx with negotiated charges                   | verified                                    |
 * | rate           | 2xx or 400 with 120900                        | strict: not-in-profile; lenient: verified   |
 * | rate           | 2xx with neither                              | strict: request-refused; lenient: verified  |
 * | rate           | 400 111210, 111100                            | request-refused, for that service alone     |
 * | rate           | 400, any other of UPS's                       | request-refused                             |
 * | rate           | anything else                                 | later                                       |
 *
 * "Of UPS's" is an answer with UPS's errors in it (error-body.ts). One without, whatever its status, is a proxy's, a firewall's or a
 * gateway's page about our address or theirs, and never UPS's word about a merchant, a code or an address.
 *
 * Two rows are ours. A refresh refused with a 400 that UPS's files do not explain proves nothing against the account, and not that the
 * token is unspent either. A rating without charges and without 120900 is no evidence against the account: Rating.yaml says that a
 * shipment which does not qualify for a discount gets no negotiated charges.
 */
import { readErrors, type UpsError } from './error-body';
import { excerptOf } from './excerpt';
import { readRating } from './rate-body';
import { scrubCode, scrubMessage } from './scrub';
import { readTokens } from './token-body';
import type {
  Ambiguous,
  ExchangeAnswer,
  GateOutcome,
  Later,
  LostCause,
  NotSent,
  OurClientRefused,
  ProbeAnswer,
  RefreshAnswer,
  Refused,
  UpsAnswer,
  UpsEndpoint,
  UpsSaid,
  Verification,
} from './types';
import type { WireAnswer } from './wire';

const INVALID_TOKEN_OR_REDIRECT = '10400';
const INVALID_CLIENT_ID = '10401';
const RATE_LIMITED = '10429';
const INVALID_AUTHENTICATION = '250002';
const NOT_THE_PROFILES_ACCOUNT = '120100';
const NO_NEGOTIATED_RATES = '120900';
/** The service is not available between these places. This says nothing against the address; another service may be available. */
export const NO_SUCH_SERVICE: readonly string[] = ['111210', '111100'];
const DECIDING = [
  INVALID_CLIENT_ID,
  INVALID_AUTHENTICATION,
  RATE_LIMITED,
  INVALID_TOKEN_OR_REDIRECT,
  NOT_THE_PROFILES_ACCOUNT,
  NO_NEGOTIATED_RATES,
  ...NO_SUCH_SERVICE,
];

/** `secrets` are those of the request: never shown, should UPS echo them. */
export function meaningOfExchange(wire: WireAnswer, secrets: readonly string[]): ExchangeAnswer {
  const seen = look('token', wire, secrets);
  if (seen.is === 'success') return seen.tokens(null) ?? ambiguous(unread(seen), 'unexpected-answer');
  if (seen.is === 'bad-request') {
    return seen.code === INVALID_TOKEN_OR_REDIRECT
      ? { kind: 'redirect-misconfigured', ups: seen.ups }
      : { kind: 'refused', reason: 'authorization-rejected', ups: seen.ups };
  }
  return commonMeaning(seen) ?? ambiguous(seen, seen.lost);
}

/** `sent` is the refresh token of the request, which an answer without a new one leaves in use. */
export function meaningOfRefresh(
  wire: WireAnswer,
  secrets: readonly string[],
  sent: string | null = null,
): RefreshAnswer {
  const seen = look('refresh', wire, secrets);
  if (seen.is === 'success') return seen.tokens(sent) ?? ambiguous(unread(seen), 'unexpected-answer');
  if (seen.is === 'bad-request') {
    return seen.code === INVALID_TOKEN_OR_REDIRECT
      ? { kind: 'refused', reason: 'invalid-refresh-token', ups: seen.ups }
      : later(seen, 'request-refused', 'unknown');
  }
  return commonMeaning(seen) ?? ambiguous(seen, seen.lost);
}

export function meaningOfProbe(wire: WireAnswer, secrets: readonly string[], verification: Verification): ProbeAnswer {
  const seen = look('rate', wire, secrets);
  if (seen.is === 'success') return meaningOfRating(seen, verification);
  // UPS's 401 here is about the bearer; only 10401 is about our client.
  if (seen.is === 'client-refused' && seen.code !== INVALID_CLIENT_ID) return { kind: 'token-refused', ups: seen.ups };
  const common = commonMeaning(seen);
  if (common !== null) return common;
  if (seen.code === NOT_THE_PROFILES_ACCOUNT) return { kind: 'not-in-profile', ups: seen.ups };
  if (seen.is === 'bad-request') {
    return seen.code === NO_NEGOTIATED_RATES
      ? withoutCharges(seen, verification)
      : { kind: 'request-refused', ups: seen.ups };
  }
  return later(seen, seen.lost, 'no');
}

/** What the call taught the gate. A 429 says nothing of our client; a definite no says that UPS is up and takes our client. */
export function gateOutcomeOf(answer: UpsAnswer): GateOutcome {
  const { code, fault, httpStatus } = answer.ups;
  const why = code ?? fault ?? (httpStatus === null ? answer.kind : String(httpStatus));
  switch (answer.kind) {
    case 'our-client-refused':
    case 'token-refused':
      return { kind: 'client-refused', why };
    case 'ambiguous':
      return { kind: 'ups-failed', why };
    case 'later':
      if (answer.cause === 'rate-limited') return { kind: 'limited', retryAfterMs: answer.retryAfterMs };
      return answer.cause === 'request-refused' ? { kind: 'answered' } : { kind: 'ups-failed', why };
    case 'not-sent':
      return isOurChoice(answer) ? { kind: 'nothing-learned' } : { kind: 'ups-failed', why };
    default:
      return { kind: 'answered' };
  }
}

/** One answer, looked at once. `lost` is what to call it if no rule names it. */
interface Seen {
  is: 'not-sent' | 'success' | 'client-refused' | 'rate-limited' | 'blocked' | 'bad-request' | 'unclear';
  lost: LostCause;
  code: string | null;
  retryAfterMs: number | null;
  ups: UpsSaid;
  wire: WireAnswer;
  tokens: (sent: string | null) => ReturnType<typeof readTokens>;
  scrub: (message: string | null) => string | null;
  secrets: readonly string[];
}

function look(endpoint: UpsEndpoint, wire: WireAnswer, secrets: readonly string[]): Seen {
  const httpStatus = wire.kind === 'not-sent' ? null : wire.httpStatus;
  const isClientError = httpStatus !== null && httpStatus >= 400 && httpStatus < 500;
  const errors = wire.kind === 'answered' && !isSuccess(wire) ? readErrors(wire.body) : [];
  const said = decidingError(errors);
  const scrub = (message: string | null) => scrubMessage(message, secrets);
  const ups: UpsSaid = {
    endpoint,
    httpStatus,
    code: scrubCode(said?.code ?? null),
    message: scrub(said?.message ?? null),
    fault: wire.kind === 'answered' ? null : wire.fault,
    unread: null,
  };
  const seen: Seen = {
    is: wire.kind === 'not-sent' ? 'not-sent' : whatItIs(wire, isClientError ? ups.code : null, errors.length > 0),
    lost: lostCauseOf(wire),
    code: isClientError ? ups.code : null,
    retryAfterMs: wire.kind === 'not-sent' ? null : wire.retryAfterMs,
    ups,
    wire,
    tokens: (sent) => (wire.kind === 'answered' ? readTokens(wire.body, wire.leftAt, ups, sent) : null),
    scrub,
    secrets,
  };
  return wire.kind === 'answered' && !isSuccess(wire) && errors.length === 0 ? unread(seen) : seen;
}

/** Keeps an excerpt for people, because the answer could not be understood. */
function unread(seen: Seen): Seen {
  const { wire, secrets, ups } = seen;
  if (wire.kind !== 'answered') return seen;
  const contentType = /^\s*([\w.+-]{1,60}\/[\w.+-]{1,60})/.exec(wire.contentType ?? '')?.[1]?.toLowerCase() ?? null;
  return { ...seen, ups: { ...ups, unread: { contentType, excerpt: excerptOf(wire.text, secrets) } } };
}

/** An answer cut short still has its status: 429 needs no more, everything else needs UPS's errors. */
function whatItIs(
  wire: Exclude<WireAnswer, { kind: 'not-sent' }>,
  code: string | null,
  hasErrors: boolean,
): Seen['is'] {
  if (code === INVALID_CLIENT_ID || code === INVALID_AUTHENTICATION) return 'client-refused';
  if (code === RATE_LIMITED || wire.httpStatus === 429) return 'rate-limited';
  if (wire.kind === 'answered' && isSuccess(wire)) return 'success';
  if (!hasErrors) return 'unclear';
  if (wire.httpStatus === 401) return 'client-refused';
  if (wire.httpStatus === 403) return 'blocked';
  return wire.httpStatus === 400 ? 'bad-request' : 'unclear';
}

function commonMeaning(seen: Seen): NotSent | OurClientRefused | Later | Refused<'merchant-blocked'> | null {
  const { ups, wire } = seen;
  if (wire.kind === 'not-sent') return { kind: 'not-sent', cause: wire.cause, retryAt: wire.retryAt, ups };
  if (seen.is === 'client-refused') return { kind: 'our-client-refused', ups };
  if (seen.is === 'rate-limited') return later(seen, 'rate-limited', 'no');
  if (seen.is === 'blocked') return { kind: 'refused', reason: 'merchant-blocked', ups };
  return null;
}

function meaningOfRating(seen: Seen, verification: Verification): ProbeAnswer {
  const rating = seen.wire.kind === 'answered' ? readRating(seen.wire.body) : null;
  if (rating === null) return later(unread(seen), 'unexpected-answer', 'no');
  const alert = rating.alerts.find((one) => one.code === NO_NEGOTIATED_RATES) ?? rating.alerts[0];
  const ups = { ...seen.ups, code: scrubCode(alert?.code ?? null), message: seen.scrub(alert?.message ?? null) };
  if (rating.hasNegotiatedCharges) return { kind: 'verified', basis: 'negotiated-charges', ups };
  return withoutCharges({ ...seen, code: ups.code, ups }, verification);
}

function withoutCharges(seen: Pick<Seen, 'code' | 'ups'>, verification: Verification): ProbeAnswer {
  if (verification === 'lenient') return { kind: 'verified', basis: 'lenient', ups: seen.ups };
  return { kind: seen.code === NO_NEGOTIATED_RATES ? 'not-in-profile' : 'request-refused', ups: seen.ups };
}

function later(seen: Seen, cause: Later['cause'], spent: Later['spent']): Later {
  return { kind: 'later', cause, retryAfterMs: seen.retryAfterMs, spent, ups: seen.ups };
}

function ambiguous(seen: Seen, cause: LostCause): Ambiguous {
  return { kind: 'ambiguous', cause, retryAfterMs: seen.retryAfterMs, ups: seen.ups };
}

function lostCauseOf(wire: WireAnswer): LostCause {
  if (wire.kind === 'not-sent') return 'unexpected-answer';
  if (wire.httpStatus !== null && wire.httpStatus >= 500) return 'server-error';
  return wire.kind === 'lost' ? wire.cause : 'unexpected-answer';
}

function isSuccess(wire: { httpStatus: number | null }): boolean {
  return wire.httpStatus !== null && wire.httpStatus >= 200 && wire.httpStatus < 300;
}

/** UPS may list several errors: the one a rule knows decides, else the first. */
function decidingError(errors: UpsError[]): UpsError | undefined {
  for (const code of DECIDING) {
    const found = errors.find((error) => error.code === code);
    if (found !== undefined) return found;
  }
  return errors[0];
}

function isOurChoice(answer: NotSent): boolean {
  return ['gate-closed', 'too-late', 'no-connection', 'closed'].includes(answer.cause);
}
