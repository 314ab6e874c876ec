/** What an account's document keeps beside the machine's own snapshot. Secrets are sealed strings here, never plain. */

import type { Outcome, Reason } from './reasons';

/** An AES-256-GCM box of the vault; opaque to everyone else. */
export type Sealed = string;

export type RefreshPolicy = 'eager' | 'lazy';

export interface Address {
  addressLine: string;
  city: string;
  stateProvinceCode: string | null;
  postalCode: string | null;
  countryCode: string;
}

export interface Settings {
  name: string;
  accountNumber: string;
  address: Address;
  owner: 'shipper' | 'store';
  externalId: string | null;
  refreshPolicy: RefreshPolicy;
  /** The seq of the last change of settings; If-Match compares with it. */
  seq: number;
}

/** One refresh request that may have reached UPS, written down before it is sent. */
export interface Send {
  /** `<invocation key>#<attempt>`: whose send it is. */
  id: string;
  at: number;
  /** The latest instant at which the request may be written to the socket. */
  sendBy: number;
  /** Until then the answer may still come, and nothing else may be sent. */
  settleBy: number;
  /**
   * ambiguous: no answer came. elsewhere: others made it, on what this database was restored from; its answer may lie in the
   * second place. null: no end recorded yet; after settleBy its answer may lie there too, or be in somebody's hand.
   */
  end: 'ambiguous' | 'elsewhere' | null;
  /** Sent although an earlier send of this generation ended ambiguously. */
  recovery: boolean;
  /** When its answer was first looked for, before UPS was asked again; absent until then. */
  soughtAt?: number;
}

/** One generation of one grant: the token pair, sealed, and the journal of attempts to rotate it. */
export interface Slot {
  grantId: string;
  generation: number;
  access: Sealed;
  refresh: Sealed;
  /** When we sent the request that brought this pair. */
  issuedAt: number;
  accessExpiresAt: number;
  refreshExpiresAt: number;
  /** When the pair was last rotated; null for a grant's first pair. */
  refreshedAt: number | null;
  sends: Send[];
}

/** The access key of the XML era, until it is destroyed. */
export interface AccessKey {
  /** Licence number, user id and password, as one text; null when they are destroyed already and only the receipt is due. */
  sealed: Sealed | null;
  /** Tells one key from another, and nothing of what it is. */
  fingerprint: string;
  /** UPS takes it until then. */
  deadlineAt: number;
}

/** What an access key's box is bound to, beside tenant, account and field: it belongs to no grant. */
export const ACCESS_KEY_BOX = { grantId: 'access-key', generation: 0 } as const;

/** One try to add the account to a UPS profile, opened here before it is spent there. Nothing of the invoice is kept. */
export interface ProfileVerification {
  n: number;
  method: 'invoice' | 'pin';
  openedAt: number;
  /** What the merchant said of it; null until then. */
  accepted: boolean | null;
}

/** One connect link: hashes only. The verifier is sealed and forgotten when the code has been used. */
export interface Link {
  consentId: string;
  linkHash: string;
  stateHash: string;
  cookieHash: string;
  verifier: Sealed | null;
  returnTo: string | null;
  openedAt: number;
  expiresAt: number;
  usedAt: number | null;
  outcome: Outcome | null;
  reason: Reason | null;
}

/** The last thing UPS said about the account, for `explain`. */
export interface UpsAnswer {
  at: number;
  endpoint: string;
  httpStatus: number | null;
  code: string | null;
  message: string | null;
  /** Present only when the answer could not be understood: its beginning, scrubbed. */
  unread?: { contentType: string | null; excerpt: string };
}

export interface Use {
  kind: 'store' | 'warehouse';
  ref: string;
}

export interface AccountData {
  settings: Settings;
  /** Of the request that created the account: an equal one is answered with it. */
  createHash: string;
  usedBy: Use[];
  current: Slot | null;
  candidate: Slot | null;
  /** Newest last; the open one and the last four ended. */
  links: Link[];
  accessKey: AccessKey | null;
  /** Oldest first; those that still count, and some more. */
  profileVerifications: ProfileVerification[];
  lastUps: UpsAnswer | null;
}

/** What an account begins with. */
export const newAccountData = (
  settings: Settings,
  createHash: string,
  accessKey: AccessKey | null = null,
): AccountData => ({
  settings,
  createHash,
  usedBy: [],
  current: null,
  candidate: null,
  links: [],
  accessKey,
  profileVerifications: [],
  lastUps: null,
});
