/**
 * Before UPS is asked again for what it may have answered already (design.md, invariant 3): is the answer in the second
 * place, or does somebody else hold it?
 *
 * A disk is one host's. After an outage of the store the process that holds an answer and the one that would ask again see
 * the store come back at the same moment, so whoever would ask again waits a little first, for it can be undone by nobody.
 */

import type { AccountDocument } from '../../db/accounts';
import { NotFound, StoreUnavailable } from '../../durable/errors';
import { isLeftAlone, type Outcome, type Work } from '../work';
import type { Lookup, Spool } from './spool';

export type Recalled =
  | { kind: 'answer'; outcome: Outcome }
  /** Not now, or not by this attempt. */
  | { kind: 'wait' }
  /** Nobody has it. */
  | { kind: 'nothing' };

/** `mayBeHeld`: nothing tells that the earlier request came to no answer. */
export type Recall = (
  work: Work,
  about: { grantId: string; generation: number; mayBeHeld: boolean },
) => Promise<Recalled>;

export interface RecallParts {
  spool: Pick<Spool, 'find'>;
  load: (id: string) => Promise<AccountDocument>;
  wait: (ms: number) => Promise<void>;
}

/** More than a holder's pause between tries, less than a send may wait for after its claim (5 s). */
const HOLDERS_FIRST_MS = 3_000;

function recalledFrom(found: Lookup): Recalled | null {
  switch (found.kind) {
    case 'answer': {
      const { output, secrets, eventId } = found.answer;
      return { kind: 'answer', outcome: { output, secrets, eventId } };
    }
    case 'sealed':
      return { kind: 'wait' };
    case 'nothing':
      return null;
  }
}

export function makeRecall({ spool, load, wait }: RecallParts): Recall {
  /** The newest truth: whoever stored the answer has ended this attempt. */
  async function isOurs({ document, invocation, claim }: Work): Promise<boolean> {
    try {
      const { invocations } = await load(document.id);
      return invocations.some((one) => one.key === invocation.key && one.claim?.attempt === claim.attempt);
    } catch (error) {
      if (error instanceof StoreUnavailable || error instanceof NotFound || isLeftAlone(error)) return false;
      throw error;
    }
  }

  return async (work, { grantId, generation, mayBeHeld }) => {
    const look = async () => recalledFrom(await spool.find({ accountId: work.document.id, grantId, generation }));
    const first = await look();
    if (first || !mayBeHeld) return first ?? { kind: 'nothing' };
    await wait(HOLDERS_FIRST_MS);
    const second = await look();
    if (second) return second;
    return { kind: (await isOurs(work)) ? 'nothing' : 'wait' };
  };
}
