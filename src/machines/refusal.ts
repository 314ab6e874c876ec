/**
 * What UPS's no to a refresh is worth. One account hears it when its merchant has gone, and many when UPS is wrong: it is
 * believed at once where that costs nothing, and else when UPS has been right for a while.
 */

import { MINUTE_MS } from '../durations';
import type { AccountContext, Refusal, WaveState } from './context';
import type { UpsAnswer } from './data';

/** What a refusal is counted under: UPS's code, or our word for an answer without one. */
export const waveCodeOf = ({ kind, ups }: { kind: string; ups: UpsAnswer | null }): string => ups?.code ?? kind;

/** So long a no is doubted that would cost an account its last token: others may hear the same. */
const DOUBT_MS = 5_000;

/** UPS says it again although it gave others a pair: it may be coming back by halves, and be whole again by then. */
const SECOND_DOUBT_MS = 5 * MINUTE_MS;

const HELD_LOOK_MS = MINUTE_MS;
const HELD_LOOK_MAX_MS = 30 * MINUTE_MS;

/** UPS said no again: after it had said so to all, or after that was doubted. */
export const isDoubtedAgain = ({ looks, noes }: Refusal): boolean => noes > (looks > 0 ? 0 : 1);

/** A wave is looked at seldom: fewer writes than the refreshes that do not take place. */
export function heldLookMs({ facts, refusal }: AccountContext): number {
  if (refusal !== null && isDoubtedAgain(refusal)) return SECOND_DOUBT_MS;
  const looks = refusal?.looks ?? 0;
  if (looks === 0) return DOUBT_MS;
  const backoffMs = Math.min(HELD_LOOK_MAX_MS, HELD_LOOK_MS * 2 ** Math.min(looks - 1, 10));
  return Math.round(backoffMs * (0.75 + 0.5 * facts.jitter));
}

/** So many noes are believed for good, even where a wave was wrong once. */
const NOES = 3;

/** Of age: what UPS says of it tells nothing, and no other try can help. */
export const isDeadOfAge = ({ at, current }: AccountContext): boolean =>
  current !== null && at >= current.refreshExpiresAt;

/** While UPS may be coming back by halves the last no is not counted: it is asked once more when it has been right. */
export const noesAfter = (context: AccountContext, code: string): number => {
  const wave = context.facts.waves[code];
  if (wave === 'held') return 0;
  const noes = (context.refusal?.noes ?? 0) + 1;
  return wave === 'released' ? Math.min(noes, NOES - 1) : noes;
};

/** Nothing is served any more: what is believed now costs the account its life. Doubted, but not for ever. */
export function isLastHope({ at, current, refusal }: AccountContext): boolean {
  if (current === null || current.accessExpiresAt > at + DOUBT_MS) return false;
  return refusal === null || refusal.noes < NOES - 1;
}

export const waveOf = ({ facts, refusal }: AccountContext): WaveState | null =>
  (refusal !== null && facts.waves[refusal.code]) || null;

/** Others hear this no too; or heard it a moment ago, and UPS may be coming back by halves. */
export const isOfMany = ({ facts }: AccountContext, code: string): boolean =>
  facts.waves[code] === 'held' || facts.waves[code] === 'released';

/**
 * UPS was wrong about others, or the wave the account was part of is forgotten before it heard how that ended. What UPS
 * still says when it has been right for a while is believed.
 */
export function isWorthAnotherTry(context: AccountContext): boolean {
  const { refusal } = context;
  const wave = waveOf(context);
  if (isDeadOfAge(context)) return false;
  if (wave === 'released') return true;
  if (refusal === null || refusal.noes >= NOES) return false;
  return wave === 'settled' || (wave === null && refusal.looks > 0);
}
