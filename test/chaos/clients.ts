/** One client an account: it creates it, leads it through UPS, and keeps sending events, each until it is answered. */

import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { goThroughUps, makeBrowser } from '../support/merchantBrowser';
import { makeChance, type Chance } from '../simulation/random';
import { makeAsk, type Answered, type Ask } from './apiRequests';
import { RETURN, type Cast } from './system';
import type { Client, Notebook, Word } from './clientRecords';
import type { ChaosOptions } from './options';
import { PASSWORD } from './sandboxControl';

export interface Signals {
  /** No new events from here on; what was sent is asked again until it is answered. */
  over: AbortSignal;
  giveUp: AbortSignal;
}

export interface Hand {
  client: Client;
  ask: Ask;
  chance: Chance;
  notebook: Notebook;
  cast: Cast;
  signals: Signals;
}

const PAUSE_MAX_MS = 1_500;
const TRIP_MS = 30_000;
const words: readonly string[] = ['applied', 'duplicate', 'ignored', 'illegal'] satisfies Word[];

const ADDRESS = {
  addressLine: '1 Dock St',
  city: 'Timonium',
  stateProvinceCode: 'MD',
  postalCode: '21093',
  countryCode: 'US',
};

const numberOf = (n: number): string => `C${n.toString(36).toUpperCase().padStart(5, '0')}`;

/** One a client, its account not created yet. */
export function makeHands(cast: Cast, options: ChaosOptions, notebook: Notebook, signals: Signals): Hand[] {
  const ask = makeAsk(cast, notebook, signals.giveUp);
  return Array.from({ length: options.accounts }, (_, n) => {
    const who = { name: `Account ${n}`, accountNumber: numberOf(n), username: `merchant-${n}` };
    const client: Client = { ...who, accountId: null, uses: new Set(), tokens: new Set() };
    notebook.clients.push(client);
    return { client, ask, chance: makeChance(options.seed + n + 1), notebook, cast, signals };
  });
}

/** Resolves when every client has stopped, with every event answered or given up. */
export async function runClients(hands: readonly Hand[]): Promise<void> {
  await Promise.all(hands.map(live));
}

async function live(hand: Hand): Promise<void> {
  const { chance, signals } = hand;
  let state = await create(hand);
  while (!signals.over.aborted && state !== null) {
    state = await step(hand, state);
    await delay(chance.between(100, PAUSE_MAX_MS), undefined, { signal: signals.over }).catch(() => undefined);
  }
}

const stateIn = (answer: Answered | null): string | null => {
  const account = (answer?.body['account'] ?? answer?.body) as { state?: string } | undefined;
  return account?.state ?? null;
};

function expectStatus({ notebook }: Hand, what: string, answer: Answered | null, expected: number[]): void {
  if (answer && !expected.includes(answer.status))
    notebook.strange.push(`${what} was answered ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`);
}

export async function create(hand: Hand): Promise<string | null> {
  const { name, accountNumber, username } = hand.client;
  await hand.cast.ups.profile(username, accountNumber);
  const body = { name, accountNumber, address: ADDRESS, owner: 'shipper' };
  const answer = await hand.ask({ method: 'POST', path: '/accounts', body });
  expectStatus(hand, `creating ${name}`, answer, [200, 201]);
  if (answer === null || answer.status > 201) return null;
  hand.client.accountId = String(answer.body['id']);
  return stateIn(answer);
}

/** The state after it, or as it was where nothing was learned. */
async function step(hand: Hand, state: string): Promise<string | null> {
  switch (state) {
    case 'created':
    case 'disconnected':
      return connect(hand);
    case 'pending-authorization':
      return hand.chance.is(0.3) ? dispatch(hand, { type: 'CANCEL_AUTHORIZATION' }) : look(hand, state);
    case 'inactive':
      return dispatch(hand, { type: 'REACTIVATE' });
    default:
      return use(hand, state);
  }
}

/** What is done with an account that is connected; the rare things last. */
async function use(hand: Hand, state: string): Promise<string | null> {
  const draw = hand.chance.next();
  if (draw < 0.25) return dispatch(hand, { type: 'REFRESH' });
  if (draw < 0.4) return dispatch(hand, { type: 'VERIFY' });
  if (draw < 0.65) return note(hand, state);
  if (draw < 0.85) return takeToken(hand, state);
  if (draw < 0.9) return twice(hand, state);
  if (draw < 0.95) return connect(hand);
  if (draw < 0.975) return dispatch(hand, { type: 'DISCONNECT', note: 'chaos' }, true);
  return deactivate(hand);
}

export async function look({ ask, client }: Hand, state: string): Promise<string | null> {
  return stateIn(await ask({ method: 'GET', path: `/accounts/${client.accountId ?? ''}` })) ?? state;
}

async function send(
  hand: Hand,
  event: { type: string },
  eventId: string,
  asOperator = false,
): Promise<Answered | null> {
  const { client, notebook } = hand;
  const accountId = client.accountId ?? '';
  notebook.sent += 1;
  const body = { id: eventId, ...event };
  const answer = await hand.ask({ method: 'POST', path: `/accounts/${accountId}/events`, body, asOperator });
  const verdict = answer?.body['verdict'] as string | undefined;
  if (answer && verdict !== undefined && words.includes(verdict)) {
    const { tries, tookMs } = answer;
    notebook.told.push({ accountId, eventId, type: event.type, verdict: verdict as Word, tries, tookMs });
  } else expectStatus(hand, `${event.type} of ${client.name}`, answer, []);
  return answer;
}

export const dispatch = async (hand: Hand, event: { type: string; note?: string }, asOperator = false) =>
  stateIn(await send(hand, event, randomUUID(), asOperator));

/** Two requests of one event at the same time, as a client that timed out too early makes them. */
async function twice(hand: Hand, state: string): Promise<string | null> {
  const eventId = randomUUID();
  await Promise.all([send(hand, { type: 'REFRESH' }, eventId), send(hand, { type: 'REFRESH' }, eventId)]);
  return state;
}

async function deactivate(hand: Hand): Promise<string | null> {
  for (const use of hand.client.uses) await noteUse(hand, use, false);
  return dispatch(hand, { type: 'DEACTIVATE' });
}

async function note(hand: Hand, state: string): Promise<string | null> {
  const one = `store/st-${hand.chance.between(1, 6)}`;
  return (await noteUse(hand, one, !hand.client.uses.has(one))) ?? state;
}

async function noteUse(hand: Hand, one: string, isUsed: boolean): Promise<string | null> {
  const { client, ask, notebook } = hand;
  notebook.sent += 1;
  const path = `/accounts/${client.accountId ?? ''}/used-by/${one}`;
  const answer = await ask({ method: isUsed ? 'PUT' : 'DELETE', path });
  expectStatus(hand, `${isUsed ? 'USE' : 'UNUSE'} of ${client.name}`, answer, [200]);
  if (answer?.status !== 200) return null;
  if (isUsed) client.uses.add(one);
  else client.uses.delete(one);
  return stateIn(answer);
}

/** A token may not be had for minutes, and nothing is lost by not having asked. */
const takeToken = async (hand: Hand, state: string) => ((await holdsToken(hand, 3_000)) ? state : look(hand, state));

export async function holdsToken(hand: Hand, withinMs: number): Promise<boolean> {
  const { client, ask, notebook } = hand;
  notebook.tokensAsked += 1;
  const answer = await ask({ method: 'GET', path: `/accounts/${client.accountId ?? ''}/token`, withinMs });
  expectStatus(hand, `a token of ${client.name}`, answer, [200, 409]);
  if (answer?.status !== 200) return false;
  client.tokens.add(createHash('sha256').update(String(answer.body['accessToken'])).digest('hex'));
  return true;
}

/** Through UPS as a merchant. A trip that is broken off by what goes wrong is begun anew, by a new link. */
export async function connect(hand: Hand): Promise<string | null> {
  const { client, chance, signals } = hand;
  const answer = await send(hand, { type: 'AUTHORIZE', returnTo: `${RETURN}/back` } as { type: string }, randomUUID());
  const link = answer?.body['authorization'] as { connectUrl: string } | null | undefined;
  if (!link || chance.is(0.05)) return stateIn(answer);
  const login = { username: client.username, password: PASSWORD };
  const decision = chance.is(0.05) ? ('deny' as const) : ('allow' as const);
  const browser = makeBrowser({ signal: AbortSignal.any([signals.giveUp, AbortSignal.timeout(TRIP_MS)]) });
  await goThroughUps(link.connectUrl, login, { decision, returnTo: RETURN, browser }).catch(() => undefined);
  return look(hand, 'pending-authorization');
}
