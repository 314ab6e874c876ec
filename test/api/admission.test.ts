import { once } from 'node:events';
import { createServer, request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import express, { type RequestHandler, type Response } from 'express';
import { makeAdmission, type AdmissionOptions } from '../../src/api/admission';
import { boundedParser } from '../../src/api/body';
import { makePressure, type Pressure } from '../../src/api/pressure';
import { rankOf } from '../../src/api/ranks';
import { inPlace } from '../../src/api/ticket';
import { answerErrors } from '../../src/api/errors';
import { nameRequests } from '../../src/api/requests';
import { makeReleases } from '../ups/testServers';
import { until } from '../support/until';
import { openTestApi, type TestApi } from './testApi';

/** The tests' machine may be as late as it likes. */
const inTime: Pressure = { note: () => undefined, share: () => 1 };

const releases = makeReleases();
afterEach(() => releases.run());

const COMFORT = '/v1/accounts';
const WORK = '/v1/accounts/acc_1';
const TOKEN = '/v1/accounts/acc_1/token';
const CALLBACK = '/oauth/callback?code=c&state=s';

/** A request that is not answered until `let go`, and what was begun for it. */
interface Held {
  letGo(): void;
  /** Nobody waits for the answer any more. */
  isGone: boolean;
}

/** Behind an admission of its own everything that says `?hold` is held by the test, the rest is answered at once. `?as`: the key. */
async function open(options: AdmissionOptions, more: Record<string, RequestHandler> = {}) {
  const held: Held[] = [];
  const holdUp = (res: Response): Promise<void> =>
    new Promise((resolve) => {
      const one = { letGo: resolve, isGone: false };
      held.push(one);
      res.once('close', () => (one.isGone = true));
    });
  const app = express();
  const admission = makeAdmission({ pressure: inTime, ...options });
  let others = 0;
  app.use(nameRequests, admission.handle, (req, res, next) => {
    res.locals['keyId'] = new URL(req.originalUrl, 'http://here').searchParams.get('as') ?? `other-${others++}`;
    next();
  });
  for (const [path, handler] of Object.entries(more)) app.all(path, handler);
  app.use(async (req, res) => {
    await inPlace(res, async () => (req.query['hold'] === undefined ? undefined : holdUp(res)));
    res.json({});
  });
  const log = { error: () => undefined };
  app.use(answerErrors({ config: { publicUrl: 'http://localhost' }, log } as never));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  releases.add(async () => {
    for (const { letGo } of held) letGo();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const statusOf = async (path: string): Promise<number> => (await fetch(url + path)).status;

  /** So many requests take places and keep them. */
  async function hold(count: number, path = '/oauth/callback'): Promise<ClientRequest[]> {
    const before = held.length;
    const asked = Array.from({ length: count }, () => begin(`${url}${path}?hold`));
    await until('the requests are held', async () => held.length === before + count);
    return asked;
  }
  return { url, held, hold, statusOf, figures: admission.figures };
}

/** A request whose body, if it announces one, never comes. */
function begin(url: string, headers: Record<string, string> = {}, method = 'GET'): ClientRequest {
  const asked = request(url, { agent: false, method, headers });
  asked.on('error', () => undefined);
  if (method === 'GET') asked.end();
  else asked.flushHeaders();
  return asked;
}

async function answerTo(asked: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

describe('the places', () => {
  it.each([
    [9, { [COMFORT]: 200, [WORK]: 200, [TOKEN]: 200, [CALLBACK]: 200 }],
    [10, { [COMFORT]: 503, [WORK]: 200, [TOKEN]: 200, [CALLBACK]: 200 }],
    [15, { [COMFORT]: 503, [WORK]: 503, [TOKEN]: 200, [CALLBACK]: 200 }],
    [18, { [COMFORT]: 503, [WORK]: 503, [TOKEN]: 503, [CALLBACK]: 200 }],
    [20, { [COMFORT]: 503, [WORK]: 503, [TOKEN]: 503, [CALLBACK]: 503 }],
  ])('with %i of 20 taken, are there for those who lose most by being refused', async (taken, expected) => {
    const { hold, statusOf } = await open({ places: 20 });
    await hold(taken);
    const seen: Record<string, number> = {};
    for (const path of Object.keys(expected)) seen[path] = await statusOf(path);
    expect(seen).toEqual(expected);
    for (const vital of ['/healthz', '/readyz', '/metrics'])
      expect([vital, await statusOf(vital)]).toEqual([vital, 200]);
  });

  it('are given back when the answer has ended', async () => {
    const { held, hold, statusOf } = await open({ places: 4 });
    await hold(4);
    expect(await statusOf(TOKEN)).toBe(503);
    for (const { letGo } of held) letGo();
    await until('a place is free', async () => (await statusOf(COMFORT)) === 200);
  });

  it('are given back when a handler throws', async () => {
    const boom: RequestHandler = (_req, res) => inPlace(res, () => Promise.reject(new Error('boom')));
    const { statusOf } = await open({ places: 4 }, { '/boom': boom });
    for (let times = 0; times < 8; times++) expect(await statusOf('/boom')).toBe(500);
    expect(await statusOf(COMFORT)).toBe(200);
  });

  it('are kept when whoever asked goes away, until the work for it has ended', async () => {
    const { held, hold, statusOf } = await open({ places: 4 });
    for (const asked of await hold(4)) asked.destroy();
    await until('the server saw them go', () => held.every(({ isGone }) => isGone));
    expect(await statusOf(TOKEN)).toBe(503);
    for (const { letGo } of held) letGo();
    await until('a place is free', async () => (await statusOf(COMFORT)) === 200);
  });

  it('are kept by an answer that is streamed, until it has ended or nobody takes it any more', async () => {
    let streaming = 0;
    const stream: RequestHandler = (_req, res) =>
      inPlace(res, async () => {
        streaming += 1;
        res.write('the beginning');
      });
    const { url, statusOf } = await open({ places: 4 }, { '/oauth/callback': stream });
    const taking = Array.from({ length: 4 }, () => begin(`${url}/oauth/callback`));
    await until('the answers have begun', async () => streaming === 4);
    expect(await statusOf(TOKEN)).toBe(503);
    for (const asked of taking) asked.destroy();
    await until('a place is free', async () => (await statusOf(COMFORT)) === 200);
  });
});

describe('a loop that comes round late', () => {
  it('has fewer places, never less than sixteen, and all of them again when it is in time', async () => {
    let share = 0.5;
    const pressure = { note: () => undefined, share: () => share };
    const { hold, statusOf } = await open({ places: 40, pressure });
    await hold(16);
    expect(await statusOf(TOKEN)).toBe(200);
    share = 0.05;
    expect([await statusOf(TOKEN), await statusOf(CALLBACK)]).toEqual([503, 503]);
    share = 1;
    expect(await statusOf(COMFORT)).toBe(200);
  });

  it('says so at every request', async () => {
    const lates: number[] = [];
    const { statusOf } = await open({ places: 4, pressure: { note: (ms) => void lates.push(ms), share: () => 1 } });
    await statusOf(COMFORT);
    await statusOf('/healthz');
    expect(lates).toEqual([expect.any(Number)]);
  });

  it('lowers the share step by step to a least one, and raises it slowly', () => {
    let at = 0;
    const pressure = makePressure(() => at);
    const hear = (lateMs: number, times: number): number => {
      for (let n = 0; n < times; n++) {
        pressure.note(lateMs);
        at += 100;
      }
      return pressure.share();
    };
    expect(hear(10, 5)).toBe(1);
    expect(hear(500, 1)).toBeCloseTo(0.7);
    pressure.note(10);
    at += 50;
    for (let n = 0; n < 9; n++) pressure.note(500);
    expect(pressure.share()).toBeCloseTo(0.75);
    at += 50;
    expect(hear(500, 50)).toBe(0.05);
    expect(hear(10, 10)).toBeCloseTo(0.55);
    expect(hear(10, 10)).toBe(1);
  });
});

describe('a refusal', () => {
  it('is a problem that says when to come again, each at another moment', async () => {
    const draws = [0, 0.5, 0.999];
    const { url, hold } = await open({ places: 4, random: () => draws.shift() ?? 0 });
    await hold(4);
    const after: (string | null)[] = [];
    for (let n = 0; n < 3; n++) {
      const response = await fetch(url + COMFORT);
      expect(response.status).toBe(503);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(await response.json()).toMatchObject({ code: 'overloaded', status: 503, title: 'Overloaded' });
      after.push(response.headers.get('retry-after'));
    }
    expect(after).toEqual(['1', '3', '5']);
  });

  it('brings a merchant back by himself with his code, and people to a page', async () => {
    const { url, hold } = await open({ places: 4, random: () => 0 });
    await hold(4);
    const headers = { accept: 'text/html' };
    const merchant = await fetch(url + CALLBACK, { headers });
    expect([merchant.status, merchant.headers.get('refresh')]).toEqual([503, '1']);
    expect(await merchant.text()).toContain('<p role="alert">');
    const person = await fetch(`${url}/accounts/acc_1`, { headers });
    expect([person.status, person.headers.get('refresh')]).toEqual([503, null]);
    expect(await person.text()).toContain('To the accounts');
  });
});

describe('a body that does not come', () => {
  const parse = boundedParser(express.text({ type: () => true }));
  const read: RequestHandler = (req, res, next) =>
    parse(req, res, (error?: unknown) => {
      if (error === undefined) void inPlace(res, async () => res.json({ length: String(req.body).length }));
      else next(error);
    });
  const stream: RequestHandler = (req, res) =>
    inPlace(res, async () => void res.json({ length: (await text(req)).length }));
  const announced = { 'content-length': '10' };

  it('takes no place', async () => {
    const { url, statusOf, figures } = await open({ places: 4, bodyMs: 600_000 }, { '/v1/accounts/:id': read });
    const asked = Array.from({ length: 8 }, () => begin(url + WORK, announced, 'POST'));
    await until('the bodies are awaited', () => figures().bodies.known === 8);
    expect(figures().places).toMatchObject({ work: 0 });
    expect(await statusOf(COMFORT)).toBe(200);
    for (const one of asked) one.destroy();
    await until('no body is awaited', () => figures().bodies.known === 0);
  });

  it('is waited for a while only, and the client is told so', async () => {
    const { url, figures } = await open({ places: 4, bodyMs: 20 }, { '/v1/accounts/:id': read });
    const response = await answerTo(begin(url + WORK, announced, 'POST'));
    expect([response.statusCode, response.headers.connection]).toEqual([408, 'close']);
    expect(JSON.parse(await text(response))).toMatchObject({ code: 'too-slow' });
    await until('no body is awaited', () => figures().bodies.known === 0);
  });

  it('keeps others from sending theirs only beyond a bound, and never more than a quarter by one key', async () => {
    const { url, figures } = await open({ places: 4, bodyMs: 600_000 }, { '/v1/accounts/:id': read });
    const ofOne = [0, 1, 2].map(() => begin(`${url}${WORK}?as=one`, announced, 'POST'));
    const refused = await Promise.race(ofOne.map(answerTo));
    expect([refused.statusCode, JSON.parse(await text(refused))]).toMatchObject([429, { code: 'rate-limited' }]);
    const others = Array.from({ length: 7 }, () => begin(url + WORK, announced, 'POST'));
    const beyond = await Promise.race(others.map(answerTo));
    expect([beyond.statusCode, JSON.parse(await text(beyond))]).toMatchObject([503, { code: 'overloaded' }]);
    expect(figures().bodies.known).toBe(8);
    for (const asked of [...ofOne, ...others]) asked.destroy();
    await until('no body is awaited', () => figures().bodies.known === 0);
  });

  it('keeps its connection after the answer no longer than before', async () => {
    const { url } = await open({ places: 4, bodyMs: 50 });
    const asked = begin(url + WORK, announced, 'POST');
    const response = await answerTo(asked);
    expect(response.statusCode).toBe(200);
    response.resume();
    await until('the connection is closed', () => asked.socket?.destroyed);
  });

  it('may take longer when it is a file of access keys', async () => {
    const { url } = await open({ places: 4, bodyMs: 1 }, { '/v1/access-keys/import': stream });
    const asked = begin(`${url}/v1/access-keys/import`, { 'content-length': '2' }, 'POST');
    asked.write('a');
    await fetch(`${url}/healthz`);
    await fetch(`${url}/healthz`);
    asked.end('b');
    expect(JSON.parse(await text(await answerTo(asked)))).toEqual({ length: 2 });
  });
});

it.each([
  ['GET', '/healthz', 'vital'],
  ['GET', '/metrics', 'vital'],
  ['GET', '/oauth/callback', 'callback'],
  ['POST', '/connect/abc', 'callback'],
  ['GET', '/v1/accounts/acc_1/token', 'token'],
  ['GET', '/v1/accounts/acc_1', 'work'],
  ['POST', '/v1/accounts/acc_1/events', 'work'],
  ['POST', '/v1/accounts', 'work'],
  ['GET', '/v1/accounts', 'comfort'],
  ['POST', '/v1/access-keys/import', 'import'],
  ['POST', '/access-keys/import', 'import'],
  ['GET', '/access-keys/import', 'comfort'],
  ['GET', '/openapi.json', 'public'],
  ['GET', '/docs', 'public'],
  ['GET', '/assets/upslink-0123.css', 'public'],
  ['POST', '/sign-in', 'comfort'],
  ['POST', '/v1/campaigns', 'comfort'],
  ['GET', '/accounts/acc_1', 'comfort'],
  ['GET', '/admin/queues', 'comfort'],
])('%s %s is %s', (method, path, rank) => expect(rankOf({ method, path })).toBe(rank));

describe('one key', () => {
  const statusesOf = (url: string, path: string, count: number) =>
    Promise.all(
      Array.from(
        { length: count },
        async () => (await fetch(`${url}${path}`, { signal: AbortSignal.timeout(180_000) })).status,
      ),
    );

  it.each([
    [TOKEN, 'token', 9],
    [WORK, 'work', 7],
    [COMFORT, 'comfort', 5],
    ['/v1/access-keys/import', 'import', 1],
  ] as const)('holds a quarter of the places for %s at most', async (path, rank, quarter) => {
    const { url, held, statusOf, figures } = await open({ places: 40 });
    const method = rank === 'import' ? 'POST' : 'GET';
    const asked = Array.from({ length: 40 }, () => fetch(`${url}${path}?hold&as=greedy`, { method }));
    const statuses: number[] = [];
    const all = asked.map(async (one) => statuses.push((await one).status));
    await until('the others are refused', () => statuses.length === 40 - quarter);
    expect([held.length, figures().places[rank]]).toEqual([quarter, quarter]);
    expect(await statusOf(TOKEN)).toBe(200);
    for (const { letGo } of held) letGo();
    await Promise.all(all);
    expect(statuses.filter((status) => status === 200)).toHaveLength(quarter);
    expect(statuses.filter((status) => status === 429)).toHaveLength(40 - quarter);
    await until('nothing is held', () => figures().places[rank] === 0);
  });

  it('counts all that it holds, and has half of what is left while the loop is late', async () => {
    let share = 1;
    const pressure = { note: () => undefined, share: () => share };
    const { url, held, figures } = await open({ places: 40, pressure });
    const asked = Array.from({ length: 5 }, () => begin(`${url}${TOKEN}?hold&as=one`));
    await until('they are held', () => held.length === 5);
    expect(await statusesOf(url, `${COMFORT}?as=one`, 2)).toEqual([429, 429]);
    expect(await statusesOf(url, `${TOKEN}?as=one`, 1)).toEqual([200]);
    share = 0.05;
    expect(await statusesOf(url, `${TOKEN}?as=one`, 1)).toEqual([200]);
    for (const one of [...asked, ...Array.from({ length: 2 }, () => begin(`${url}${TOKEN}?hold&as=one`))]) void one;
    await until('they are held too', () => held.length === 7);
    expect(await statusesOf(url, `${TOKEN}?as=one`, 1)).toEqual([429]);
    expect(figures().places.token).toBe(7);
  });
});

describe('public pages', () => {
  it('have places of their own, a quarter of them for one address', async () => {
    const endless: RequestHandler = (_req, res) => void res.write('the beginning');
    const { url, statusOf, figures } = await open({ places: 40 }, { '/docs': endless });
    const readers = Array.from({ length: 3 }, () => begin(`${url}/docs`));
    await until('two are answered', () => figures().places.public === 2);
    await until('the third is refused', async () => (await statusOf('/docs')) === 503);
    expect(await statusOf(COMFORT)).toBe(200);
    for (const reader of readers) reader.destroy();
    await until('the places are free', () => figures().places.public === 0);
  });
});

describe('the whole service', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await openTestApi('api-admission', { maxConcurrentRequests: 4 });
  });
  afterAll(() => api.release());

  it.each(['/oauth/callback?code=c&state=s', '/oauth/elsewhere', '/connect/token', '/connect/done', '/connect/%'])(
    'tells no other site and no cache of a link or a code, whatever it answers at %s',
    async (to) => {
      for (const accept of ['text/html', 'application/json'])
        for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
          const { headers } = await api.send(method, to, { headers: { accept } });
          const seen = [headers.get('referrer-policy'), headers.get('cache-control')];
          expect([method, ...seen]).toEqual([method, 'no-referrer', 'no-store']);
        }
    },
  );

  it('serves lists while clients are slow to send their bodies', async () => {
    const { id } = await api.create();
    const headers = {
      authorization: `Bearer ${api.keys.platform}`,
      'content-type': 'application/json',
      'content-length': '1000',
    };
    const before = api.arrived();
    const slow = [1, 2].map(() => begin(`${api.publicUrl}/v1/accounts`, headers, 'POST'));
    await until('they have arrived', () => api.arrived() === before + 2);
    expect((await api.call('GET', '/accounts')).status).toBe(200);
    expect((await api.call('GET', `/accounts/${id}/token`)).body.code).toBe('not-authorized-yet');
    expect((await api.send('GET', '/readyz')).status).toBe(200);
    for (const asked of slow) asked.destroy();
  });
});
