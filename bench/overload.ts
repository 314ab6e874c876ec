/**
 * `npm run bench:overload -- --accounts 400 --seconds 20`: what one api process carries, then five times that, while a worker
 * keeps the tokens of the same accounts on the same store. Open loop: requests are sent whether or not earlier ones were
 * answered. Then the attacks of attacks.ts, or those alone with `--only attacks`. Everything runs on one machine, the program that asks too: figures of one run, only their ratios mean something.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { benchAttacks } from './attacks';
import { connectAccounts, type ConnectedAccounts } from './connectedAccounts';
import { measure, type System } from './processes';
import { option, percentile, measureMemory, type MemoryMeter } from './measure';

const ACCOUNTS = option('accounts', 400);
const SECONDS = option('seconds', 20);
const CONNECTIONS = option('connections', 1_000);
const TIMES = option('times', 5);
const ONLY_ATTACKS = process.argv.includes('attacks');
const LANES = [8, 32, 96];
const LOOK_MS = 3_000;
const CALM_SHARE = 0.6;
const CALM_MS = 6_000;
const TICK_MS = 20;
const ON_TIME_MS = 5_000;
const GONE_MS = 30_000;
/** Processes start, and what is carried is found out, before the first account comes due. */
const SETTLING_MS = 25_000;
const LATER_MS = 600_000;
const say = (text: string) => void process.stdout.write(`${text}\n`);

type Kind = 'token' | 'event' | 'list' | 'callback';
interface Seen {
  kind: Kind;
  status: number;
  ms: number;
  retryAfter: boolean;
}

/** Of twenty requests: what platforms do most is to read tokens. The callback's state is wrong: it is heard, and changes nothing. */
const MIX: Kind[] = [
  ...Array<Kind>(13).fill('token'),
  ...Array<Kind>(3).fill('event'),
  ...Array<Kind>(3).fill('list'),
  'callback',
];

interface Asking {
  ask: (turn: number) => Promise<Seen>;
  close(): Promise<void>;
}

/** One key holds a quarter of the places at most, so that the load comes from several. */
const KEYS = 8;

async function makeKeys({ apiUrl, adminKey }: System): Promise<string[]> {
  const make = async (): Promise<string> => {
    const { body } = await request(`${apiUrl}/v1/api-keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ role: 'platform', tenantId: 'bench' }),
    });
    return ((await body.json()) as { key: string }).key;
  };
  return Promise.all(Array.from({ length: KEYS }, make));
}

function makeAsking({ apiUrl }: System, keys: string[], ids: string[]): Asking {
  const dispatcher = new Agent({ connections: CONNECTIONS, pipelining: 1 });
  const headersFor = (turn: number) => ({ authorization: `Bearer ${keys[turn % keys.length]}` });
  const pathOf = (kind: Kind, id: string): string => {
    if (kind === 'callback') return '/oauth/callback?code=c&state=s';
    if (kind === 'list') return '/v1/accounts?limit=50';
    return `/v1/accounts/${id}/${kind === 'token' ? 'token' : 'events?dryRun=1'}`;
  };
  async function ask(turn: number): Promise<Seen> {
    // A step prime to both goes through every pair of kind and account.
    const kind = MIX[(turn * 7) % MIX.length] ?? 'token';
    const id = ids[(turn * 13) % ids.length] ?? '';
    const headers = headersFor(turn);
    const began = performance.now();
    const post = { method: 'POST' as const, body: '{"type":"REFRESH"}' };
    const more =
      kind === 'event' ? { ...post, headers: { ...headers, 'content-type': 'application/json' } } : { headers };
    try {
      const limits = { headersTimeout: GONE_MS, bodyTimeout: GONE_MS };
      const answer = await request(apiUrl + pathOf(kind, id), { dispatcher, ...limits, ...more });
      await answer.body.dump();
      const retryAfter = answer.headers['retry-after'] !== undefined;
      return { kind, status: answer.statusCode, ms: performance.now() - began, retryAfter };
    } catch {
      return { kind, status: 0, ms: performance.now() - began, retryAfter: false };
    }
  }
  return { ask, close: () => dispatcher.destroy() };
}

async function closedLoop({ ask }: Asking, lanes: number, forMs: number): Promise<Seen[]> {
  const seen: Seen[] = [];
  const until = performance.now() + forMs;
  let turn = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < until) seen.push(await ask(turn++));
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return seen;
}

/** What was sent late, because this program was kept from sending, is sent all the same. */
async function openLoop({ ask }: Asking, perSecond: number, forMs: number): Promise<{ seen: Seen[]; sent: number }> {
  const began = performance.now();
  const asked: Promise<Seen>[] = [];
  for (;;) {
    const elapsed = performance.now() - began;
    const due = Math.floor((Math.min(elapsed, forMs) * perSecond) / 1000);
    while (asked.length < due) asked.push(ask(asked.length));
    if (elapsed >= forMs) break;
    await delay(TICK_MS);
  }
  return { seen: await Promise.all(asked), sent: asked.length };
}

const isServed = ({ kind, status }: Seen): boolean =>
  (status >= 200 && status < 300) || (kind === 'callback' && status === 400);
const share = (some: number, all: number): string => `${((100 * some) / Math.max(1, all)).toFixed(1)} %`;

interface Told {
  p99: number;
  servedPerSecond: number;
}

function tell(name: string, seen: Seen[], ms: number, meters: Record<string, MemoryMeter>): Told {
  const served = seen.filter(isServed);
  const times = served.map((one) => one.ms);
  const p99 = percentile(times, 0.99);
  const servedPerSecond = (served.length * 1000) / ms;
  const refused = seen.filter(({ status }) => status === 429 || status === 503);
  const count = (status: number) => seen.filter((one) => one.status === status).length;
  const memory = Object.entries(meters).map(([who, meter]) => `${who} ${meter.peakMb()} MB`);
  say(`${name}`);
  say(
    `  offered ${((seen.length * 1000) / ms).toFixed(0)}/s, served ${servedPerSecond.toFixed(0)}/s; p50 ${percentile(times, 0.5).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`,
  );
  say(
    `  served ${share(served.length, seen.length)}, 429 ${share(count(429), seen.length)}, 503 ${share(count(503), seen.length)}, no answer ${share(count(0), seen.length)}; refusals with Retry-After ${refused.filter((one) => one.retryAfter).length} of ${refused.length}`,
  );
  const kinds = (['callback', 'token', 'event', 'list'] as const).map((kind) => {
    const all = seen.filter((one) => one.kind === kind);
    return `${kind} ${share(all.filter(isServed).length, all.length)}`;
  });
  say(`  served of each kind: ${kinds.join(', ')}; peak memory ${memory.join(', ')}`);
  return { p99, servedPerSecond };
}

async function knee(asking: Asking): Promise<number> {
  let best = 0;
  for (const lanes of LANES) {
    const seen = await closedLoop(asking, lanes, LOOK_MS);
    const perSecond = (seen.filter(isServed).length * 1000) / LOOK_MS;
    say(
      `  ${lanes} at once: ${perSecond.toFixed(0)}/s, p99 ${percentile(
        seen.map(({ ms }) => ms),
        0.99,
      ).toFixed(0)} ms`,
    );
    best = Math.max(best, perSecond);
  }
  return best;
}

/** How late refreshes were that were due within the window. */
async function lateness({ db, dueAt }: ConnectedAccounts, from: number, to: number): Promise<string> {
  const due = [...dueAt].filter(([, at]) => at >= from && at < to);
  const sentAt = new Map<string, number>();
  const ids = due.map(([id]) => id);
  for await (const { _id, data } of db.accounts.find({ _id: { $in: ids } }))
    if (data.current && data.current.generation > 1) sentAt.set(_id, data.current.issuedAt);
  const late = due.flatMap(([id, at]) => (sentAt.has(id) ? [(sentAt.get(id) ?? 0) - at] : []));
  const onTime = late.filter((ms) => ms <= ON_TIME_MS).length;
  return `${due.length} due, ${late.length} done, ${onTime} within ${ON_TIME_MS / 1000} s; p50 ${(percentile(late, 0.5) / 1000).toFixed(1)} s, last ${(percentile(late, 1) / 1000).toFixed(1)} s after their time`;
}

/** From the api's own figures: how many 2xx answers took at most so many seconds, by upper bound. */
async function answeredWithin({ apiUrl, adminKey }: System): Promise<Map<number, number>> {
  const { body } = await request(`${apiUrl}/metrics`, { headers: { authorization: `Bearer ${adminKey}` } });
  const buckets = new Map<number, number>();
  const line = /^upslink_http_request_duration_seconds_bucket\{le="([^"]+)",.*status="2\d\d"\} (\d+)$/gm;
  for (const [, le, count] of (await body.text()).matchAll(line)) {
    const seconds = Number(le === '+Inf' ? Infinity : le);
    buckets.set(seconds, (buckets.get(seconds) ?? 0) + Number(count));
  }
  return buckets;
}

/** The smallest bound within which this share of the answers between two looks was given. */
function boundOf(before: Map<number, number>, after: Map<number, number>, part: number): string {
  const counts = [...after].map(([bound, n]) => [bound, n - (before.get(bound) ?? 0)] as const);
  const all = Math.max(...counts.map(([, n]) => n));
  const bound = Math.min(...counts.filter(([, n]) => n >= all * part).map(([seconds]) => seconds));
  return bound === Infinity ? 'more than 10 s' : `${bound} s`;
}

/** Second by second, until p99 is what it was and nobody is refused; null when that takes longer than half a minute. */
async function recovery(asking: Asking, perSecond: number, p99: number): Promise<number | null> {
  const began = performance.now();
  while (performance.now() - began < 30_000) {
    const seconds = (performance.now() - began) / 1000;
    const { seen } = await openLoop(asking, perSecond, 1_000);
    const now = percentile(
      seen.map(({ ms }) => ms),
      0.99,
    );
    if (seen.every(isServed) && now <= p99 * 1.25) return seconds;
  }
  return null;
}

async function run(system: System): Promise<void> {
  // Half of the accounts come due evenly while this runs; the others' tokens are read.
  let startAt = 0;
  const half = Math.ceil(ACCOUNTS / 2);
  const connected = await connectAccounts(system, ACCOUNTS, () => {
    startAt = Date.now() + SETTLING_MS;
    const stepMs = ((SECONDS + 30) * 1000) / half;
    return Array.from({ length: ACCOUNTS }, (_, n) => startAt + (n < half ? n * stepMs : LATER_MS));
  });
  const keys = await makeKeys(system);
  if (ONLY_ATTACKS) {
    await benchAttacks({ system, keys, ids: connected.ids.slice(half) });
    await connected.close();
    return;
  }
  const workers = system.startRole('worker');
  system.startRole('scheduler');
  const meters = { api: measureMemory(system.api), worker: measureMemory(workers) };
  const asking = makeAsking(system, keys, connected.ids.slice(half));
  await closedLoop(asking, 8, LOOK_MS);
  say(`${ACCOUNTS} accounts, on ${system.serverName}; what one api process carries:`);
  const carried = await knee(asking);
  const calm = carried * CALM_SHARE;
  await delay(Math.max(0, startAt - Date.now()));

  const before = tell('before, calm', (await openLoop(asking, calm, CALM_MS)).seen, CALM_MS, meters);
  const from = Date.now();
  const figures = await answeredWithin(system);
  const { seen } = await openLoop(asking, carried * TIMES, SECONDS * 1000);
  const to = Date.now();
  const figuresAfter = await answeredWithin(system);
  const during = tell(`${TIMES} times the load, for ${SECONDS} s`, seen, to - from, meters);
  const bounds = [0.5, 0.99].map((part) => boundOf(figures, figuresAfter, part));
  say(
    `  within the api: p50 at most ${bounds[0]}, p99 at most ${bounds[1]}; the rest is waited in sockets and in this program`,
  );
  const seconds = await recovery(asking, calm, before.p99);
  tell('after, calm', (await openLoop(asking, calm, CALM_MS)).seen, CALM_MS, meters);
  say(`served under load ÷ carried alone  ${(during.servedPerSecond / carried).toFixed(2)}`);
  say(
    `p99 as before again                ${seconds === null ? 'not within 30 s' : `${seconds.toFixed(1)} s after the load, without a restart`}`,
  );
  say(`refreshes before the load          ${await lateness(connected, startAt, from)}`);
  say(`refreshes under it                 ${await lateness(connected, from, to)}`);
  const { lost, violations, repeats } = await connected.judge();
  say(`the sandbox's ledger               ${lost} lost, ${violations} violations, ${repeats} tokens sent twice`);
  await benchAttacks({ system, keys, ids: connected.ids.slice(half) });
  for (const meter of Object.values(meters)) meter.stop();
  await asking.close();
  await connected.close();
}

measure(run);
