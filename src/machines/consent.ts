/** The merchant's trip to UPS, and every check of a grant: written once, used by every state of the account's life. */

import { concludedWithNothing, theTokens, theUpsAnswer, vocabulary } from './vocabulary';
import type { ConsentEnd } from './reasons';

const over = (end: ConsentEnd) => ({ target: '#consent.idle', actions: [{ type: 'end' as const, params: { end } }] });
const noteUps = { type: 'noteUps' as const, params: theUpsAnswer };

const learned = (kind: string, end: ConsentEnd) => ({
  guard: { type: 'answered' as const, params: { kind } },
  target: '#consent.idle',
  actions: [noteUps, { type: 'end' as const, params: { end } }],
});

const openAnew = {
  target: '#consent.awaiting',
  reenter: true,
  actions: ['beginConsent' as const],
};

export const consent = vocabulary.createStateConfig({
  id: 'consent',
  initial: 'idle',
  on: {
    CLOSE_CONSENT: {
      guard: 'consentBusy',
      target: '#consent.idle',
      actions: [
        { type: 'remember', params: concludedWithNothing },
        { type: 'closeLink', params: concludedWithNothing },
        'dropCandidate',
        'forgetConsent',
      ],
    },
  },
  states: {
    idle: {
      on: {
        OPEN_CONSENT: openAnew,
        CHECK_GRANT: { target: 'verifying', actions: ['beginCheck'] },
      },
    },

    // A one-time link is out. It works until a callback is accepted, a newer link is made, or it lapses.
    awaiting: {
      after: { consentTtl: over('lapsed') },
      on: {
        OPEN_CONSENT: openAnew,
        CODE_RECEIVED: { guard: 'isThisConsent', target: 'exchanging', actions: ['useLink'] },
        CONSENT_REFUSED: [
          { guard: { type: 'refusedAs', params: { end: 'denied' } }, ...over('denied') },
          { guard: { type: 'refusedAs', params: { end: 'unavailable' } }, ...over('unavailable') },
          { guard: { type: 'refusedAs', params: { end: 'interrupted' } }, ...over('interrupted') },
        ],
        CANCEL_AUTHORIZATION: over('cancelled'),
        LINK_WITHDRAWN: { guard: 'isThisConsent', ...over('cancelled') },
      },
    },

    // A code is sent once: whatever does not end in tokens ends the consent.
    exchanging: {
      invoke: {
        id: 'exchange',
        src: 'exchange',
        input: ({ context }) => ({ consentId: context.consent?.id ?? '' }),
        onDone: [
          {
            guard: { type: 'answered', params: { kind: 'tokens' } },
            target: 'verifying',
            actions: [{ type: 'storeCandidate', params: theTokens }, 'beginVerifying', noteUps],
          },
          learned('rejected', 'rejected'),
          learned('unavailable', 'unavailable'),
          learned('blocked', 'blocked'),
          { target: '#consent.idle', actions: [noteUps, { type: 'end', params: { end: 'interrupted' } }] },
        ],
        onError: over('interrupted'),
      },
    },

    // A token does not say whose it is: the rating probe does.
    verifying: {
      initial: 'probing',
      on: {
        OPEN_CONSENT: { ...openAnew, actions: ['dropCandidate', 'forgetConsent', 'beginConsent'] },
        CANCEL_AUTHORIZATION: over('cancelled'),
        // A result counts only for the number it was asked for.
        RENUMBERED: { guard: 'renumbers', target: '.probing' },
      },
      states: {
        probing: {
          invoke: {
            id: 'verify',
            src: 'verify',
            input: ({ context }) => ({
              grant: context.consent?.grant ?? 'candidate',
              accountNumber: context.facts.accountNumber,
            }),
            onDone: [
              learned('verified', 'verified'),
              learned('not-in-profile', 'not-in-profile'),
              learned('blocked', 'blocked'),
              learned('refused', 'verification-refused'),
              { guard: 'currentTokenRefused', target: 'waiting', actions: [noteUps, 'planVerifyRetry', 'refreshNow'] },
              { target: 'waiting', actions: [noteUps, 'planVerifyRetry'] },
            ],
            onError: { target: 'waiting', actions: ['planVerifyRetry'] },
          },
        },
        waiting: {
          after: {
            verifyRetry: [{ guard: 'timeLeftToVerify', target: 'probing' }, over('verification-unavailable')],
          },
        },
      },
    },
  },
});
