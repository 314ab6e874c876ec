/** When all is mended: every merchant connects anew where need be, by nothing but what the service offers, and has a token. */

import { setTimeout as delay } from 'node:timers/promises';
import { connect, dispatch, holdsToken, look, type Hand } from './clients';

/** A refresh by force, and the answer to it. */
const TOKEN_MS = 10_000;
const PAUSE_MS = 1_000;

/** Until all have one or `giveUp`. Resolves with those that have none, and where they stand. */
export async function bringAllBack(hands: readonly Hand[], giveUp: AbortSignal): Promise<string[]> {
  const found = await Promise.all(hands.map((hand) => bringBack(hand, giveUp)));
  return found.filter((one) => one !== null);
}

async function bringBack(hand: Hand, giveUp: AbortSignal): Promise<string | null> {
  const { name, accountId } = hand.client;
  if (accountId === null) return `${name} was never created`;
  let state = 'unknown';
  while (!giveUp.aborted) {
    state = (await look(hand, state)) ?? state;
    if (state === 'connected' && (await holdsToken(hand, TOKEN_MS))) return null;
    await (state === 'inactive' ? dispatch(hand, { type: 'REACTIVATE' }) : connect(hand));
    await delay(PAUSE_MS, undefined, { signal: giveUp }).catch(() => undefined);
  }
  return `${name} (${accountId}) was ${state} and without a token`;
}
