/**
 * What known keys and live links get while clients that are slow, or have no key, take all they can: the same questions are
 * asked before and during each attack, and only the ratios mean something.
 */

import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { sha256 } from '../src/hash';
import { linkCookieName } from '../src/linkCookies';
import { makeBrowser } from '../test/support/merchantBrowser';
import { makeSlowClients } from '../test/support/slowClients';
import { ADDRESS, RETURN_ORIGIN, type System } from './processes';
import { percentile } from './measure';

const PHASE_MS = 4_000;
/** At most: until every client of an attack is under way. Connections wait to be accepted behind those that are busy. */
const SETTLING_MS = 20_000;
/** Of the questions that count: so many at once. */
const LANES = { token: 4, callback: 1, page: 1 } as const;
type Question = keyof typeof LANES;
const EXPECTED: Record<Question, number> = { token: 200, callback: 303, page: 200 };

const say = (text: string) => void process.stdout.write(`${text}\n`);
const madeUp = (): string => randomBytes(32).toString('base64url').slice(0, 43);

export interface Target {
  system: System;
  /** Platform keys, and accounts whose tokens are asked for. */
  keys: readonly string[];
  ids: readonly string[];
}

interface Asked {
  url: string;
  headers: Record<string, string>;
}

const posted = (body: object, key: string) => ({
  method: 'POST' as const,
  body: JSON.stringify(body),
  headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
});

/** A link nobody has followed yet, and a way back from UPS that was taken: a second visit hears the same outcome. */
async function liveLinks({ apiUrl, sandboxUrl, key }: System): Promise<Record<'callback' | 'page', Asked>> {
  const login = { username: 'live', password: 'live-password' };
  const profile = { ...login, accounts: [{ accountNumber: 'L1V2E3' }] };
  await request(`${sandboxUrl}/sandbox/profiles`, posted(profile, key));
  const linkOf = async (name: string): Promise<string> => {
    const account = { name, accountNumber: 'L1V2E3', owner: 'shipper', address: ADDRESS };
    const { id } = (await (await request(`${apiUrl}/v1/accounts`, posted(account, key))).body.json()) as { id: string };
    const wish = posted({ returnTo: `${RETURN_ORIGIN}/` }, key);
    const { body } = await request(`${apiUrl}/v1/accounts/${id}/authorization`, wish);
    return ((await body.json()) as { connectUrl: string }).connectUrl;
  };
  const browser = makeBrowser();
  const atLogin = await browser.submit(await browser.open(await linkOf('Live, followed')), {});
  const atConsent = await browser.submit(atLogin, login);
  const { url } = await browser.submit(atConsent, { decision: 'allow' }, (to) => to.includes('/oauth/callback'));
  const cookie = [...browser.cookies(url)].map(([name, value]) => `${name}=${value}`).join('; ');
  return { callback: { url, headers: { cookie } }, page: { url: await linkOf('Live, not followed'), headers: {} } };
}

type Answers = Record<Question, { asked: number; answered: number; times: number[] }>;

/** Platforms keep their connections: these are older than every attack. */
const dispatcher = new Agent({ pipelining: 1, keepAliveTimeout: 600_000 });

/** Asks for `forMs`, one after another in each lane. */
async function ask(next: (question: Question, turn: number) => Asked, forMs: number): Promise<Answers> {
  const answers: Answers = { token: none(), callback: none(), page: none() };
  const until = performance.now() + forMs;
  const lane = async (question: Question, first: number): Promise<void> => {
    const seen = answers[question];
    for (let turn = first; performance.now() < until; turn += 10) {
      const { url, headers } = next(question, turn);
      const began = performance.now();
      seen.asked += 1;
      const status = await request(url, { dispatcher, headers }).then(
        async ({ statusCode, body }) => {
          await body.dump();
          return statusCode;
        },
        () => 0,
      );
      if (status !== EXPECTED[question]) continue;
      seen.answered += 1;
      seen.times.push(performance.now() - began);
    }
  };
  const lanes = Object.entries(LANES).flatMap(([question, count]) =>
    Array.from({ length: count }, (_, n) => lane(question as Question, n)),
  );
  await Promise.all(lanes);
  return answers;
}

const none = () => ({ asked: 0, answered: 0, times: [] as number[] });

/** `underWay`: every client has begun. */
type Attack = (target: Target) => { underWay: Promise<unknown>; end: () => Promise<void> };

/** Slow clients are as many as before as soon as one of them is sent away. */
const slowly =
  (count: number, requestOf: (target: Target) => Parameters<ReturnType<typeof makeSlowClients>['start']>[0]): Attack =>
  (target) => {
    const slow = makeSlowClients(target.system.apiUrl);
    let clients = slow.startMany(count, () => requestOf(target));
    const again = setInterval(() => {
      clients = clients.map((client) => (client.isClosed() ? slow.start(requestOf(target)) : client));
    }, 250);
    const end = async (): Promise<void> => {
      clearInterval(again);
      slow.leave();
    };
    return { underWay: delay(1_000), end };
  };

/** So many clients ask as fast as they are answered. */
const flood =
  (count: number, next: (target: Target) => Asked): Attack =>
  (target) => {
    const own = new Agent({ connections: count, pipelining: 1 });
    let goesOn = true;
    const one = async (): Promise<void> => {
      const { url, headers } = next(target);
      await request(url, { dispatcher: own, headers }).then(
        ({ body }) => body.dump(),
        () => undefined,
      );
    };
    const lane = async (): Promise<void> => {
      while (goesOn) await one();
    };
    const firsts = Array.from({ length: count }, one);
    const lanes = firsts.map((first) => first.then(lane));
    const end = async (): Promise<void> => {
      goesOn = false;
      await own.destroy();
      await Promise.all(lanes);
    };
    return { underWay: Promise.all(firsts), end };
  };

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const form = (url: string) => ({ 'Content-Type': 'application/x-www-form-urlencoded', Origin: url });

const attacks: Record<string, Attack> = {
  '110 sign-ins slow to send their form': slowly(110, ({ system }) => ({
    path: '/sign-in',
    headers: form(system.apiUrl),
    begin: 'key=',
  })),
  '110 files sent slowly by one key': slowly(110, ({ system }) => ({
    path: '/v1/access-keys/import',
    headers: { 'Content-Type': 'text/csv', Authorization: `Bearer ${system.operatorKey}` },
    begin: 'name,',
  })),
  '200 bodies sent slowly by one key': slowly(200, ({ system }) => ({
    path: '/v1/accounts',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${system.key}` },
    begin: '{',
  })),
  '250 at once with made-up keys': flood(250, ({ system, ids }) => ({
    url: `${system.apiUrl}/v1/accounts/${ids[0]}/token`,
    headers: bearer(`upl_p_${madeUp()}`),
  })),
  '250 at once with made-up links and ways back': flood(250, ({ system: { apiUrl } }) => {
    const state = `acc_${'a'.repeat(26)}.${madeUp()}`;
    if (Math.random() < 0.5) return { url: `${apiUrl}/connect/${state}`, headers: {} };
    return {
      url: `${apiUrl}/oauth/callback?code=c&state=${state}`,
      headers: { cookie: `${linkCookieName(sha256(state), apiUrl)}=${madeUp()}.abc` },
    };
  }),
  '200 lists at once by one key': flood(200, ({ system }) => ({
    url: `${system.apiUrl}/v1/accounts?limit=5`,
    headers: bearer(system.key),
  })),
};

function tell(name: string, answers: Answers, before: Answers | null): void {
  const parts = Object.entries(answers).map(([question, { asked, answered, times }]) => {
    const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
    const calm = before?.[question as Question].times;
    const ratio = (at: number, now: number) =>
      calm === undefined ? '' : ` (${(now / Math.max(1, percentile(calm, at))).toFixed(1)} times)`;
    const share = ((100 * answered) / Math.max(1, asked)).toFixed(1);
    return `${question} ${share} % of ${asked}, p50 ${p50.toFixed(0)} ms${ratio(0.5, p50)}, p99 ${p99.toFixed(0)} ms${ratio(0.99, p99)}`;
  });
  say(`${name}\n  ${parts.join('\n  ')}`);
}

/** Prints, for each attack, what the same questions got without and with it. */
export async function benchAttacks(target: Target): Promise<void> {
  const { system, keys, ids } = target;
  const links = await liveLinks(system);
  const next = (question: Question, turn: number): Asked => {
    if (question !== 'token') return links[question];
    const id = ids[turn % ids.length] ?? '';
    return { url: `${system.apiUrl}/v1/accounts/${id}/token`, headers: bearer(keys[turn % keys.length] ?? '') };
  };
  // The first visit takes the callback; those that count hear the same outcome.
  await ask(next, PHASE_MS / 5);
  const before = await ask(next, PHASE_MS);
  tell('no attack', before, null);
  for (const [name, attack] of Object.entries(attacks)) {
    const { underWay, end } = attack(target);
    await Promise.race([underWay, delay(SETTLING_MS)]);
    tell(name, await ask(next, PHASE_MS), before);
    await end();
  }
  await dispatcher.destroy();
}
