/** Asks UPS whether the account number belongs to the profile that a grant was given by: a token does not say. */

import type { VerifyOutput } from '../../machines/context';
import type { ProbeAnswer } from '../../ups';
import type { Outcome, Runner } from '../work';
import { notSentWord, openSealed, retryAtOf, wordOf, type RunnerParts } from './parts';

/** After the claim, no further service is tried: the claim lasts 30 s and a call may take 20 s. */
const ASK_FOR_MS = 9_000;

export function makeVerify(parts: RunnerParts): Runner {
  return async ({ document, invocation, claimedMonotonic }) => {
    const { data } = document;
    // The number is the one the machine asked about: the settings may hold another by now, and a new question comes for it.
    const { grant, accountNumber } = invocation.input as { grant: 'candidate' | 'current'; accountNumber: string };
    const slot = data[grant];
    const later: Outcome = { output: { kind: 'later', retryAt: null, ups: null } };
    if (slot === null) return later;
    // UPS would refuse it, and the gate would count that against our client.
    if (slot.accessExpiresAt <= parts.clock.now()) {
      return { output: { kind: 'token-refused', retryAt: null, ups: null } };
    }
    const { grantId, generation } = slot;
    const accessToken = openSealed(parts, document, slot.access, { field: 'access', grantId, generation });
    if (accessToken === null) return later;
    // Of a grant that was just given: the merchant waits for it, or the grant ends unverified with its first token.
    const isAwaited = grant === 'candidate';
    const { address } = data.settings;
    const until = claimedMonotonic + ASK_FOR_MS;
    const answer = await parts.client.probe({ accessToken, accountNumber, address, isAwaited, until });
    return { output: outputOf(answer, parts.clock.now()) };
  };
}

function outputOf(answer: ProbeAnswer, at: number): VerifyOutput {
  const ups = wordOf(answer.ups, at);
  switch (answer.kind) {
    case 'verified':
    case 'not-in-profile':
      return { kind: answer.kind, ups };
    case 'refused':
      return { kind: 'blocked', ups };
    case 'request-refused':
      return { kind: 'refused', ups };
    case 'token-refused':
      return { kind: 'token-refused', retryAt: null, ups };
    case 'our-client-refused':
      return { kind: 'later', retryAt: null, ups };
    case 'later':
      return { kind: 'later', retryAt: retryAtOf(answer, at), ups };
    case 'not-sent':
      return { kind: 'later', retryAt: retryAtOf(answer, at), ups: notSentWord(answer, at) };
  }
}
