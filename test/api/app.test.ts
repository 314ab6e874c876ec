import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Queue } from 'bullmq';
import { makeApp } from '../../src/http';
import { codes } from '../../src/api/problem-codes';
import { generated } from '../../src/api/generate';
import type { Services } from '../../src/api/services';
import { makeReadiness } from '../../src/api/readiness';
import { createSession } from '../../src/db/sessions';
import { makeVault } from '../../src/db/vault';
import { sessionCookieName } from '../../src/api/session';
import { testPrefix, testRedis } from '../support/servers';
import { newAccount, openTestApi, type TestApi, type ProblemJson } from './testApi';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi('api-app', { rateLimit: { burst: 20, perSecond: 1 } });
});
afterAll(() => api.release());
/** A second app beside the api's own, closed whatever becomes of the test. */
async function withApp<T>(services: Services, use: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(makeApp(services)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Every test has its fill of requests. */
beforeEach(() => api.pass(60_000));

describe('the app', () => {
  it('answers 404 for what is not there, 405 with Allow for a wrong method, and problems in one form', async () => {
    const missing = await api.call('GET', '/nothing');
    expect(missing.headers.get('content-type')).toBe('application/problem+json');
    expect(missing.body).toEqual({
      type: `${api.publicUrl}/docs#not-found`,
      title: 'Not found',
      status: 404,
      code: 'not-found',
      detail: 'There is nothing at this address.',
      requestId: missing.headers.get('x-request-id'),
    });
    expect((await api.call('GET', '/nothing', { key: null })).status).toBe(401);
    const wrong = await api.call('DELETE', '/accounts');
    expect([wrong.status, wrong.body.code, wrong.headers.get('allow')]).toEqual([
      405,
      'method-not-allowed',
      'POST, GET, HEAD',
    ]);
    expect((await api.send<ProblemJson>('GET', '/nothing')).body).toMatchObject({ status: 404 });
    expect((await api.send('POST', '/healthz')).headers.get('allow')).toBe('GET, HEAD');
    expect((await api.send('POST', '/oauth/callback')).status).toBe(405);
  });

  it('asks for a key before it says what is wrong with an address', async () => {
    const broken = '/accounts/%E0%A4%A';
    expect((await api.call('GET', broken, { key: null })).body).toMatchObject({ status: 401, code: 'unauthorized' });
    expect((await api.call('GET', broken)).body).toMatchObject({ status: 400, code: 'invalid-input' });
  });

  it('takes an address for what it is, also where it is no URL', async () => {
    const { port } = new URL(api.publicUrl);
    const ask = async (target: string) => {
      const asked = request({ port, path: target, headers: { authorization: `Bearer ${api.keys.reader}` } }).end();
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      answer.resume();
      return answer.statusCode;
    };
    expect(await ask('http://a:99999/v1/accounts?limit=1')).toBe(200);
    expect(await ask('http://a:99999/v1/accounts?limit=?')).toBe(400);
    expect(await ask('http://a:99999/oauth/callback?state=x')).toBe(400);
  });

  it('refuses bytes that are no UTF-8', async () => {
    const [before = '', after = ''] = JSON.stringify(newAccount({ name: 'East @' })).split('@');
    const body = Buffer.concat([Buffer.from(before), Buffer.from([0xff, 0xfe]), Buffer.from(after)]);
    const answer = await fetch(`${api.publicUrl}/v1/accounts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.keys.platform}`, 'content-type': 'application/json' },
      body,
    });
    expect(await answer.json()).toMatchObject({ status: 400, code: 'invalid-json' });
  });

  it('slows down a key that asks too often, and no other', async () => {
    const key = (await api.services.apiKeys.create({ tenantId: 'acme', role: 'reader', createdBy: 'cli' })).key;
    const answers = await Promise.all(Array.from({ length: 25 }, () => api.call('GET', '/accounts', { key })));
    const limited = answers.filter(({ status }) => status === 429);
    // Of a slow machine's requests the last find the bucket filled a little again.
    expect(limited.length).toBeGreaterThan(0);
    expect(limited.length).toBeLessThanOrEqual(5);
    expect(limited[0]?.body.code).toBe('rate-limited');
    expect(Number(limited[0]?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await api.call('GET', '/accounts')).status).toBe(200);
    api.pass(2_000);
    expect((await api.call('GET', '/accounts', { key })).status).toBe(200);
  });

  it('says 503 with Retry-After while the store is away, and tells nothing of the inside', async () => {
    const { id } = await api.create();
    api.setAway(true);
    const away = await api.call('GET', `/accounts/${id}`);
    api.setAway(false);
    expect([away.status, away.body.code, away.headers.get('retry-after')]).toEqual([503, 'store-unavailable', '2']);
    expect(away.text).not.toMatch(/as the test asked| at /);
  });

  it('answers a fault of its own with 500 and no stack, and logs where it was', async () => {
    const { db } = api.services;
    const failing = { ...api.services, db: { ...db, accounts: null as never } };
    const headers = { authorization: `Bearer ${api.keys.platform}` };
    const { status, text } = await withApp(failing, async (url) => {
      const response = await fetch(`${url}/v1/accounts`, { headers });
      return { status: response.status, text: await response.text() };
    });
    expect([status, JSON.parse(text)]).toMatchObject([500, { code: 'internal' }]);
    expect(text).not.toMatch(/TypeError|null|\.ts/);
    expect(api.logged.at(-2)).toMatch(/A request met a fault of ours.*|TypeError/);
  });

  it('keeps the id of a request that brings one, and a line in the log without its address', async () => {
    const seen = await api.call('GET', '/accounts', { headers: { 'x-request-id': 'mine-12345' } });
    expect(seen.headers.get('x-request-id')).toBe('mine-12345');
    await api.until(async () => api.logged.some((line) => line.includes('mine-12345')));
    const line = api.logged.find((one) => one.includes('mine-12345')) ?? '';
    expect(JSON.parse(line)).toMatchObject({ method: 'GET', route: '/v1/accounts', status: 200, tenantId: 'acme' });
    const forged = await api.call('GET', '/accounts', { headers: { 'x-request-id': 'a b"c' } });
    expect(forged.headers.get('x-request-id')).not.toBe('a b"c');
  });

  it('protects what browsers are shown', async () => {
    const { headers } = await api.send('GET', '/docs');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('content-security-policy')).not.toContain('upgrade-insecure-requests');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-powered-by')).toBeNull();
  });
});

describe('health', () => {
  it('tells running from ready', async () => {
    expect((await api.send('GET', '/healthz')).status).toBe(200);
    expect((await api.send('GET', '/readyz')).status).toBe(200);
    api.setMissing('MongoDB does not answer.');
    const not = await api.send<ProblemJson>('GET', '/readyz');
    api.setMissing(null);
    expect([not.status, not.body.code, not.body.detail]).toEqual([503, 'not-ready', 'MongoDB does not answer.']);
    expect(not.headers.get('retry-after')).toBe('2');
  });

  it('stays ready while nothing is refreshed, and says why', async () => {
    api.services.epochNotice = () => 'The database was restored.';
    const told = await api.send('GET', '/readyz');
    delete api.services.epochNotice;
    expect(told).toMatchObject({ status: 200, body: { refreshing: 'held', why: 'The database was restored.' } });
    expect((await api.send('GET', '/readyz')).body).toEqual({ status: 'ready' });
  });

  it('stays ready while Redis refuses, and says what', async () => {
    const sentence = 'Redis is full. Raise its maxmemory, or remove what else it holds.';
    api.services.redisRefusal = () => ({ code: 'OOM', command: 'evalsha', sentence });
    const told = await api.send('GET', '/readyz');
    delete api.services.redisRefusal;
    const redis = { status: 'refused', code: 'OOM', command: 'evalsha', detail: sentence };
    expect(told).toMatchObject({ status: 200, body: { status: 'ready', redis } });
  });

  it.each([
    ['tokens', () => api.connected()],
    ['access keys', () => api.withKey()],
  ])('is not ready with a key ring that opens no %s', async (_, born) => {
    const { db, vault } = api.services;
    await db.accounts.deleteMany({});
    const strange = makeVault([{ id: 'k2', key: Buffer.alloc(32, 1) }]);
    expect(await makeReadiness(db, strange)()).toBeNull();
    await born();
    expect(await makeReadiness(db, vault)()).toBeNull();
    expect(await makeReadiness(db, strange)()).toContain('ENCRYPTION_KEYS');
  });

  it('asks the store once a second, however often it is probed', async () => {
    const { db, vault } = api.services;
    let pings = 0;
    const clock = { at: 0, monotonic: () => clock.at };
    const counted = { ...db, ping: async () => void (pings += 1) };
    const isReady = makeReadiness(counted, vault, clock);
    await Promise.all([isReady(), isReady(), isReady()]);
    clock.at = 999;
    await isReady();
    expect(pings).toBe(1);
    clock.at = 1_000;
    await isReady();
    expect(pings).toBe(2);
  });

  it('looks at accounts of each scheme, however many are of the other', async () => {
    const { db, vault } = api.services;
    await db.accounts.deleteMany({});
    const { id } = await api.connected();
    for (let n = 0; n < 12; n++) await api.withKey();
    const opened: string[] = [];
    const watched = {
      open: (...given: Parameters<typeof vault.open>) => {
        opened.push(`${given[1].accountId === id} ${given[1].field}`);
        return vault.open(...given);
      },
    };
    expect(await makeReadiness(db, watched)()).toBeNull();
    expect(opened).toEqual(expect.arrayContaining(['true access', 'true refresh', 'false accessKey']));
    expect(opened.length).toBeLessThan(20);
  });
});

describe('what is generated', () => {
  interface Document {
    openapi: string;
    paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
  }

  it('describes every route and every code, and the service shows it', async () => {
    const { body } = await api.send<Document>('GET', '/openapi.json');
    expect(body).toEqual(JSON.parse(generated()['docs/openapi.json'] ?? ''));
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths['/v1/accounts/{id}/events']?.['post']?.responses ?? {})).toEqual(
      expect.arrayContaining(['200', '400', '401', '403', '404', '409', '413', '415', '422', '429', '503']),
    );
    const told = (path: string, method: string) => Object.keys(body.paths[path]?.[method]?.responses ?? {});
    expect(told('/v1/accounts', 'get')).toContain('404');
    expect(told('/metrics', 'get')).toEqual(expect.arrayContaining(['401', '403', '429']));
    expect(told('/connect/{token}', 'post')).toEqual(expect.arrayContaining(['303', '403', '404', '410']));
    expect(JSON.stringify(body.paths['/oauth/callback']?.['get']?.responses['400'])).toContain('schemas/Problem');
    const refs = [...JSON.stringify(body).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
    const { schemas } = (body as unknown as { components: { schemas: Record<string, object> } }).components;
    for (const name of refs) expect(schemas[name ?? '']).toHaveProperty('type');
    const docs = await api.send('GET', '/docs');
    for (const code of Object.keys(codes)) {
      expect(JSON.stringify(body)).toContain(`\`${code}\``);
      expect(docs.text).toContain(`id="${code}"`);
      expect(generated()['docs/problems.md']).toContain(`\`${code}\``);
    }
    expect(docs.text).not.toContain('<script');
  });
});

describe('the lifecycle', () => {
  it('is data with counts, or a picture for those who accept one', async () => {
    await api.create();
    interface Lifecycle {
      states: { region: string; name: string; count: number | null; transitions: object[] }[];
      counts: Record<string, number>;
    }
    const { body } = await api.call<Lifecycle>('GET', '/lifecycle');
    const created = body.states.find(({ name }) => name === 'created');
    expect(created?.count).toBe(body.counts['created']);
    expect(created?.count).toBeGreaterThan(0);
    expect(created?.transitions).toContainEqual({ event: 'AUTHORIZE', to: 'pending-authorization', guard: null });
    const unwatched = body.states.find(({ name }) => name === 'unwatched');
    expect(unwatched?.transitions).toEqual([{ event: 'always', to: 'watched', guard: 'grant to watch' }]);
    expect(JSON.stringify(body)).not.toContain('xstate.');
    const svg = await api.call('GET', '/lifecycle', { headers: { accept: 'image/svg+xml' } });
    expect(svg.headers.get('content-type')).toContain('image/svg+xml');
    for (const state of [
      'created',
      'pending-authorization',
      'connected',
      'disconnected',
      'inactive',
      'backing-off',
      'verifying',
      'retired',
      'watched',
    ])
      expect(svg.text).toContain(`>${state}</text>`);
  });
});

describe('operations', () => {
  it('are for admins', async () => {
    const get = (key: string, to: string) => api.send(`GET`, to, { headers: { authorization: `Bearer ${key}` } });
    for (const to of ['/metrics', '/admin/queues'])
      for (const role of ['platform', 'operator', 'reader'] as const)
        expect((await get(api.keys[role], to)).status).toBe(403);
    expect((await api.send('GET', '/metrics')).status).toBe(401);
    const metrics = await get(api.keys.admin, '/metrics');
    expect(metrics.text).toMatch(/upslink_accounts\{state="created"\} \d/);
    expect(metrics.text).toMatch(/upslink_http_request_duration_seconds_count\{.*route="\/v1\/accounts".*\} \d/);
    expect((await get(api.keys.admin, '/admin/queues')).status).toBe(404);
  });

  it('show the queues, by key or by the session of the pages', async () => {
    const connection = { url: await testRedis() };
    const queue = new Queue('token-refresh', { connection, prefix: testPrefix('api') });
    const services = { ...api.services, queues: { all: [queue] } };
    const cookie = async (key: string): Promise<string> => {
      const found = await services.apiKeys.findByKey(key);
      const keyId = found === 'expired' ? '' : (found?.id ?? '');
      await createSession(services.db, `cookie-of-${keyId}`, { keyId, expiresAt: api.clock.now() + 60_000 });
      return `${sessionCookieName(api.publicUrl)}=cookie-of-${keyId}`;
    };
    const admin = { cookie: await cookie(api.keys.admin) };
    const operator = { cookie: await cookie(api.keys.operator) };
    await withApp(services, async (url) => {
      const status = async (headers: Record<string, string>, to = '', method = 'GET') =>
        (await fetch(`${url}/admin/queues${to}`, { method, headers })).status;
      expect(await status({ authorization: `Bearer ${api.keys.admin}` })).toBe(200);
      expect(await status(admin, '/api/queues')).toBe(200);
      expect(await status(operator, '/api/queues')).toBe(403);
      expect(await status({ cookie: admin.cookie.replace('cookie-of', 'forged') }, '/api/queues')).toBe(401);
      const press = (headers: Record<string, string>) => status({ ...admin, ...headers }, '/api/queues/x/pause', 'PUT');
      // A client that names no sender is no browser: it has a key to use.
      for (const headers of [
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site', origin: api.publicUrl },
        { origin: 'https://evil.example' },
        { origin: 'null' },
        {},
      ] as Record<string, string>[])
        expect([headers, await press(headers)]).toEqual([headers, 403]);
      for (const headers of [{ 'sec-fetch-site': 'same-origin' }, { origin: api.publicUrl }] as Record<
        string,
        string
      >[])
        expect([headers, await press(headers)]).toEqual([headers, 404]);
      expect(await status({ authorization: `Bearer ${api.keys.admin}` }, '/api/queues/x/pause', 'PUT')).toBe(404);
    }).finally(() => queue.close());
  });
});
