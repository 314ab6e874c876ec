/**
 * The words the machine is written in: its guards, effects and delays, by name and with params.
 * An effect whose implementation is empty here is a patch of the document: patches.ts applies it in the same write.
 * Guards, delays and params read the context (with the facts the runtime wrote there) and the event, nothing else.
 */

import { and, assign, emit, fromPromise, not, or, raise, setup, stateIn } from 'xstate';
import type {
  AccountContext,
  ExchangeOutput,
  Grant,
  KeyPlan,
  RefreshOutput,
  Standing,
  TokenFacts,
  VerifyOutput,
} from './context';
import type { UpsAnswer } from './data';
import type { AccountEvent } from './events';
import { consentEnds, type ConsentEnd, type Outcome, type Reason } from './reasons';
import {
  heldLookMs,
  isDeadOfAge,
  isDoubtedAgain,
  isLastHope,
  isOfMany,
  isWorthAnotherTry,
  noesAfter,
  waveCodeOf,
  waveOf,
} from './refusal';
import {
  accessEndsMs,
  consentTtlMs,
  daysLeft,
  keyDeadlineMs,
  keyGraceMs,
  keyNoticeMs,
  isLapseNear,
  isLookTooLate,
  keyReminderMs,
  lapseLookMs,
  lookAtOf,
  refreshDueMs,
  retryAtAfter,
  retryMs,
  verifyRetryMs,
  REFRESH_RETRY_MAX_MS,
  VERIFY_RETRY_MAX_MS,
  VERIFY_WINDOW_MS,
} from './timing';

const grantOf = (tokens: TokenFacts): Grant => ({
  grantId: tokens.grantId,
  generation: tokens.generation,
  issuedAt: tokens.issuedAt,
  accessExpiresAt: tokens.accessExpiresAt,
  refreshExpiresAt: tokens.refreshExpiresAt,
});

const tokensOf = (told: { type: string }): TokenFacts | null => {
  const event = told as AccountEvent;
  if (event.type === 'LATE_ANSWER') return event.tokens;
  return 'output' in event && event.output.kind === 'tokens' ? event.output.tokens : null;
};

const outputOf = (told: { type: string }) => {
  const event = told as AccountEvent;
  return 'output' in event ? event.output : null;
};
const outputKind = (event: { type: string }): string | null => outputOf(event)?.kind ?? null;
const askedRetryAt = (event: { type: string }): number | null => {
  const output = outputOf(event);
  return output && 'retryAt' in output ? output.retryAt : null;
};

const notHere = () => Promise.reject(new Error('The runtime starts no actor; workers run invocations.'));

/** XState types an event by where it is handled; these readers serve all places, so they take any and narrow it here. */
interface Told {
  context: AccountContext;
  event: { type: string };
}

/** Params taken from the event, for the patches that store what it brought. */
export const theEvent = ({ event }: Pick<Told, 'event'>) => ({ event: event as AccountEvent });
export const theTokens = ({ event }: Pick<Told, 'event'>) => ({ tokens: tokensOf(event) });
export const theUpsAnswer = ({ event }: Pick<Told, 'event'>) => ({ ups: outputOf(event)?.ups ?? null });
export const theDeadGrant = ({ context }: { context: AccountContext }) => ({ keep: keepsDeadGrant(context.reason) });

/** What a consent that brought nothing leaves behind: the account is as it was, and the reason tells why. */
const nothingGained = (told: { type: string }): { outcome: Outcome; reason: Reason | null } => {
  const event = told as AccountEvent;
  if (event.type === 'CLOSE_CONSENT' && event.because) return { outcome: 'failed', reason: event.because };
  const end = event.type === 'CONSENT_ENDED' ? event.end : 'cancelled';
  return { outcome: end === 'lapsed' ? 'lapsed' : 'failed', reason: consentEnds[end] };
};

export interface Conclusion {
  consentId: string | null;
  outcome: Outcome;
  reason: Reason | null;
}
export const concludedAs =
  (outcome: Outcome, reason: Reason | null) =>
  ({ context }: { context: AccountContext }): Conclusion => ({
    consentId: context.consent?.id ?? null,
    outcome,
    reason,
  });
export const concludedWithNothing = ({ context, event }: Told): Conclusion => ({
  consentId: context.consent?.id ?? null,
  ...nothingGained(event),
});

/** UPS's definite no to a refresh, as the reason it stands for; null for every other answer. */
const refusalOf = ({ event, context }: Told): Reason | null => {
  const kind = outputKind(event);
  if (kind === 'blocked') return 'merchant-blocked';
  if (kind !== 'refused') return null;
  return context.facts.ambiguousSends > 0 ? 'refresh-outcome-unknown' : 'refresh-token-revoked';
};

const refusalCode = (event: { type: string }): string => {
  const output = outputOf(event);
  return output === null ? '' : waveCodeOf(output);
};

/** Timers, results and what parts raise for each other: always taken, in every state they come in. */
const isOurOwn = ({ type }: { type: string }): boolean =>
  type.startsWith('xstate.') || type === 'CONSENT_ENDED' || type === 'LATE_ANSWER';

/** UPS lets a merchant try so often in 24 hours. */
export const PROFILE_ATTEMPTS = 3;

/** By an operator, and until a new grant is proved: a migration that begins gives the key to nobody again. */
const isTakenOutOfUse = ({ reason, origin }: AccountContext): boolean =>
  reason === 'disconnected-by-operator' || origin?.reason === 'disconnected-by-operator';

/** The merchant heard already that a new login is needed. */
const wasTold = ({ refusal }: AccountContext): boolean => refusal?.told === true;

const planWith = ({ accessKey }: AccountContext, change: Partial<KeyPlan>): KeyPlan | null =>
  accessKey && { ...accessKey, ...change };

/** A grant whose last answer was lost may still be found alive: it is kept, every other dead grant is destroyed. */
const keepsDeadGrant = (reason: Reason | null): boolean => reason === 'refresh-outcome-unknown';

export const vocabulary = setup({
  types: {
    context: {} as AccountContext,
    events: {} as AccountEvent,
    input: {} as Pick<AccountContext, 'at' | 'facts'>,
    emitted: {} as { type: string; data: Record<string, string | number | null> },
  },
  // Declared so that `invoke` may name them; the runtime never starts an actor, workers do the work.
  actors: {
    exchange: fromPromise<ExchangeOutput, { consentId: string }>(notHere),
    verify: fromPromise<VerifyOutput, { grant: 'candidate' | 'current'; accountNumber: string }>(notHere),
    refresh: fromPromise<RefreshOutput, { grantId: string; generation: number }>(notHere),
  },
  delays: {
    consentTtl: ({ context }) => consentTtlMs(context),
    verifyRetry: ({ context }) => verifyRetryMs(context),
    refreshDue: ({ context }) => refreshDueMs(context),
    retry: ({ context }) => retryMs(context),
    heldLook: ({ context }) => heldLookMs(context),
    accessEnds: ({ context }) => accessEndsMs(context),
    keyDeadline: ({ context }) => keyDeadlineMs(context),
    keyNotice: ({ context }) => keyNoticeMs(context),
    keyReminder: ({ context }) => keyReminderMs(context),
    keyGrace: ({ context }) => keyGraceMs(context),
    lapseLook: ({ context }) => lapseLookMs(context),
  },
  guards: {
    notExchanging: not(stateIn({ consent: 'exchanging' })),
    consentIdle: stateIn({ consent: 'idle' }),
    consentBusy: not(stateIn({ consent: 'idle' })),
    merchantAtUps: ({ context }) => context.consent?.grant === 'candidate',
    refreshIdle: not(stateIn({ life: { connected: 'refreshing' } })),
    noUnsettledSend: ({ context }) => context.facts.unsettledUntil <= context.at,
    notInUse: ({ context }) => context.facts.uses === 0,
    settingsKnown: ({ context }) => context.facts.settingsKnown,
    changes: ({ context }) => context.facts.changes,
    // Who ships on an account is noted only while it can be shipped on.
    changesWhileOpen: and([not(stateIn({ life: 'inactive' })), ({ context }) => context.facts.changes]),
    renumbers: ({ context }) => context.facts.renumbers,
    noRenumbering: ({ context }) => !context.facts.renumbers,
    retimes: ({ context }) => context.facts.retimes,
    isThisConsent: ({ context, event }) => 'consentId' in event && event.consentId === context.consent?.id,
    refusedAs: ({ context, event }, params: { end: ConsentEnd }) =>
      event.type === 'CONSENT_REFUSED' && event.consentId === context.consent?.id && event.end === params.end,
    answered: ({ event }, params: { kind: string }) => outputKind(event) === params.kind,
    currentTokenRefused: ({ context, event }) =>
      outputKind(event) === 'token-refused' && context.consent?.grant === 'current',
    timeLeftToVerify: ({ context }) => context.consent !== null && context.at < context.consent.verifyUntil,
    ended: ({ event }, params: { end: ConsentEnd }) => event.type === 'CONSENT_ENDED' && event.end === params.end,
    newGrantVerified: ({ event }) =>
      event.type === 'CONSENT_ENDED' && event.end === 'verified' && event.grant === 'candidate',
    grantInUse: ({ event }, params: { end: ConsentEnd }) =>
      event.type === 'CONSENT_ENDED' && event.end === params.end && event.grant === 'current',
    numberUnchecked: ({ context }) => context.recheck,
    consentAwaiting: stateIn({ consent: 'awaiting' }),
    toldBefore: ({ context }) => wasTold(context),
    refusedToldBefore: ({ context, event }) => refusalOf({ event, context }) !== null && wasTold(context),
    refusedOfAgeToldBefore: ({ context, event }) =>
      outputKind(event) === 'refused' && isDeadOfAge(context) && wasTold(context),
    deadOfAgeToldBefore: ({ context }) => isDeadOfAge(context) && wasTold(context),
    storedToldBefore: ({ event, context }) => event.type === 'LATE_ANSWER' && event.stored && wasTold(context),
    cameFrom: ({ context }, params: { state: Standing['state'] }) => context.origin?.state === params.state,
    pastRefreshExpiry: ({ event, context }) =>
      outputKind(event) === 'refused' && context.current !== null && context.at >= context.current.refreshExpiresAt,
    doubted: ({ event, context }) =>
      refusalOf({ event, context }) !== null && (isOfMany(context, refusalCode(event)) || isLastHope(context)),
    waveHeld: ({ context }) => waveOf(context) === 'held' && !isDeadOfAge(context),
    waveReleased: ({ context }) =>
      isWorthAnotherTry(context) && context.refusal !== null && !isDoubtedAgain(context.refusal),
    worthAnotherTry: ({ context }) => isWorthAnotherTry(context),
    refreshTokenDead: ({ context }) => context.current !== null && context.at >= context.current.refreshExpiresAt,
    rescued: ({ event, context }) => outputKind(event) === 'tokens' && context.refusal?.told === true,
    afterLostAnswer: ({ event, context }) => outputKind(event) === 'refused' && context.facts.ambiguousSends > 0,
    stored: ({ event }) => event.type === 'LATE_ANSWER' && event.stored,
    storedAfterUnknown: ({ event, context }) =>
      event.type === 'LATE_ANSWER' && event.stored && keepsDeadGrant(context.origin?.reason ?? context.reason),
    // --- the access key
    imported: ({ context }) => context.facts.imported,
    importedInTime: ({ context }) => context.facts.imported && context.at < context.facts.keyDeadlineAt,
    keyHeld: ({ context }) => context.scheme === 'access-key',
    keyServed: ({ context }) => context.scheme === 'access-key' && !isTakenOutOfUse(context),
    keyDead: stateIn({ key: 'dead' }),
    keyWorks: ({ context: { at, facts, accessKey } }) =>
      facts.keyHeld && at < Math.min(accessKey?.keptUntil ?? 0, facts.keyDeadlineAt),
    beforeDeadline: ({ context, event }) => event.type === 'POSTPONE' && event.until < context.facts.keyDeadlineAt,
    deadlineStaysAhead: ({ context }) => context.facts.changes && context.at < context.facts.keyDeadlineAt,
    lapsedKey: ({ context }) => context.reason === 'access-key-sunset',
    // --- the end of the grant in use
    grantToWatch: and([
      stateIn({ life: 'connected' }),
      // With an event that may be refused nothing else may change: a no would read as a yes.
      ({ context, event }) => context.current !== null && isOurOwn(event),
    ]),
    nothingToWatch: or([not(stateIn({ life: 'connected' })), ({ context }) => context.current === null]),
    // Of a grant that is thought dead it has been told already.
    lapseNear: and([not(stateIn({ life: { connected: 'ending' } })), ({ context }) => isLapseNear(context)]),
    lapsesSooner: ({ context, event }) => {
      const tokens = tokensOf(event);
      return tokens !== null && isLookTooLate(context, tokens.refreshExpiresAt);
    },
    attemptsLeft: ({ context }) => context.facts.profileAttempts < PROFILE_ATTEMPTS,
  },
  actions: {
    // --- the standing: reason and since belong to the state, and are set on the way in
    stand: assign(({ context }, params: { reason: Reason | null }) => ({ reason: params.reason, since: context.at })),
    noteRefusal: assign(({ context, event }) => {
      const reason = refusalOf({ event, context });
      if (reason === null) return {};
      const before = context.refusal;
      const code = refusalCode(event);
      return {
        refusal: {
          code,
          reason,
          told: before?.told ?? false,
          looks: (before?.looks ?? 0) + (isOfMany(context, code) ? 1 : 0),
          noes: noesAfter(context, code),
        },
      };
    }),
    lookLater: assign(({ context }) => ({
      refusal: context.refusal && { ...context.refusal, looks: context.refusal.looks + 1, noes: 0 },
    })),
    doubtAfterAll: assign(({ context }) => ({
      refusal: context.refusal && {
        ...context.refusal,
        told: true,
        looks: context.refusal.looks + 1,
        noes: waveOf(context) === 'held' ? 0 : context.refusal.noes,
      },
    })),
    blameRefusal: assign(({ context }, params: { reason: Reason | null }) => ({
      reason: params.reason ?? context.refusal?.reason ?? ('refresh-token-revoked' as const),
    })),
    blame: assign((_, params: { reason: Reason }) => ({ reason: params.reason })),
    clearBlame: assign({ reason: null }),
    since: assign(({ context }) => ({ since: context.at })),
    leaveFrom: assign(({ context }, params: { state: Standing['state'] }) => ({
      origin: { state: params.state, reason: context.reason, since: context.since },
      reason: null,
      since: context.at,
    })),
    loseWhileAuthorizing: assign(({ context }) => ({
      origin: { state: 'disconnected' as const, reason: context.reason, since: context.at },
      reason: null,
      since: context.at,
    })),
    returnToOrigin: assign(({ context }) => ({
      reason: context.origin?.reason ?? null,
      since: context.origin?.since ?? context.at,
      origin: null,
    })),
    reviveOrigin: assign(({ context }) =>
      context.origin?.reason === 'access-key-sunset'
        ? { origin: { state: 'connected' as const, reason: null, since: context.at } }
        : {},
    ),
    forgetOrigin: assign({ origin: null }),

    // --- the consent
    beginConsent: assign(({ context, event }) => ({
      consent: {
        id: 'consentId' in event ? event.consentId : '',
        grant: 'candidate' as const,
        lapsesAt: context.at + context.facts.consentTtlMs,
        verifyUntil: 0,
        tries: 0,
        retryAt: 0,
      },
    })),
    beginCheck: assign(({ context }) => ({
      consent: {
        id: `check-${context.at}`,
        grant: 'current' as const,
        lapsesAt: 0,
        verifyUntil: context.at + VERIFY_WINDOW_MS,
        tries: 0,
        retryAt: 0,
      },
    })),
    beginVerifying: assign(({ context, event }) => {
      const tokens = tokensOf(event);
      return {
        candidate: tokens && grantOf(tokens),
        consent: context.consent && {
          ...context.consent,
          verifyUntil: Math.min(context.at + VERIFY_WINDOW_MS, tokens?.accessExpiresAt ?? context.at),
        },
      };
    }),
    planVerifyRetry: assign(({ context, event }) => {
      const consent = context.consent;
      if (consent === null) return {};
      const retryAt = retryAtAfter(context, consent.tries, askedRetryAt(event), VERIFY_RETRY_MAX_MS);
      return { consent: { ...consent, tries: consent.tries + 1, retryAt: Math.min(retryAt, consent.verifyUntil) } };
    }),
    forgetConsent: assign({ consent: null, candidate: null }),
    end: raise(({ context }, params: { end: ConsentEnd }) => ({
      type: 'CONSENT_ENDED' as const,
      end: params.end,
      grant: context.consent?.grant ?? ('candidate' as const),
    })),
    openConsent: raise(({ event }) => ({
      type: 'OPEN_CONSENT' as const,
      consentId: 'consentId' in event ? event.consentId : '',
    })),
    closeConsent: raise({ type: 'CLOSE_CONSENT' }),
    closeConsentBecause: raise((_, params: { reason: Reason }) => ({
      type: 'CLOSE_CONSENT' as const,
      because: params.reason,
    })),
    checkGrant: raise({ type: 'CHECK_GRANT' }),
    refreshNow: raise({ type: 'REFRESH' }),
    announceRetiming: raise({ type: 'RETIMED' }),
    announceRenumbering: raise({ type: 'RENUMBERED' }),
    recheckLater: assign({ recheck: true }),
    numberChecked: assign({ recheck: false }),
    remember: assign(({ context }, params: Conclusion) => ({
      lastAuthorization: { outcome: params.outcome, reason: params.reason, at: context.at },
    })),

    // --- the grants
    adoptCandidate: assign(({ context }) => ({
      current: context.candidate ?? context.current,
      candidate: null,
      refusal: null,
      scheme: 'oauth' as const,
      failures: 0,
      retryAt: 0,
      recheck: false,
    })),
    adoptTokens: assign(({ context, event }) => {
      const tokens = tokensOf(event);
      return { current: tokens ? grantOf(tokens) : context.current, refusal: null, failures: 0, retryAt: 0 };
    }),
    // Only a lost answer is waited for: a send that never counted keeps nobody.
    planRetry: assign(({ context, event }, params: { ambiguous: boolean }) => {
      const asked = retryAtAfter(context, context.failures, askedRetryAt(event), REFRESH_RETRY_MAX_MS);
      const settledAt = params.ambiguous ? context.facts.unsettledUntil : 0;
      return { failures: context.failures + 1, retryAt: Math.max(asked, settledAt) };
    }),
    forgetGrants: assign({ current: null, refusal: null, candidate: null, failures: 0, retryAt: 0, recheck: false }),
    forgetDeadGrant: assign(({ context }) => (keepsDeadGrant(context.reason) ? {} : { current: null, refusal: null })),
    forgetScheme: assign({ scheme: null }),

    // --- the access key
    takeKey: assign({ scheme: 'access-key', accessKey: { remindAt: null, graceMs: 0, keptUntil: 0 } }),
    planReminder: assign(({ context }, { event }: { event: AccountEvent }) => ({
      accessKey: planWith(context, { remindAt: event.type === 'POSTPONE' ? event.until : null }),
    })),
    forgetReminder: assign(({ context }) => ({ accessKey: planWith(context, { remindAt: null }) })),
    keepReminderBefore: assign(({ context }) => {
      const remindAt = context.accessKey?.remindAt ?? null;
      return {
        accessKey: planWith(context, { remindAt: remindAt && Math.min(remindAt, context.facts.keyDeadlineAt) }),
      };
    }),
    askGrace: assign(({ context }, { event }: { event: AccountEvent }) => ({
      accessKey: planWith(context, { graceMs: 'graceMs' in event ? event.graceMs : 0 }),
    })),
    retireKey: assign(({ context }) => ({
      accessKey: planWith(context, { remindAt: null, keptUntil: context.at + (context.accessKey?.graceMs ?? 0) }),
    })),
    keepNoLonger: assign(({ context }) => ({
      accessKey: planWith(context, { remindAt: null, keptUntil: context.at }),
    })),
    unretireKey: assign(({ context }) => ({ accessKey: planWith(context, { graceMs: 0, keptUntil: 0 }) })),
    useKeyAgain: assign({ scheme: 'access-key' }),
    forgetKey: assign({ accessKey: null }),
    keyLapses: raise({ type: 'KEY_LAPSED' }),
    keyRevives: raise({ type: 'KEY_REVIVED' }),
    keyRestored: raise({ type: 'KEY_RESTORED' }),

    // --- the end of the grant in use
    planLook: assign(({ context }) => ({ lookAt: lookAtOf(context) })),
    forgetLook: assign({ lookAt: 0 }),

    // --- what the world is told
    tell: emit(({ context, event }, params: { type: string }) => ({
      type: params.type,
      data: { reason: context.reason, ...('campaignId' in event && { campaignId: event.campaignId }) },
    })),

    tellEnd: emit(({ event }, params: { type: string }) => ({
      type: params.type,
      data: { reason: event.type === 'CONSENT_ENDED' ? consentEnds[event.end] : null },
    })),
    tellBecause: emit((_, params: { type: string; reason: Reason }) => ({
      type: params.type,
      data: { reason: params.reason },
    })),
    tellExpiring: emit(({ context: { at, facts } }, params: { because: 'deadline' | 'reminder' }) => ({
      type: 'account.expiring',
      data: {
        what: 'access-key',
        because: params.because,
        expiresAt: facts.keyDeadlineAt,
        daysLeft: daysLeft(at, facts.keyDeadlineAt),
      },
    })),
    tellLapse: emit(({ context: { at, current } }) => ({
      type: 'account.expiring',
      data: {
        what: 'grant',
        because: 'deadline',
        expiresAt: current?.refreshExpiresAt ?? at,
        daysLeft: daysLeft(at, current?.refreshExpiresAt ?? at),
      },
    })),

    // --- patches of the document, in the same write (patches.ts)
    openLink: (_, _params: { event: AccountEvent }) => {},
    useLink: () => {},
    closeLink: (_, _params: Conclusion) => {},
    storeCandidate: (_, _params: { tokens: TokenFacts | null }) => {},
    dropCandidate: () => {},
    swapGrant: () => {},
    storeTokens: (_, _params: { tokens: TokenFacts | null }) => {},
    settleSend: (_, _params: { ambiguous: boolean }) => {},
    destroyGrant: () => {},
    noteLateAnswer: () => {},
    destroyDeadGrant: (_, _params: { keep: boolean }) => {},
    numberSettings: () => {},
    sealKey: () => {},
    shredKey: () => {},
    destroyKey: () => {},
    moveDeadline: (_, _params: { event: AccountEvent }) => {},
    noteKeyRead: () => {},
    openVerification: (_, _params: { event: AccountEvent }) => {},
    endVerification: (_, _params: { event: AccountEvent }) => {},
    noteUps: (_, _params: { ups: UpsAnswer | null }) => {},
    editSettings: (_, _params: { event: AccountEvent }) => {},
    use: (_, _params: { event: AccountEvent }) => {},
    unuse: (_, _params: { event: AccountEvent }) => {},
  },
});

/** Why an event that this state knows was not taken, by the guard that refused it. */
export const refusals: Record<string, string> = {
  notExchanging: 'exchange-under-way',
  consentIdle: 'verification-under-way',
  refreshIdle: 'refresh-under-way',
  noUnsettledSend: 'send-unsettled',
  notInUse: 'in-use',
  settingsKnown: 'stale',
  changes: 'unchanged',
  changesWhileOpen: 'unchanged',
  isThisConsent: 'replaced',
  refusedAs: 'replaced',
  keyHeld: 'no-access-key',
  keyServed: 'no-access-key',
  keyWorks: 'no-access-key',
  beforeDeadline: 'past-deadline',
  deadlineStaysAhead: 'unchanged',
  attemptsLeft: 'attempts-exhausted',
  waveReleased: 'refusals-examined',
};
