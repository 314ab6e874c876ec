/**
 * The journal of sends: a refresh token is not gambled (design.md, invariant 3).
 * Every send is written down by the claim that makes it, in the same write, before it is sent.
 */

import type { AccountData, Send, Slot } from './data';

export interface RefreshTimes {
  /** After the claim: the latest instant the request may be written to the socket. */
  sendByMs: number;
  /** After the claim: until then an answer may come, and nothing else may be sent. The HTTP call ends well before. */
  settleMs: number;
}

/** How many lost answers of one generation are kept by their times; more are not needed to know there was one. */
const SENDS_KEPT = 8;

/** The latest instant until which an answer of this generation may still come; 0 when none may. */
export const unsettledUntil = (slot: Slot | null): number =>
  Math.max(0, ...(slot?.sends ?? []).map((send) => send.settleBy));

/**
 * Sends whose answer never came, other than the one in hand: an end on record, or a crash that left none.
 * A send with no end whose claim was superseded is one too: its process died with the answer.
 */
export const lostAnswers = (slot: Slot | null, inHand: string | null): number =>
  (slot?.sends ?? []).filter((send) => send.id !== inHand).length;

/** Sends other than the one in hand whose answer may have come to somebody. */
export const maybeAnswered = (slot: Slot, inHand: string): Send[] =>
  slot.sends.filter(({ id, end }) => id !== inHand && end !== 'ambiguous');

/** The journal with one more send, or why there can be none now. */
export function journalSend(
  data: AccountData,
  about: { id: string; at: number },
  times: RefreshTimes,
): { data: AccountData; until: number } | string {
  const slot = data.current;
  if (slot === null) return 'no-grant';
  if (unsettledUntil(slot) > about.at) return 'send-unsettled';
  const send: Send = {
    ...about,
    sendBy: about.at + times.sendByMs,
    settleBy: about.at + times.settleMs,
    end: null,
    recovery: slot.sends.length > 0,
  };
  const earlier = slot.sends.map((one) => (one.end === 'ambiguous' ? one : { soughtAt: about.at, ...one }));
  const sends = [...earlier.slice(1 - SENDS_KEPT), send];
  return { data: { ...data, current: { ...slot, sends } }, until: send.settleBy };
}
