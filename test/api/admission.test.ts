import { once } from 'node:events';
import { createServer, request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import express, { type RequestHandler, type Response } from 'express';
import { inPlace, makeAdmission, rankOf, type AdmissionOptions } from '../../src/api/admission';
import { makePressure, type Pressure } from '../../src/api/pressure';
import { answerErrors } from '../../src/api/errors';
import { nameRequests } from '../../src/api/requests';
import { makeReleases } from '../ups/servers';
import { until } from '../support/until';
import { newAccount, openHouse, type House, type ProblemJson } from './house';

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

/** Behind an admission of its own everything that says `?hold` is held by the test, the rest is answered at once. */
async function open(options: AdmissionOptions, more: Record<string, RequestHandler> = {}) {
  const held: Held[] = [];
  const holdUp = (res: Response): Promise<void> =>
    new Promise((resolve) => {
      const one = { letGo: resolve, isGone: false };
      held.push(one);
      res.once('close', () => (one.isGone = true));
    });
  const app = express();
  app.use(nameRequests, makeAdmission({ pressure: inTime, ...options }));
  for (const [path, handler] of Object.entries(more)) app.all(path, handler);
  app.use(async (req, res) => {
    if (req.query['hold'] !== undefined) await inPlace(res, () => holdUp(res));
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
  async function hold(count: number): Promise<ClientRequest[]> {
    const before = held.length;
    const asked = Array.from({ length: count }, () => begin(`${url}/oauth/callback?hold`));
    await until('the requests are held', async () => held.length === before + count);
    return asked;
  }
  return { url, held, hold, statusOf };
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
    const boom: RequestHandler = async () => {
      await Promise.reject(new Error('boom'));
    };
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
    const stream: RequestHandler = (_req, res) => {
      streaming += 1;
      res.write('the beginning');
    };
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

  it('does not wait for a body', async () => {
    const { url, hold } = await open({ places: 4 });
    await hold(4);
    const asked = begin(url + COMFORT, { 'content-length': '60000' }, 'POST');
    expect((await answerTo(asked)).statusCode).toBe(503);
    asked.destroy();
  });

  it('brings a merchant back by himself with his code, and people to a page', async () => {
    const { url, hold } = await open({ places: 4, random: () => 0 });
    await hold(4);
    const headers = { accept: 'text/html' };
    const merchant = await fetch(url + CALLBACK, { headers });
    expect([merchant.status, merchant.headers.get('refresh')]).toEqual([503, '1']);
    expect(await merchant.text()).toContain('<p role="alert">');
    const person = await fetch(`${url}/accounts`, { headers });
    expect([person.status, person.headers.get('refresh')]).toEqual([503, null]);
    expect(await person.text()).toContain('To the accounts');
  });
});

describe('a body that does not come', () => {
  const read: RequestHandler = (req, res) =>
    inPlace(res, async () => void res.json({ length: (await text(req)).length }));

  it('keeps a place for a while only, and is told so', async () => {
    const { url, statusOf } = await open({ places: 4, bodyMs: 20 }, { '/v1/accounts/:id': read });
    const asked = begin(url + WORK, { 'content-length': '10' }, 'POST');
    const response = await answerTo(asked);
    expect([response.statusCode, response.headers.connection]).toEqual([408, 'close']);
    expect(JSON.parse(await text(response))).toMatchObject({ code: 'too-slow' });
    await until('every place is free', async () => (await statusOf(COMFORT)) === 200);
  });

  it('may take longer when it is a file of access keys', async () => {
    const { url } = await open({ places: 4, bodyMs: 1 }, { '/v1/access-keys/import': read });
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
  ['POST', '/v1/access-keys/import', 'comfort'],
  ['POST', '/v1/campaigns', 'comfort'],
  ['GET', '/accounts/acc_1', 'comfort'],
  ['GET', '/admin/queues', 'comfort'],
])('%s %s is %s', (method, path, rank) => expect(rankOf({ method, path })).toBe(rank));

it('tells no other site and no cache of a link or a code, also where it refuses to look at them', async () => {
  const house = await openHouse('api-admission-private', { maxConcurrentRequests: 1 });
  releases.add(() => house.release());
  const headers = { 'content-length': '1000', 'content-type': 'application/json' };
  const slow = begin(
    `${house.publicUrl}/v1/accounts`,
    { ...headers, authorization: `Bearer ${house.keys.platform}` },
    'POST',
  );
  for (const to of ['/oauth/callback?code=c&state=s', '/connect/token', '/connect/done'])
    for (const accept of ['text/html', 'application/json'])
      await until(`${to} is refused`, async () => {
        const refused = await house.send('GET', to, { headers: { accept } });
        const seen = [refused.headers.get('referrer-policy'), refused.headers.get('cache-control')];
        expect([to, ...seen]).toEqual([to, 'no-referrer', 'no-store']);
        return refused.status === 503;
      });
  slow.destroy();
});

describe('the whole service', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse('api-admission', { maxConcurrentRequests: 4 });
  });
  afterAll(() => house.release());

  it('refuses lists first, and serves all again when those who held the places are gone', async () => {
    const { id } = await house.create();
    const headers = {
      authorization: `Bearer ${house.keys.platform}`,
      'content-type': 'application/json',
      'content-length': '1000',
    };
    const slow = [1, 2].map(() => begin(`${house.publicUrl}/v1/accounts`, headers, 'POST'));
    await until('two places are held', async () => (await house.call('GET', '/accounts')).status === 503);
    const refused = await house.call<ProblemJson>('GET', '/accounts');
    expect([refused.body.code, refused.body.type]).toEqual(['overloaded', `${house.publicUrl}/docs#overloaded`]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await house.call('GET', `/accounts/${id}/token`)).body.code).toBe('not-authorized-yet');
    expect((await house.call('POST', '/accounts', { body: newAccount() })).status).toBe(201);
    expect((await house.send('GET', '/readyz')).status).toBe(200);
    for (const asked of slow) asked.destroy();
    await until('lists are served', async () => (await house.call('GET', '/accounts')).status === 200);
  });
});
