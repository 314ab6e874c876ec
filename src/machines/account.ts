/**
 * An account's life: created, pending-authorization, connected, disconnected, migrating, inactive.
 * Four regions at the root: *life*, the states people see, *consent*, the merchant's trip to UPS, *key*, the access key
 * of the XML era, and *horizon*, how near the refresh token's end is. Consent reports how it ended and key that it lapsed;
 * life judges what that means. Horizon only looks on, so it comes last: what the others assign in a step it finds done.
 */

import { consent } from './consent';
import type { ConsentEnd, Outcome, Reason } from './reasons';
import { horizon } from './horizon';
import { key } from './key';
import { migrateFrom, openTrip } from './migration';
import { token } from './token';
import { concludedAs, concludedWithNothing, theEvent, theTokens, vocabulary } from './vocabulary';

/** Grows with every change of the machine that a stored account could notice. */
export const MACHINE_VERSION = 1;

const tell = (type: string) => ({ type: 'tell' as const, params: { type } });
const stand = (reason: Reason | null) => ({ type: 'stand' as const, params: { reason } });
const ended = (end: ConsentEnd) => ({ type: 'ended' as const, params: { end } });

const startAuthorization = [...openTrip, tell('account.authorization-started')];

const concluded = (params: ReturnType<typeof concludedAs> | typeof concludedWithNothing) => [
  { type: 'remember' as const, params },
  { type: 'closeLink' as const, params },
];

/** Nothing gained: the unverified grant is dropped, the account is as it was. */
const cameToNothing = [...concluded(concludedWithNothing), 'dropCandidate' as const, 'forgetConsent' as const];

/** Verified: the new grant takes the place of the old one in one write. */
const adopted = [
  ...concluded(concludedAs('connected', null)),
  'swapGrant' as const,
  'adoptCandidate' as const,
  'forgetConsent' as const,
  'forgetOrigin' as const,
  stand(null),
  tell('account.connected'),
];

/** A grant that was thought lost has answered after all. */
const recovered = [
  { type: 'storeTokens' as const, params: theTokens },
  'adoptTokens' as const,
  'forgetOrigin' as const,
  stand(null),
  tell('account.connected'),
];

const failedTrip = (end: ConsentEnd, outcome: Outcome, reason: Reason) => ({
  guard: ended(end),
  target: 'disconnected',
  actions: [
    ...concluded(concludedAs(outcome, reason)),
    'dropCandidate' as const,
    'forgetConsent' as const,
    'forgetOrigin' as const,
    stand(reason),
    tell('account.disconnected'),
  ],
});

/** Only a check of the grant in use can disconnect a connected account. */
const lostGrantInUse = (end: ConsentEnd, reason: Reason) => ({
  guard: { type: 'grantInUse' as const, params: { end } },
  target: 'disconnected',
  actions: [
    ...concluded(concludedAs('disconnected', reason)),
    'forgetConsent' as const,
    'destroyGrant' as const,
    'forgetGrants' as const,
    stand(reason),
    tell('account.disconnected'),
  ],
});

const deactivate = {
  guard: 'notInUse' as const,
  target: 'inactive',
  actions: [
    'closeConsent' as const,
    'destroyGrant' as const,
    'forgetGrants' as const,
    'forgetOrigin' as const,
    'forgetScheme' as const,
    stand(null),
    tell('account.deactivated'),
  ],
};

const authorize = { guard: 'notExchanging' as const, actions: startAuthorization };

/** Whatever the account was on, it is on its key again; a grant it had is destroyed. */
const onKeyAgain = {
  target: '#account.life.connected.access-key',
  actions: [
    'closeConsent' as const,
    'destroyGrant' as const,
    'forgetGrants' as const,
    'forgetOrigin' as const,
    'useKeyAgain' as const,
    stand(null),
    tell('account.connected'),
  ],
};

/** The migration brought nothing: what it was for is told, beside what the account stands on. */
const migrationFailed = [...cameToNothing, { type: 'tellEnd' as const, params: { type: 'account.migration-failed' } }];

const life = vocabulary.createStateConfig({
  initial: { target: 'created', actions: ['numberSettings', tell('account.created')] },
  states: {
    created: {
      always: [
        { guard: 'importedInTime', target: '#account.life.connected.access-key', actions: stand(null) },
        {
          guard: 'imported',
          target: 'disconnected',
          actions: [stand('access-key-sunset'), tell('account.disconnected')],
        },
      ],
      on: {
        AUTHORIZE: {
          target: 'pending-authorization',
          actions: [{ type: 'leaveFrom', params: { state: 'created' } }, ...startAuthorization],
        },
        DEACTIVATE: deactivate,
      },
    },

    'pending-authorization': {
      on: {
        AUTHORIZE: authorize,
        CONSENT_ENDED: [
          { guard: ended('verified'), target: 'connected', actions: adopted },
          failedTrip('not-in-profile', 'disconnected', 'account-not-in-profile'),
          failedTrip('denied', 'denied', 'consent-denied'),
          failedTrip('rejected', 'disconnected', 'authorization-rejected'),
          failedTrip('blocked', 'disconnected', 'merchant-blocked'),
          {
            guard: { type: 'cameFrom', params: { state: 'disconnected' } },
            target: 'disconnected',
            actions: [...cameToNothing, 'returnToOrigin'],
          },
          { target: 'created', actions: [...cameToNothing, 'returnToOrigin'] },
        ],
        LATE_ANSWER: { guard: 'storedAfterUnknown', target: 'connected', actions: recovered },
        KEY_RESTORED: onKeyAgain,
        DEACTIVATE: deactivate,
      },
    },

    connected: {
      ...token,
      on: {
        AUTHORIZE: authorize,
        CONSENT_ENDED: [
          { guard: 'newGrantVerified', target: '.fresh', reenter: true, actions: adopted },
          lostGrantInUse('not-in-profile', 'account-not-in-profile'),
          lostGrantInUse('blocked', 'merchant-blocked'),
          {
            guard: ended('verified'),
            actions: [...concluded(concludedAs('connected', null)), 'forgetConsent', 'numberChecked'],
          },
          { guard: 'numberUnchecked', actions: [...cameToNothing, 'numberChecked', 'checkGrant'] },
          { actions: cameToNothing },
        ],
        LATE_ANSWER: [
          {
            guard: 'storedToldBefore',
            target: '.fresh',
            reenter: true,
            actions: [
              { type: 'storeTokens', params: theTokens },
              'adoptTokens',
              'clearBlame',
              tell('account.connected'),
            ],
          },
          {
            guard: 'stored',
            target: '.fresh',
            reenter: true,
            actions: [{ type: 'storeTokens', params: theTokens }, 'adoptTokens', 'clearBlame'],
          },
        ],
        KEY_RESTORED: onKeyAgain,
        DISCONNECT: {
          target: 'disconnected',
          actions: [
            'closeConsent',
            'destroyGrant',
            'forgetGrants',
            stand('disconnected-by-operator'),
            tell('account.disconnected'),
          ],
        },
        DEACTIVATE: deactivate,
      },
    },

    disconnected: {
      on: {
        AUTHORIZE: [
          { guard: 'keyHeld', ...migrateFrom('disconnected') },
          {
            target: 'pending-authorization',
            actions: [{ type: 'leaveFrom', params: { state: 'disconnected' } }, ...startAuthorization],
          },
        ],
        MIGRATE: { guard: 'keyHeld', ...migrateFrom('disconnected') },
        CAMPAIGN_MIGRATE: { guard: 'keyHeld', ...migrateFrom('disconnected') },
        LATE_ANSWER: { guard: 'storedAfterUnknown', target: 'connected', actions: recovered },
        KEY_REVIVED: {
          guard: 'lapsedKey',
          target: '#account.life.connected.access-key',
          actions: [stand(null), tell('account.connected')],
        },
        KEY_RESTORED: onKeyAgain,
        DEACTIVATE: deactivate,
      },
    },

    // A consent is under way, and the old key serves until the new grant is proved.
    migrating: {
      on: {
        AUTHORIZE: authorize,
        MIGRATE: { guard: 'notExchanging', actions: [{ type: 'askGrace', params: theEvent }, ...startAuthorization] },
        CONSENT_ENDED: [
          { guard: ended('verified'), target: 'connected', actions: [tell('account.migrated'), ...adopted] },
          {
            guard: { type: 'cameFrom', params: { state: 'disconnected' } },
            target: 'disconnected',
            actions: [...migrationFailed, 'returnToOrigin'],
          },
          {
            guard: 'keyDead',
            target: 'disconnected',
            actions: [...migrationFailed, 'forgetOrigin', stand('access-key-sunset'), tell('account.disconnected')],
          },
          { target: '#account.life.connected.access-key', actions: [...migrationFailed, 'returnToOrigin'] },
        ],
        // An exchange or a check under way may still save the account: its end is waited for.
        KEY_LAPSED: [
          { guard: { type: 'cameFrom', params: { state: 'disconnected' } }, actions: [] },
          {
            guard: 'consentAwaiting',
            target: 'disconnected',
            actions: [
              { type: 'closeConsentBecause', params: { reason: 'access-key-sunset' } },
              'forgetOrigin',
              stand('access-key-sunset'),
              { type: 'tellBecause', params: { type: 'account.migration-failed', reason: 'access-key-sunset' } },
              tell('account.disconnected'),
            ],
          },
        ],
        KEY_REVIVED: { actions: ['reviveOrigin'] },
        DEACTIVATE: deactivate,
      },
    },

    inactive: {
      on: { REACTIVATE: { target: 'created', actions: [stand(null), tell('account.reactivated')] } },
    },
  },
});

export const accountMachine = vocabulary.createMachine({
  id: 'account',
  type: 'parallel',
  context: ({ input }) => ({
    at: input.at,
    facts: input.facts,
    reason: null,
    since: input.at,
    origin: null,
    scheme: null,
    consent: null,
    current: null,
    candidate: null,
    accessKey: null,
    lookAt: 0,
    refusal: null,
    recheck: false,
    failures: 0,
    retryAt: 0,
    lastAuthorization: null,
  }),
  states: { life, consent, key, horizon },
  on: {
    EDIT: {
      guard: 'settingsKnown',
      actions: [{ type: 'editSettings', params: theEvent }, 'announceRetiming', 'announceRenumbering'],
    },
    USE: { guard: 'changesWhileOpen', actions: [{ type: 'use', params: theEvent }] },
    UNUSE: { guard: 'changes', actions: [{ type: 'unuse', params: theEvent }] },
    ACCESS_KEY_READ: { guard: 'keyServed', actions: ['noteKeyRead'] },
    PROFILE_VERIFICATION_OPENED: {
      guard: 'attemptsLeft',
      actions: [{ type: 'openVerification', params: theEvent }],
    },
    PROFILE_VERIFICATION_ENDED: { guard: 'changes', actions: [{ type: 'endVerification', params: theEvent }] },
    LATE_ANSWER: [
      // The next pair of the grant in use is stored whatever the state (invariant 6).
      { guard: 'stored', actions: [{ type: 'storeTokens', params: theTokens }, 'adoptTokens'] },
      // Of a replaced grant, or of one nobody waits for: on record, and nothing else.
      { actions: ['noteLateAnswer'] },
    ],
  },
});
