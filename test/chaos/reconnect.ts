/** After the faults: every merchant reconnects where needed, through the API only, and must get a token. */

import { setTimeout as delay } from 'node:timers/promises';
import { connect, dispatch, holdsToken, look, type ClientSession } from './clients';

/** Long enough for a refresh that the token request starts. */
const TOKEN_MS = 10_000;
const PAUSE_MS = 1_000;

/** Tries until every account has a token or `giveUp` aborts. Resolves to the accounts without one, with their state. */
export async function reconnectAll(sessions: readonly ClientSession[], giveUp: AbortSignal): Promise<string[]> {
  const found = await Promise.all(sessions.map((session) => reconnect(session, giveUp)));
  return found.filter((one) => one !== null);
}

async function reconnect(session: ClientSession, giveUp: AbortSignal): Promise<string | null> {
  const { name, accountId } = session.client;
  if (accountId === null) return `${name} was never created`;
  let state = 'unknown';
  while (!giveUp.aborted) {
    state = (await look(session, state)) ?? state;
    if (state === 'connected' && (await holdsToken(session, TOKEN_MS))) return null;
    await (state === 'inactive' ? dispatch(session, { type: 'REACTIVATE' }) : connect(session));
    await delay(PAUSE_MS, undefined, { signal: giveUp }).catch(() => undefined);
  }
  return `${name} (${accountId}) was ${state} and without a token`;
}
