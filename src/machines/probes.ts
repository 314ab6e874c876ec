/**
 * Contexts in which every delay is timed, so that a changed delay shows (shape.ts). They never change: a probe that is
 * changed, or is no longer there, makes every pin unlike the machine. A new field of the context is added to each, a new
 * delay may need one more probe: both come with a new MACHINE_VERSION.
 */

import { DAY_MS, HOUR_MS } from '../durations';
import type { AccountContext, Facts } from './context';

const AT = Date.UTC(2026, 0, 1);

const facts: Facts = {
  jitter: 0.25,
  refreshPolicy: 'eager',
  consentTtlMs: 1_800_000,
  accountNumber: 'A1B2C3',
  uses: 0,
  settingsKnown: true,
  changes: true,
  renumbers: false,
  retimes: false,
  unsettledUntil: 0,
  ambiguousSends: 0,
  imported: false,
  keyDeadlineAt: AT + 20 * DAY_MS,
  keyFingerprint: null,
  keyHeld: true,
  waves: {},
  profileAttempts: 0,
};

const full: AccountContext = {
  at: AT,
  facts,
  reason: null,
  since: AT,
  origin: null,
  scheme: 'oauth',
  consent: { id: 'c', grant: 'candidate', lapsesAt: 0, verifyUntil: 0, tries: 1, retryAt: AT + 3_000 },
  current: {
    grantId: 'g',
    generation: 1,
    issuedAt: AT,
    accessExpiresAt: AT + 4 * HOUR_MS,
    refreshExpiresAt: AT + 60 * DAY_MS,
  },
  candidate: null,
  accessKey: { remindAt: AT + 5 * DAY_MS, graceMs: 0, keptUntil: AT + 2 * DAY_MS },
  refusal: { code: '10400', reason: 'refresh-token-revoked', told: false, looks: 0, noes: 0 },
  recheck: false,
  failures: 2,
  retryAt: AT + 7_000,
  lookAt: AT + 10 * DAY_MS,
  lastAuthorization: null,
};

const bare: AccountContext = { ...full, consent: null, current: null, accessKey: null, refusal: null };

export const probes: readonly AccountContext[] = [
  full,
  bare,
  {
    ...full,
    facts: { ...facts, refreshPolicy: 'lazy', jitter: 0.75 },
    refusal: full.refusal && { ...full.refusal, looks: 3 },
  },
  { ...full, refusal: full.refusal && { ...full.refusal, looks: 3, noes: 1 } },
  // Everything is due already.
  { ...full, at: AT + 90 * DAY_MS },
];
