/**
 * What the rest of the service knows of UPS: three calls, and what each answer means.
 *
 * Units: an instant (`…At`) is wall-clock milliseconds since 1970 unless its comment says monotonic; a duration ends in `Ms`.
 * Errors: none of the three calls rejects. Whatever happens on the way is one of the kinds below; only a bug throws.
 * Source: UPS's OAuthAuthCode.yaml and Rating.yaml, and the table "What an answer means", which lives in `meaning.ts` alone.
 */

export type UpsEndpoint = 'token' | 'refresh' | 'rate';

/** `monotonic` never jumps and is what `sendBy` and every time-out are measured with; `now` is the wall clock. Both in ms. */
export interface UpsClock {
  now(): number;
  monotonic(): number;
}

/**
 * What UPS said, fit to be stored and shown. `message` is UPS's own text (one line, at most 300 characters, anything that looks
 * like a secret blanked) and never a part of our request. `fault` is the transport's error code when no whole answer came.
 */
export interface UpsSaid {
  endpoint: UpsEndpoint;
  httpStatus: number | null;
  code: string | null;
  message: string | null;
  fault: string | null;
  /** Set when a complete answer did not come from UPS or could not be understood. */
  unread: Unread | null;
}

/** For people: `excerpt` has at most 200 characters, without markup and anything that could be a credential. */
export interface Unread {
  contentType: string | null;
  excerpt: string;
}

/**
 * A new pair. Both expiries are counted from `sentAt`, the moment the request left us: UPS's issued_at is UPS's clock.
 * `lifetimesRead` is false when UPS gave the pair but no readable lifetime. The pair is kept, because the one it replaced is
 * dead, and both expiries are then set soon (5 min, 1 day) so that the next refresh brings real ones.
 */
export interface Tokens {
  kind: 'tokens';
  accessToken: string;
  refreshToken: string;
  /** A refresh was answered without a new refresh token, or with the same: the one that was sent goes on (RFC 6749, section 6). */
  refreshTokenKept: boolean;
  tokenType: string;
  scope: string | null;
  refreshCount: number | null;
  sentAt: number;
  accessExpiresAt: number;
  /** Null when the refresh token was kept and the answer names no end: it ends when it would have. */
  refreshExpiresAt: number | null;
  lifetimesRead: boolean;
  ups: UpsSaid;
}

/** UPS's definite no to this account's request. `invalid-refresh-token` (10400): the caller knows whether that is expired, unknown or revoked. */
export interface Refused<Reason extends string> {
  kind: 'refused';
  reason: Reason;
  ups: UpsSaid;
}

/** 10400 at /token is "Invalid Redirect URL": our configuration, nobody is disconnected. */
export interface RedirectMisconfigured {
  kind: 'redirect-misconfigured';
  ups: UpsSaid;
}

/** 10401, 250002 or a 401 of UPS's: UPS refuses our application, or everybody. Not the account's fault; nothing one-time was spent. */
export interface OurClientRefused {
  kind: 'our-client-refused';
  ups: UpsSaid;
}

/**
 * Try again; `retryAfterMs` when UPS said when. `spent` says whether the refresh token or code of this send may have been used up:
 * 'no' for 429 (such a send does not count), 'unknown' for a 400 that UPS's files do not explain (keep the send in the journal, so
 * that a later 10400 is told as "outcome unknown" and not as "revoked").
 */
export interface Later {
  kind: 'later';
  cause: 'rate-limited' | 'request-refused' | LostCause;
  retryAfterMs: number | null;
  spent: 'no' | 'unknown';
  ups: UpsSaid;
}

/** The request may have reached UPS and what became of it is not known (5xx, time-out, lost connection, an unreadable answer). */
export interface Ambiguous {
  kind: 'ambiguous';
  cause: LostCause;
  retryAfterMs: number | null;
  ups: UpsSaid;
}

export type LostCause = 'server-error' | 'timeout' | 'connection-lost' | 'unexpected-answer';

/** Nothing of the request was written to a socket. `retryAt` is set when the gate knows it. */
export interface NotSent {
  kind: 'not-sent';
  cause: NotSentCause;
  retryAt: number | null;
  ups: UpsSaid;
}

/** `no-connection`: every connection stayed busy for the whole call. `closed`: the client was closed. */
export type NotSentCause =
  'dns' | 'connect' | 'connect-timeout' | 'tls' | 'no-connection' | 'gate-closed' | 'too-late' | 'closed';

/** Token: `ambiguous` ends as authorization-interrupted, for a code is never sent twice; so may `later`, if the code will not live so long. */
export type ExchangeAnswer =
  | Tokens
  | Refused<'authorization-rejected' | 'merchant-blocked'>
  | RedirectMisconfigured
  | OurClientRefused
  | Later
  | Ambiguous
  | NotSent;

export type RefreshAnswer =
  Tokens | Refused<'invalid-refresh-token' | 'merchant-blocked'> | OurClientRefused | Later | Ambiguous | NotSent;

/** The account is in the profile. `lenient`: no negotiated charges came, and VERIFICATION=lenient takes that for a yes. */
export interface Verified {
  kind: 'verified';
  basis: 'negotiated-charges' | 'lenient';
  ups: UpsSaid;
}

/** 120100, or 120900 under VERIFICATION=strict. */
export interface NotInProfile {
  kind: 'not-in-profile';
  ups: UpsSaid;
}

/** UPS refuses the address or our request, has none of the services it was asked for (111210, 111100), or rated it without a word on the account: `verification-refused`, nobody is disconnected. */
export interface RequestRefused {
  kind: 'request-refused';
  ups: UpsSaid;
}

/** A 401 of UPS's or 250002 for the access token: expired, killed, or UPS at fault. With a token just issued: try again, then ending. */
export interface TokenRefused {
  kind: 'token-refused';
  ups: UpsSaid;
}

export type ProbeAnswer =
  | Verified
  | NotInProfile
  | RequestRefused
  | TokenRefused
  | Refused<'merchant-blocked'>
  | OurClientRefused
  | Later
  | NotSent;

export type UpsAnswer = ExchangeAnswer | RefreshAnswer | ProbeAnswer;

/** Lenient takes a rating without negotiated charges for a yes (UPS's alert 120900, or no alert at all); strict does not. */
export type Verification = 'strict' | 'lenient';

export interface ProbeAddress {
  addressLine: string;
  city: string;
  stateProvinceCode?: string | null | undefined;
  postalCode?: string | null | undefined;
  /** ISO 3166-1, two letters. */
  countryCode: string;
}

export interface UpsTimeouts {
  connectMs: number;
  headersMs: number;
  /** The longest silence while the body comes. */
  bodyMs: number;
  /** The whole call, queueing for a connection included; at most 20 s (design.md, invariant 3). */
  totalMs: number;
}

export interface UpsClient {
  /** Where to send the merchant's browser. The challenge is S256; UPS has no code_challenge_method. */
  authorizeUrl(request: { state: string; codeChallenge: string; scope?: string | undefined }): string;
  exchange(request: { code: string; codeVerifier: string }): Promise<ExchangeAnswer>;
  /** `sendBy` is an instant of `clock.monotonic()`: looked at just before the socket is written; reached or past it nothing is sent. */
  refresh(request: { refreshToken: string; sendBy: number }): Promise<RefreshAnswer>;
  /**
   * Rate requests in the account's name, from its address to itself: one, and another for the next service the country has when UPS
   * does not offer that one there. Ships and buys nothing.
   */
  probe(request: {
    accessToken: string;
    accountNumber: string;
    address: ProbeAddress;
    /** Somebody waits for it in front of a page. */
    isAwaited?: boolean;
    /** An instant of `clock.monotonic()`: no other service is begun from then on, and the answer is `later`. */
    until?: number;
  }): Promise<ProbeAnswer>;
  /** Lets calls under way end (20 s at most), then closes every connection. Safe to call twice. */
  close(): Promise<void>;
}

/** Why the gate would not let a call through; `epoch`: whose the refresh tokens are is in doubt. */
export type GateRefusal = 'epoch' | 'rate' | 'concurrency' | 'retry-after' | 'ups-circuit' | 'client-circuit';

export interface Permit {
  /** Exactly once, however the call ended; further calls do nothing. */
  done(outcome: GateOutcome): void;
}

export type Admission = { ok: true; permit: Permit } | Shut;
export interface Shut {
  ok: false;
  why: GateRefusal;
  /** The earliest moment worth asking again. A promise of nothing. */
  retryAt: number;
}

/** What a call taught the gate: UPS answered, asked us to slow down, failed, refused our client, or was never reached by our own choice. */
export type GateOutcome =
  | { kind: 'answered' }
  | { kind: 'limited'; retryAfterMs: number | null }
  | { kind: 'ups-failed'; why: string }
  | { kind: 'client-refused'; why: string }
  | { kind: 'nothing-learned' };

export interface CircuitState {
  /** open: nothing passes until `until`; half-open: one trial call passes, its end decides. */
  state: 'closed' | 'open' | 'half-open';
  until: number | null;
  why: string | null;
  /** How long it stays open at a time by now; 0 when closed. */
  openMs: number;
}

/** UPS itself, and our client at each endpoint. */
export const CIRCUITS = ['ups', 'token', 'refresh', 'rate'] as const;
export type CircuitName = (typeof CIRCUITS)[number];

export interface GateState {
  /** UPS itself: 5xx, time-outs, lost and failed connections in a row. */
  ups: CircuitState;
  /** Our client's credentials, one circuit an endpoint: /token shows the client id, /refresh the secret, /Rate a bearer. */
  client: Record<UpsEndpoint, CircuitState>;
  /** Until when UPS's Retry-After keeps a family shut; null when open. */
  pausedUntil: { oauth: number | null; rating: number | null };
  inFlight: number;
}

/** What a merchant waits for in front of a page; tokens that end; and what may be asked at any time. */
export type UpsUrgency = 'merchant' | 'refresh' | 'comfort';

export interface Gate {
  /** Takes a place and a token of the rate, or says when to come again. Never waits. A probe is comfort unless told. */
  admit(endpoint: UpsEndpoint, urgency?: UpsUrgency): Admission;
  /**
   * As admit, but takes nothing: ask before a send is written to the journal. A half-open circuit says yes to one trial, so wait for
   * this yes and not for 'closed', or an only account would wait for a trial that nobody makes.
   */
  peek(endpoint: UpsEndpoint, urgency?: UpsUrgency): { ok: true } | Shut;
  state(): GateState;
  /** For whoever shares them with other processes. */
  circuit(name: CircuitName): {
    state(): CircuitState;
    follow(forMs: number, said: Pick<CircuitState, 'why' | 'openMs'>): void;
    heal(): void;
  };
  /** Told after every change of a circuit or a pause; returns the way to stop. */
  subscribe(listener: (state: GateState) => void): () => void;
}
