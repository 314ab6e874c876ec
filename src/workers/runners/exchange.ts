/**
 * Turns the code of a callback into a token pair. The code lives in the memory of the process that received the callback
 * and nowhere else, and is never sent twice: without it, or in a second attempt, the consent ends as interrupted, unless the
 * answer of the first one is found. While a place that may have that answer cannot be asked, or has it in a box that does not
 * open here, the next attempts ask again.
 */

import type { ExchangeOutput } from '../../machines/context';
import type { ExchangeAnswer } from '../../ups';
import type { Outcome, Runner, Work } from '../work';
import { notSentWord, openSealed, pairOf, retryAtOf, wordOf, type RunnerParts } from './parts';

/** After the claim: what provably did not leave may be tried again so long. The call itself ends by 20 s, the claim by 30. */
const TRY_FOR_MS = 9_000;
const PAUSE_MS = 300;

/**
 * A claim's 30 s each, and the first may be the one that sent the code: two minutes for a place to come back. Not longer, for
 * no new link can be made meanwhile, and a merchant who connects again loses nothing.
 */
const PATIENT_ATTEMPTS = 5;

const interrupted: Outcome = { output: { kind: 'interrupted', ups: null } };

export function makeExchange(parts: RunnerParts): Runner {
  return async (work) => {
    const { code } = work.inHand;
    const { consentId } = work.invocation.input as { consentId: string };
    if (code === undefined || work.claim.attempt > 1) {
      const mayWait = work.claim.attempt <= PATIENT_ATTEMPTS;
      const recalled = await parts.recall?.(work, { grantId: consentId, generation: 1, mayBeHeld: true, mayWait });
      if (recalled?.kind === 'answer') return recalled.outcome;
      const isNothing = recalled === undefined || recalled.kind === 'nothing';
      return isNothing || !mayWait ? interrupted : null;
    }
    const codeVerifier = verifierOf(parts, work, consentId);
    if (codeVerifier === null) return interrupted;
    const tryUntil = work.claimedMonotonic + TRY_FOR_MS;
    return outcomeOf(await exchange(parts, { code, codeVerifier }, tryUntil), consentId, parts.clock.now());
  };
}

function verifierOf(parts: RunnerParts, { document }: Work, consentId: string): string | null {
  const link = document.data.links.find((one) => one.consentId === consentId && one.outcome === null);
  if (!link || link.verifier === null) return null;
  return openSealed(parts, document, link.verifier, { field: 'verifier', grantId: consentId, generation: 0 });
}

/** Sent at most once: only a call of which nothing was written to a socket is made again. */
async function exchange(
  { client, clock, ...parts }: RunnerParts,
  request: { code: string; codeVerifier: string },
  tryUntil: number,
): Promise<ExchangeAnswer> {
  for (let pauseMs = PAUSE_MS; ; pauseMs *= 2) {
    const answer = await client.exchange(request);
    if (answer.kind !== 'not-sent' || answer.cause === 'closed') return answer;
    const askedMs = (retryAtOf(answer, clock.now()) ?? 0) - clock.now();
    const waitMs = Math.max(pauseMs, askedMs);
    if (clock.monotonic() + waitMs >= tryUntil) return answer;
    await parts.wait(waitMs);
  }
}

function outcomeOf(answer: ExchangeAnswer, consentId: string, at: number): Outcome {
  const output = (kind: Exclude<ExchangeOutput['kind'], 'tokens'>): Outcome => ({
    output: { kind, ups: answer.kind === 'not-sent' ? notSentWord(answer, at) : wordOf(answer.ups, at) },
  });
  switch (answer.kind) {
    case 'tokens': {
      const { facts, secrets } = pairOf(answer, { grantId: consentId, generation: 1, endsAt: answer.accessExpiresAt });
      return { output: { kind: 'tokens', tokens: facts, ups: wordOf(answer.ups, at) }, secrets };
    }
    case 'refused':
      return output(answer.reason === 'merchant-blocked' ? 'blocked' : 'rejected');
    case 'redirect-misconfigured':
    case 'our-client-refused':
      return output('unavailable');
    case 'later':
    case 'ambiguous':
    case 'not-sent':
      return output('interrupted');
  }
}
