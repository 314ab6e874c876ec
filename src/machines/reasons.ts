/** Why an account is where it is, what that means to a merchant, and who can mend it. One row a reason, nowhere else. */

export type Mover = 'merchant' | 'platform' | 'operator' | 'ups';
export type Action = 'authorize' | 'reconnect' | 'resolve' | 'wait' | 'contact-ups' | 'add-to-profile';

export interface NextStep {
  who: Mover;
  action: Action;
  text: string;
}

interface Explanation {
  message: string;
  nextStep: NextStep;
}

const merchant = (action: Action, text: string): NextStep => ({ who: 'merchant', action, text });

export const reasons = {
  'account-not-in-profile': {
    message: 'The UPS login that was used does not hold this account number.',
    nextStep: merchant(
      'add-to-profile',
      'Add the account to your UPS profile on ups.com (Accounts and Payment), or sign in with the UPS ID that holds it, then press Reconnect.',
    ),
  },
  'consent-denied': {
    message: 'The request for access was declined on the UPS page.',
    nextStep: merchant('reconnect', 'Press Reconnect and choose Allow on the UPS page.'),
  },
  'consent-lapsed': {
    message: 'The UPS login was not finished in time.',
    nextStep: merchant('authorize', 'Ask for a new link and finish the UPS login within its time.'),
  },
  'consent-cancelled': {
    message: 'The authorization was cancelled before it was finished.',
    nextStep: merchant('authorize', 'Start the authorization again when you are ready.'),
  },
  'consent-replaced': {
    message: 'A newer authorization link took the place of this one.',
    nextStep: merchant('authorize', 'Use the newest link.'),
  },
  'authorization-rejected': {
    message: 'UPS did not accept the authorization.',
    nextStep: merchant('reconnect', 'Press Reconnect and sign in to UPS again.'),
  },
  'authorization-interrupted': {
    message: 'The authorization was interrupted before UPS confirmed it.',
    nextStep: merchant('authorize', 'Authorize again: nothing was lost, and a new login is safe.'),
  },
  'authorization-unavailable': {
    message: 'UPS refused the way this service is registered; the account is not at fault.',
    nextStep: {
      who: 'operator',
      action: 'wait',
      text: 'Check the client id and the redirect address registered at UPS.',
    },
  },
  'verification-unavailable': {
    message: 'UPS could not confirm the account number in time.',
    nextStep: merchant('authorize', 'Authorize again in a while: UPS was not answering.'),
  },
  'verification-refused': {
    message: 'UPS refused the request that checks the account.',
    nextStep: {
      who: 'platform',
      action: 'authorize',
      text: "Read UPS's message in the account's history. If it names the ship-from address, correct the address, then authorize again.",
    },
  },
  'refresh-token-expired': {
    message: 'The permission UPS gave has expired.',
    nextStep: merchant('reconnect', 'Press Reconnect and sign in to UPS again.'),
  },
  'refresh-token-revoked': {
    message: 'UPS has withdrawn the permission; a changed UPS password does this.',
    nextStep: merchant('reconnect', 'Press Reconnect and sign in to UPS again.'),
  },
  'refresh-outcome-unknown': {
    message: 'An answer from UPS was lost, and the permission it carried with it.',
    nextStep: merchant('reconnect', 'Press Reconnect and sign in to UPS again.'),
  },
  'merchant-blocked': {
    message: 'UPS has blocked this merchant.',
    nextStep: merchant('contact-ups', 'Contact UPS about the account, then press Reconnect.'),
  },
  'disconnected-by-operator': {
    message: 'An operator disconnected the account.',
    nextStep: merchant('reconnect', 'Press Reconnect when the account may be used again.'),
  },
  'access-key-sunset': {
    message: 'UPS no longer accepts the old access key of this account.',
    nextStep: { who: 'platform', action: 'resolve', text: 'Press Resolve and migrate the account to OAuth.' },
  },
} as const satisfies Record<string, Explanation>;

export type Reason = keyof typeof reasons;

/** For `verification-refused` when UPS offers none of the services tried (111210, 111100): the address may be right. */
export const noSuchService: Explanation = {
  message: 'UPS offers none of the services used to check the account between these places.',
  nextStep: merchant(
    'contact-ups',
    'The address is not the problem. Ask UPS which services it offers there, then authorize again.',
  ),
};

/** How a consent may end, and the reason it leaves behind. */
export const consentEnds = {
  verified: null,
  'not-in-profile': 'account-not-in-profile',
  denied: 'consent-denied',
  rejected: 'authorization-rejected',
  blocked: 'merchant-blocked',
  lapsed: 'consent-lapsed',
  cancelled: 'consent-cancelled',
  interrupted: 'authorization-interrupted',
  unavailable: 'authorization-unavailable',
  'verification-unavailable': 'verification-unavailable',
  'verification-refused': 'verification-refused',
} as const satisfies Record<string, Reason | null>;

export type ConsentEnd = keyof typeof consentEnds;

/** The words a merchant's browser and `lastAuthorization` are told an authorization's end in. */
export type Outcome = 'connected' | 'disconnected' | 'denied' | 'lapsed' | 'replaced' | 'pending' | 'failed';
