/**
 * Rotates a refresh token: the one request nobody can take back (design.md, invariant 3).
 *
 * No read of the store comes before the send. The claim's own commit is the latest truth there can be: it succeeded
 * under `rev`, so at that moment no other pair and no unsettled send was in the document, and the journal entry it wrote
 * keeps every other process from sending until `settleBy`. `sendBy` bounds how old that truth is when the socket is written.
 * A recovery send alone looks again, in the second place and in the store: an earlier answer may be on its way there.
 */

import type { AccountDocument } from '../../db/accounts';
import type { AccountContext, RefreshOutput } from '../../machines/context';
import type { Send, Slot } from '../../machines/data';
import { lostAnswers, maybeAnswered } from '../../machines/journal';
import { waveCodeOf } from '../../machines/refusal';
import type { RefreshAnswer } from '../../ups';
import type { Sought } from '../spool';
import type { Outcome, Runner, Work } from '../work';
import { notSentWord, openSealed, pairOf, retryAtOf, wordOf, type RunnerParts } from './parts';

const later = (retryAt: number | null = null): Outcome => ({ output: { kind: 'later', retryAt, ups: null } });

export function makeRefresh(parts: RunnerParts): Runner {
  return async (work) => {
    const { slot, send } = journalled(work);
    const { grantId, generation } = slot;
    const refreshToken = openSealed(parts, work.document, slot.refresh, { field: 'refresh', grantId, generation });
    if (refreshToken === null) return later();
    if (send.recovery) {
      const recalled = await parts.recall?.(work, soughtFor(slot, send, parts.clock.now()));
      if (recalled?.kind === 'answer') return recalled.outcome;
      const isNothing = recalled === undefined || recalled.kind === 'nothing';
      if (!isNothing || !(await isUpsWell(parts, work.document, slot))) return later();
    }
    const sendBy = work.claimedMonotonic + (send.sendBy - send.at);
    const answer = await parts.client.refresh({ refreshToken, sendBy });
    const outcome = outcomeOf(answer, slot, parts.clock.now());
    const isExplained = lostAnswers(slot, send.id) > 0;
    await tellWaves(parts, work.document, outcome.output as RefreshOutput, isExplained);
    return outcome;
  };
}

/** After the first look for an answer: so long UPS is not asked again while a place that may have it cannot be asked. */
const PATIENCE_MS = 600_000;

/** Of a send that is known to have brought no answer, none lies anywhere: nobody waits for that. */
function soughtFor(slot: Slot, send: Send, at: number): Sought {
  const { grantId, generation } = slot;
  const sought = maybeAnswered(slot, send.id);
  return {
    grantId,
    generation: generation + 1,
    mayBeHeld: sought.some(({ end }) => end === null),
    mayWait: sought.some(({ soughtAt = at }) => at < soughtAt + PATIENCE_MS),
  };
}

/**
 * Others may have been refused with the same code; a pair in hand waits for nobody. A token that died of age, or whose
 * answer was lost before, says nothing of UPS.
 */
async function tellWaves(
  { waves, clock }: RunnerParts,
  document: AccountDocument,
  output: RefreshOutput,
  isExplained: boolean,
): Promise<void> {
  const { refusal, current } = document.snapshot.context as AccountContext;
  if (output.kind === 'tokens') void waves?.answered(document.id, refusal?.code ?? null, current?.issuedAt ?? 0);
  const isRefused = output.kind === 'refused' || output.kind === 'blocked';
  if (isRefused && clock.now() < (current?.refreshExpiresAt ?? 0))
    await waves?.refused(document.id, waveCodeOf(output), isExplained);
}

/** The send that this attempt may make, as its claim wrote it down. Without one nothing is sent, ever. */
function journalled({ document, invocation, claim }: Work): { slot: Slot; send: Send } {
  const slot = document.data.current;
  const send = slot?.sends.find(({ id }) => id === `${invocation.key}#${claim.attempt}`);
  if (!slot || !send) throw new UnjournalledSend('a refresh was about to be sent that its claim did not write down');
  return { slot, send };
}

class UnjournalledSend extends Error {}

/**
 * Before a recovery UPS must be well: a second lost answer would teach nothing and may cost the grant. When a circuit is
 * half-open somebody has to try, or accounts that all wait for a recovery would wait for ever: the rating probe risks nothing.
 */
async function isUpsWell(parts: RunnerParts, document: AccountDocument, slot: Slot): Promise<boolean> {
  if (parts.gate.state().ups.state === 'half-open') {
    const { grantId, generation } = slot;
    const { accountNumber, address } = document.data.settings;
    const accessToken = openSealed(parts, document, slot.access, { field: 'access', grantId, generation });
    if (accessToken === null) return false;
    await parts.client.probe({ accessToken, accountNumber, address, until: parts.clock.monotonic() });
  }
  return parts.gate.state().ups.state === 'closed';
}

function outcomeOf(answer: RefreshAnswer, slot: Slot, at: number): Outcome {
  const output = (told: RefreshOutput): Outcome => ({ output: told });
  const ups = wordOf(answer.ups, at);
  switch (answer.kind) {
    case 'tokens': {
      // A kept refresh token moves to the next generation with an empty journal: UPS answered, so the token is unspent.
      const next = { grantId: slot.grantId, generation: slot.generation + 1, endsAt: slot.refreshExpiresAt };
      const { facts, secrets } = pairOf(answer, next);
      const kept = answer.refreshTokenKept ? { refreshTokenKept: true as const } : {};
      return { output: { kind: 'tokens', tokens: facts, ups, ...kept }, secrets };
    }
    case 'refused':
      return output({ kind: answer.reason === 'merchant-blocked' ? 'blocked' : 'refused', ups });
    case 'our-client-refused':
      return output({ kind: 'later', retryAt: null, ups });
    case 'ambiguous':
      return output({ kind: 'ambiguous', ups });
    case 'later':
      // A 400 that UPS's files do not explain may have spent the token: the send stays on record.
      if (answer.spent === 'unknown') return output({ kind: 'ambiguous', ups });
      return output({ kind: 'later', retryAt: retryAtOf(answer, at), ups });
    case 'not-sent':
      return output({ kind: 'later', retryAt: retryAtOf(answer, at), ups: notSentWord(answer, at) });
  }
}
