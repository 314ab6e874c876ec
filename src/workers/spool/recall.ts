/**
 * Before UPS is asked again for what it may have answered already (design.md, invariant 3): is the answer in the second
 * place, or does somebody else hold it?
 *
 * A disk is one host's. After an outage of the store the process that holds an answer and the one that would ask again see
 * the store come back at the same moment, so whoever would ask again waits a little first, for it can be undone by nobody.
 *
 * A place that does not answer, or has what cannot be read, may hold what is looked for. Whoever would ask UPS again comes later then, as long as it has
 * the patience; how long that is, is counted in the account's document, so that no restart begins it anew.
 */

import type { AccountDocument } from '../../db/accounts';
import { NotFound, StoreUnavailable } from '../../durable/errors';
import type { Clock } from '../../durable/types';
import { isLeftAlone, type Outcome, type Work, type WorkLog } from '../work';
import type { Lookup, Spool } from './spool';

export type Recalled =
  | { kind: 'answer'; outcome: Outcome }
  /** Not now, or not by this attempt. */
  | { kind: 'wait' }
  /** A place could not be asked, or not all it has be read: it is to be asked again before UPS is. */
  | { kind: 'unasked' }
  /** Nobody has it. */
  | { kind: 'nothing' };

export interface Sought {
  grantId: string;
  generation: number;
  /** Nothing tells that the earlier request came to no answer. */
  mayBeHeld: boolean;
  /** There is time to come again when a place cannot be asked. */
  mayWait: boolean;
}

export type Recall = (work: Work, about: Sought) => Promise<Recalled>;

export interface RecallParts {
  spool: Pick<Spool, 'find'>;
  load: (id: string) => Promise<AccountDocument>;
  wait: (ms: number) => Promise<void>;
  clock: Clock;
  log: WorkLog;
}

/**
 * From the first look on: more than a holder's pause between tries and, with a second look that is not answered in time, less
 * than a send may wait for after its claim (5 s).
 */
const HOLDERS_FIRST_MS = 3_000;

function recalledFrom(found: Lookup, mayWait: boolean): Recalled | null {
  switch (found.kind) {
    case 'answer': {
      const { output, secrets, eventId } = found.answer;
      return { kind: 'answer', outcome: { output, secrets, eventId } };
    }
    case 'sealed':
      return { kind: 'wait' };
    case 'unasked':
      return mayWait ? { kind: 'unasked' } : null;
    case 'nothing':
      return null;
  }
}

export function makeRecall({ spool, load, wait, clock, log }: RecallParts): Recall {
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

  function tellUnasked({ document, invocation }: Work, mayWait: boolean): void {
    const what = { accountId: document.id, key: invocation.key };
    if (mayWait)
      log.warn(
        what,
        'A place that may hold an answer of UPS cannot be asked or read; it is asked again before UPS is.',
      );
    else
      log.error(what, 'A place that may hold an answer of UPS cannot be asked or read, and is waited for no longer.');
  }

  return async (work, { grantId, generation, mayBeHeld, mayWait }) => {
    const look = async () => {
      const found = await spool.find({ accountId: work.document.id, grantId, generation });
      if (found.kind === 'unasked' && (mayWait || mayBeHeld)) tellUnasked(work, mayWait);
      return recalledFrom(found, mayWait);
    };
    const since = clock.monotonic();
    const first = await look();
    if (first || !mayBeHeld) return first ?? { kind: 'nothing' };
    await wait(Math.max(0, HOLDERS_FIRST_MS - (clock.monotonic() - since)));
    const second = await look();
    if (second) return second;
    return { kind: (await isOurs(work)) ? 'nothing' : 'wait' };
  };
}
