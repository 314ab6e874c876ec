/** The token pair of a connected account: kept fresh, never gambled, served to its last minute. */

import type { Reason } from './reasons';
import { migrateFrom } from './migration';
import { theDeadGrant, theTokens, theUpsAnswer, vocabulary } from './vocabulary';

const noteUps = { type: 'noteUps' as const, params: theUpsAnswer };
const settled = (ambiguous: boolean) => ({ type: 'settleSend' as const, params: { ambiguous } });
const backOff = (ambiguous: boolean) => [
  noteUps,
  settled(ambiguous),
  { type: 'planRetry' as const, params: { ambiguous } },
];

const stored = [{ type: 'storeTokens' as const, params: theTokens }, 'adoptTokens' as const, noteUps];

const dies = (reason: Reason) => ({
  target: 'ending',
  actions: [
    noteUps,
    settled(false),
    'noteRefusal' as const,
    { type: 'blame' as const, params: { reason } },
    { type: 'tell' as const, params: { type: 'account.reconnect-needed' } },
  ],
});

/** Null: for the reason UPS refused it. */
const blameIt = (reason: Reason | null) => ({ type: 'blameRefusal' as const, params: { reason } });

/** As if it had been believed at once; what UPS said is kept from then. */
const believed = (reason: Reason | null) => [
  blameIt(reason),
  { type: 'tell' as const, params: { type: 'account.reconnect-needed' } },
];

/** A grant is there, so its account number can be checked. */
const checkable = {
  VERIFY: { guard: 'consentIdle' as const, actions: ['checkGrant' as const] },
  RENUMBERED: [
    { guard: 'noRenumbering' as const, actions: [] },
    { guard: 'consentIdle' as const, actions: ['checkGrant' as const] },
    { actions: ['recheckLater' as const] },
  ],
};

export const token = vocabulary.createStateConfig({
  initial: 'fresh',
  states: {
    fresh: {
      after: { refreshDue: 'refreshing' },
      on: {
        ...checkable,
        REFRESH: 'refreshing',
        RETIMED: { guard: 'retimes', target: 'fresh', reenter: true },
      },
    },

    refreshing: {
      invoke: {
        id: 'refresh',
        src: 'refresh',
        input: ({ context }) => ({
          grantId: context.current?.grantId ?? '',
          generation: context.current?.generation ?? 0,
        }),
        onDone: [
          {
            guard: 'rescued',
            target: 'fresh',
            actions: [...stored, { type: 'tell', params: { type: 'account.connected' } }],
          },
          { guard: { type: 'answered', params: { kind: 'tokens' } }, target: 'fresh', actions: stored },
          {
            guard: 'refusedOfAgeToldBefore',
            target: 'ending',
            actions: [noteUps, settled(false), 'noteRefusal', blameIt('refresh-token-expired')],
          },
          { guard: 'pastRefreshExpiry', ...dies('refresh-token-expired') },
          { guard: 'doubted', target: 'held', actions: [noteUps, settled(false), 'noteRefusal'] },
          {
            guard: 'refusedToldBefore',
            target: 'ending',
            actions: [noteUps, settled(false), 'noteRefusal', blameIt(null)],
          },
          { guard: 'afterLostAnswer', ...dies('refresh-outcome-unknown') },
          { guard: { type: 'answered', params: { kind: 'refused' } }, ...dies('refresh-token-revoked') },
          { guard: { type: 'answered', params: { kind: 'blocked' } }, ...dies('merchant-blocked') },
          {
            guard: { type: 'answered', params: { kind: 'ambiguous' } },
            target: 'backing-off',
            actions: backOff(true),
          },
          { target: 'backing-off', actions: backOff(false) },
        ],
        // A refresh that ended in a fault of ours may have been sent: it counts as ambiguous.
        onError: { target: 'backing-off', actions: backOff(true) },
      },
      on: { ...checkable, REFRESH: { guard: 'refreshIdle', target: 'refreshing' } },
    },

    'backing-off': {
      after: { retry: 'refreshing' },
      on: { ...checkable, REFRESH: { guard: 'noUnsettledSend', target: 'refreshing' } },
    },

    // A no of UPS that many accounts hear at once, or that would cost this one its last token: examined before it is believed.
    held: {
      after: {
        heldLook: [
          { guard: 'deadOfAgeToldBefore', target: 'ending', actions: blameIt('refresh-token-expired') },
          { guard: 'refreshTokenDead', target: 'ending', actions: believed('refresh-token-expired') },
          { guard: 'waveHeld', target: 'held', reenter: true, actions: ['lookLater'] },
          { guard: 'worthAnotherTry', target: 'refreshing' },
          { guard: 'toldBefore', target: 'ending', actions: blameIt(null) },
          { target: 'ending', actions: believed(null) },
        ],
      },
      on: {
        ...checkable,
        REFRESH: { guard: 'waveReleased', target: 'refreshing' },
        // One account of a wave is tried for all of them.
        TRY_HELD: 'refreshing',
      },
    },

    // The grant is dead or unknown. Its access token is served until it expires: time to reconnect early.
    ending: {
      on: {
        ...checkable,
        LATE_ANSWER: {
          guard: 'stored',
          target: 'fresh',
          actions: [
            { type: 'storeTokens', params: theTokens },
            'adoptTokens',
            'clearBlame',
            { type: 'tell', params: { type: 'account.connected' } },
          ],
        },
      },
      after: {
        accessEnds: [
          { guard: 'waveHeld', target: 'held', actions: ['doubtAfterAll', 'clearBlame'] },
          { guard: 'worthAnotherTry', target: 'refreshing', actions: ['doubtAfterAll', 'clearBlame'] },
          {
            guard: 'merchantAtUps',
            target: '#account.life.pending-authorization',
            actions: [
              { type: 'tell', params: { type: 'account.disconnected' } },
              { type: 'destroyDeadGrant', params: theDeadGrant },
              'forgetDeadGrant',
              'loseWhileAuthorizing',
            ],
          },
          {
            target: '#account.life.disconnected',
            actions: [
              { type: 'tell', params: { type: 'account.disconnected' } },
              { type: 'destroyDeadGrant', params: theDeadGrant },
              'forgetDeadGrant',
              'closeConsent',
              'since',
            ],
          },
        ],
      },
    },

    // No token at all: an access key serves, until its deadline. There is no call to check one.
    'access-key': {
      on: {
        AUTHORIZE: migrateFrom('connected'),
        MIGRATE: migrateFrom('connected'),
        CAMPAIGN_MIGRATE: migrateFrom('connected'),
        KEY_LAPSED: {
          target: '#account.life.disconnected',
          actions: [
            { type: 'stand', params: { reason: 'access-key-sunset' } },
            { type: 'tell', params: { type: 'account.disconnected' } },
          ],
        },
      },
    },
  },
});
