/** One client per account: creates it, takes it through UPS, and sends events, repeating each until it is answered. */

import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { goThroughUps, makeBrowser } from '../support/merchantBrowser';
import { makeRandom, type Random } from '../simulation/random';
import { makeAsk, type ApiAnswer, type Ask } from './apiRequests';
import { RETURN, type TestSystem } from './system';
import type { Client, ClientRecords, Verdict } from './clientRecords';
import type { ChaosOptions } from './options';
import { PASSWORD } from './sandboxControl';

export interface Signals {
  /** When it aborts, clients send no new events, but still repeat what they sent. */
  over: AbortSignal;
  giveUp: AbortSignal;
}

export interface ClientSession {
  client: Client;
  ask: Ask;
  random: Random;
  records: ClientRecords;
  system: TestSystem;
  signals: Signals;
}

const PAUSE_MAX_MS = 1_500;
const TRIP_MS = 30_000;
const verdicts: readonly string[] = ['applied', 'duplicate', 'ignored', 'illegal'] satisfies Verdict[];

const ADDRESS = {
  addressLine: '1 Dock St',
  city: 'Timonium',
  stateProvinceCode: 'MD',
  postalCode: '21093',
  countryCode: 'US',
};

const numberOf = (n: number): string => `C${n.toString(36).toUpperCase().padStart(5, '0')}`;

/** One session per client; the account is not created yet. */
export function makeClientSessions(
  system: TestSystem,
  options: ChaosOptions,
  records: ClientRecords,
  signals: Signals,
): ClientSession[] {
  const ask = makeAsk(system, records, signals.giveUp);
  return Array.from({ length: options.accounts }, (_, n) => {
    const who = { name: `Account ${n}`, accountNumber: numberOf(n), username: `merchant-${n}` };
    const client: Client = { ...who, accountId: null, uses: new Set(), tokens: new Set() };
    records.clients.push(client);
    return { client, ask, random: makeRandom(options.seed + n + 1), records, system, signals };
  });
}

/** Resolves when every client has stopped: each event is answered or given up. */
export async function runClients(sessions: readonly ClientSession[]): Promise<void> {
  await Promise.all(sessions.map(runClient));
}

async function runClient(session: ClientSession): Promise<void> {
  const { random, signals } = session;
  let state = await create(session);
  while (!signals.over.aborted && state !== null) {
    state = await step(session, state);
    await delay(random.between(100, PAUSE_MAX_MS), undefined, { signal: signals.over }).catch(() => undefined);
  }
}

const stateIn = (answer: ApiAnswer | null): string | null => {
  const account = (answer?.body['account'] ?? answer?.body) as { state?: string } | undefined;
  return account?.state ?? null;
};

function expectStatus({ records }: ClientSession, what: string, answer: ApiAnswer | null, expected: number[]): void {
  if (answer && !expected.includes(answer.status))
    records.unexplained.push(`${what} was answered ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`);
}

export async function create(session: ClientSession): Promise<string | null> {
  const { name, accountNumber, username } = session.client;
  await session.system.ups.profile(username, accountNumber);
  const body = { name, accountNumber, address: ADDRESS, owner: 'shipper' };
  const answer = await session.ask({ method: 'POST', path: '/accounts', body });
  expectStatus(session, `creating ${name}`, answer, [200, 201]);
  if (answer === null || answer.status > 201) return null;
  session.client.accountId = String(answer.body['id']);
  return stateIn(answer);
}

/** Returns the account's state afterwards, or `state` if the answer did not tell it. */
async function step(session: ClientSession, state: string): Promise<string | null> {
  switch (state) {
    case 'created':
    case 'disconnected':
      return connect(session);
    case 'pending-authorization':
      return session.random.is(0.3) ? dispatch(session, { type: 'CANCEL_AUTHORIZATION' }) : look(session, state);
    case 'inactive':
      return dispatch(session, { type: 'REACTIVATE' });
    default:
      return use(session, state);
  }
}

/** One random action on a connected account; rare ones last. */
async function use(session: ClientSession, state: string): Promise<string | null> {
  const draw = session.random.next();
  if (draw < 0.25) return dispatch(session, { type: 'REFRESH' });
  if (draw < 0.4) return dispatch(session, { type: 'VERIFY' });
  if (draw < 0.65) return toggleUse(session, state);
  if (draw < 0.85) return takeToken(session, state);
  if (draw < 0.9) return sendTwice(session, state);
  if (draw < 0.95) return connect(session);
  if (draw < 0.975) return dispatch(session, { type: 'DISCONNECT', note: 'chaos' }, true);
  return deactivate(session);
}

export async function look({ ask, client }: ClientSession, state: string): Promise<string | null> {
  return stateIn(await ask({ method: 'GET', path: `/accounts/${client.accountId ?? ''}` })) ?? state;
}

async function send(
  session: ClientSession,
  event: { type: string },
  eventId: string,
  asOperator = false,
): Promise<ApiAnswer | null> {
  const { client, records } = session;
  const accountId = client.accountId ?? '';
  records.sent += 1;
  const body = { id: eventId, ...event };
  const answer = await session.ask({ method: 'POST', path: `/accounts/${accountId}/events`, body, asOperator });
  const verdict = answer?.body['verdict'] as string | undefined;
  if (answer && verdict !== undefined && verdicts.includes(verdict)) {
    const { tries, tookMs } = answer;
    records.told.push({ accountId, eventId, type: event.type, verdict: verdict as Verdict, tries, tookMs });
  } else expectStatus(session, `${event.type} of ${client.name}`, answer, []);
  return answer;
}

export const dispatch = async (session: ClientSession, event: { type: string; note?: string }, asOperator = false) =>
  stateIn(await send(session, event, randomUUID(), asOperator));

/** Sends one event twice at the same time, like a client that timed out too early. */
async function sendTwice(session: ClientSession, state: string): Promise<string | null> {
  const eventId = randomUUID();
  await Promise.all([send(session, { type: 'REFRESH' }, eventId), send(session, { type: 'REFRESH' }, eventId)]);
  return state;
}

async function deactivate(session: ClientSession): Promise<string | null> {
  for (const use of session.client.uses) await setUse(session, use, false);
  return dispatch(session, { type: 'DEACTIVATE' });
}

async function toggleUse(session: ClientSession, state: string): Promise<string | null> {
  const one = `store/st-${session.random.between(1, 6)}`;
  return (await setUse(session, one, !session.client.uses.has(one))) ?? state;
}

async function setUse(session: ClientSession, one: string, isUsed: boolean): Promise<string | null> {
  const { client, ask, records } = session;
  records.sent += 1;
  const path = `/accounts/${client.accountId ?? ''}/used-by/${one}`;
  const answer = await ask({ method: isUsed ? 'PUT' : 'DELETE', path });
  expectStatus(session, `${isUsed ? 'USE' : 'UNUSE'} of ${client.name}`, answer, [200]);
  if (answer?.status !== 200) return null;
  if (isUsed) client.uses.add(one);
  else client.uses.delete(one);
  return stateIn(answer);
}

/** A token may be unavailable for minutes, so the request is not repeated for long. */
const takeToken = async (session: ClientSession, state: string) =>
  (await holdsToken(session, 3_000)) ? state : look(session, state);

export async function holdsToken(session: ClientSession, withinMs: number): Promise<boolean> {
  const { client, ask, records } = session;
  records.tokensAsked += 1;
  const answer = await ask({ method: 'GET', path: `/accounts/${client.accountId ?? ''}/token`, withinMs });
  expectStatus(session, `a token of ${client.name}`, answer, [200, 409]);
  if (answer?.status !== 200) return false;
  client.tokens.add(createHash('sha256').update(String(answer.body['accessToken'])).digest('hex'));
  return true;
}

/** Goes through UPS as the merchant. If a fault interrupts the trip, the next step begins another one with a new link. */
export async function connect(session: ClientSession): Promise<string | null> {
  const { client, random, signals } = session;
  const answer = await send(
    session,
    { type: 'AUTHORIZE', returnTo: `${RETURN}/back` } as { type: string },
    randomUUID(),
  );
  const link = answer?.body['authorization'] as { connectUrl: string } | null | undefined;
  if (!link || random.is(0.05)) return stateIn(answer);
  const login = { username: client.username, password: PASSWORD };
  const decision = random.is(0.05) ? ('deny' as const) : ('allow' as const);
  const browser = makeBrowser({ signal: AbortSignal.any([signals.giveUp, AbortSignal.timeout(TRIP_MS)]) });
  await goThroughUps(link.connectUrl, login, { decision, returnTo: RETURN, browser }).catch(() => undefined);
  return look(session, 'pending-authorization');
}
