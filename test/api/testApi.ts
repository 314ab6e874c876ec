/**
 * The API on a real store and the UPS sandbox, for tests over HTTP. There are no workers and no sweep, so only what the API
 * does by itself happens. Tests move the clock on top of real time.
 */

import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { makeApp } from '../../src/http';
import { presentAccount } from '../../src/api/present';
import type { AccountJson, VerdictJson } from '../../src/api/schemas/answers';
import type { Services } from '../../src/api/services';
import { loadConfig, type Config } from '../../src/config';
import { makeStore } from '../../src/db/accounts';
import { makeApiKeys, type Role } from '../../src/db/apiKeys';
import { connectDb } from '../../src/db/connection';
import { makeOutageStore } from '../../src/db/outages';
import { createTenant } from '../../src/db/tenants';
import { makeVault } from '../../src/db/vault';
import { StoreUnavailable } from '../../src/durable/errors';
import { makeRuntime } from '../../src/durable/runtime';
import { accountIdOf } from '../../src/hash';
import { newAccountData, type AccountData, type Settings } from '../../src/machines/data';
import { defaultRules, makeAccountDefinition, type AccountView } from '../../src/machines/definition';
import { startSandbox } from '../../src/sandbox';
import { GATE_DEFAULTS, makeGate, makeUpsClient } from '../../src/ups';
import { makePerformer, makeRunners, makeWaves } from '../../src/workers';
import { goThroughUps } from '../support/merchantBrowser';
import { testDatabase } from '../support/servers';
import { until } from '../support/until';
import { makeReleases } from '../ups/testServers';

const PASSWORD = 'ups-password-0123';
export const RETURN = 'http://localhost:9999/back';

export const OLD_KEY = { accessLicenseNumber: '0123456789ABCDEF', userId: 'old-user-77', password: 'old-password-77' };

export interface Answer<Body> {
  status: number;
  headers: Headers;
  body: Body;
  text: string;
}

export interface ProblemJson {
  code: string;
  field?: string;
  detail: string;
  title: string;
  status: number;
  type: string;
  requestId: string;
  way_out?: string;
}

export type TestApi = Awaited<ReturnType<typeof openTestApi>>;

export const newAccount = (changes: object = {}) => ({
  name: `UPS ${randomUUID()}`,
  accountNumber: 'A1B2C3',
  owner: 'shipper',
  address: {
    addressLine: '1 Dock St',
    city: 'Timonium',
    stateProvinceCode: 'MD',
    postalCode: '21093',
    countryCode: 'US',
  },
  ...changes,
});

export async function openTestApi(
  name: string,
  given: Partial<Pick<Config, 'rateLimit' | 'consentTtlMs' | 'maxConcurrentRequests' | 'trustedProxies'>> = {},
) {
  const releases = makeReleases();
  let shift = 0;
  const clock = { now: () => Date.now() + shift, monotonic: () => performance.now() + shift };

  const server = createServer();
  // A busy machine may leave a connection idle for longer than the default, and closing it would look like a lost answer.
  server.keepAliveTimeout = 75_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  releases.add(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const publicUrl = `http://localhost:${(server.address() as AddressInfo).port}`;
  const upsClient = { clientId: 'client-1', clientSecret: 'client-secret-0123456789' };

  const dataDir = await mkdtemp(path.join(tmpdir(), 'upslink-api-'));
  releases.add(() => rm(dataDir, { recursive: true, force: true }));
  const sandbox = await startSandbox({ port: 0, dataDir, publicUrl, ...upsClient, clock: () => clock.now() });
  releases.add(() => sandbox.stop());

  const { url: mongodbUrl } = await testDatabase(name);
  const config: Config = {
    ...loadConfig({
      MONGODB_URL: mongodbUrl,
      REDIS_URL: 'redis://nowhere',
      PUBLIC_URL: publicUrl,
      UPS_BASE_URL: sandbox.url,
      UPS_CLIENT_ID: upsClient.clientId,
      UPS_CLIENT_SECRET: upsClient.clientSecret,
      ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    }),
    ...given,
  };
  const db = await connectDb(mongodbUrl, { log: { info: () => {}, warn: () => {} } });
  releases.add(() => db.close());
  await db.ensureIndexes();

  const logged: string[] = [];
  const log = pino({ level: 'trace' }, { write: (text: string) => void logged.push(text) });
  const vault = makeVault(config.encryptionKeys);
  const definition = makeAccountDefinition({ ...defaultRules, consentTtlMs: config.consentTtlMs });
  const gate = makeGate(clock, GATE_DEFAULTS);
  const client = makeUpsClient({
    baseUrl: sandbox.url,
    ...upsClient,
    redirectUri: `${publicUrl}/oauth/callback`,
    gate,
    clock,
  });
  releases.add(() => client.close());
  let away = false;
  let reads = 0;
  const unlessAway = <T>(work: Promise<T>): Promise<T> =>
    away ? Promise.reject(new StoreUnavailable('The store is away, as the test asked.')) : work;
  const store = makeStore(db);
  const handed: { id: string; queue: string }[] = [];
  const runtime = makeRuntime<AccountData, AccountView>({
    definition,
    store: { ...store, load: (id, tenantId) => (reads++, unlessAway(store.load(id, tenantId))) },
    queue: { hand: async (items) => handed.push(...items) > 0 },
    clock,
    makeId: randomUUID,
    seal: ({ id, ...about }, secret) => vault.seal(secret, { ...about, accountId: id }),
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    report: (error) => log.error({ error: String(error) }, 'reported'),
  });
  releases.add(() => runtime.relay.idle());
  const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.min(ms, 20)));
  const performer = makePerformer({
    runtime,
    runners: makeRunners({ client, gate, vault, clock, log, wait }),
    gate,
    queueOf: (event) => definition.queueOf(event),
    by: `api-${randomUUID()}`,
    clock,
    log,
  });
  releases.add(() => performer.stop(0));

  const apiKeys = makeApiKeys(db, clock);
  let missing: string | null = null;
  const services: Services = {
    config,
    db,
    apiKeys,
    runtime,
    performer,
    ups: client,
    vault,
    waves: makeWaves({ outages: makeOutageStore(db), clock, log }),
    clock,
    makeId: randomUUID,
    log,
    isReady: async () => missing,
  };
  let arrived = 0;
  server.on('request', () => void (arrived += 1));
  server.on('request', makeApp(services));

  const keys = {} as Record<Role | 'other', string>;
  for (const id of ['acme', 'other']) {
    const tenant = { id, name: `Tenant ${id}`, returnOrigins: ['http://localhost:9999'], accessKeyDeadline: null };
    await createTenant(db, { ...tenant, refreshPolicy: 'eager', createdAt: clock.now() });
  }
  for (const role of ['platform', 'operator', 'reader', 'admin', 'metrics'] as const) {
    const tenantId = role === 'admin' || role === 'metrics' ? null : 'acme';
    keys[role] = (await apiKeys.create({ tenantId, role, name: `The ${role} key`, createdBy: 'cli' })).key;
  }
  keys.other = (await apiKeys.create({ tenantId: 'other', role: 'platform', createdBy: 'cli' })).key;

  async function send<Body>(method: string, to: string, options: RequestInit = {}): Promise<Answer<Body>> {
    const response = await fetch(new URL(to, publicUrl), { redirect: 'manual', method, ...options });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson && text ? JSON.parse(text) : null) as Body,
    };
  }

  /** A request under /v1 with a key (the platform's); a body is sent as JSON. */
  async function call<Body = ProblemJson>(
    method: string,
    to: string,
    options: { body?: unknown; key?: string | null; headers?: Record<string, string> } = {},
  ): Promise<Answer<Body>> {
    const { body, key = keys.platform, headers } = options;
    return send<Body>(method, `/v1${to}`, {
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  async function control<T = unknown>(method: string, what: string, body?: object): Promise<T> {
    const response = await fetch(`${sandbox.url}/sandbox/${what}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`the sandbox answered ${response.status} to ${method} ${what}`);
    return (response.status === 204 ? null : await response.json()) as T;
  }

  /** Creates a merchant's UPS login that holds these account numbers. */
  async function profile(...accountNumbers: string[]) {
    const username = `m-${randomBytes(4).toString('hex')}`;
    const accounts = accountNumbers.map((accountNumber) => ({ accountNumber }));
    await control('POST', 'profiles', { username, password: PASSWORD, accounts });
    return { username, password: PASSWORD };
  }

  const create = async (changes: object = {}, key = keys.platform): Promise<AccountJson> =>
    (await call<AccountJson>('POST', '/accounts', { body: newAccount(changes), key })).body;

  /** An account of the XML era, as an import makes it. */
  async function withKey(
    changes: object = {},
    { deadlineAt = clock.now() + 60 * 86_400_000, tenantId = 'acme' }: { deadlineAt?: number; tenantId?: string } = {},
  ): Promise<AccountJson> {
    const { name, ...input } = newAccount(changes);
    const settings = { ...input, name, owner: 'shipper', externalId: null, refreshPolicy: 'eager', seq: 1 } as Settings;
    const data = newAccountData(settings, 'hash', { sealed: null, fingerprint: 'f'.repeat(32), deadlineAt });
    const birth = { id: accountIdOf(tenantId, name), tenantId, data, event: { type: 'IMPORT', settings } };
    const [born] = await runtime.createMany([{ ...birth, secrets: { accessKey: JSON.stringify(OLD_KEY) } }], {
      actor: 'key:test',
    });
    if (!born) throw new Error('nothing was born');
    return presentAccount(born.document, clock.now());
  }

  const read = async (id: string, key = keys.platform): Promise<AccountJson> =>
    (await call<AccountJson>('GET', `/accounts/${id}`, { key })).body;

  const event = (id: string, body: object, key = keys.platform) =>
    call<VerdictJson>('POST', `/accounts/${id}/events`, { body, key });

  const link = async (id: string, body: object = { returnTo: RETURN }, key = keys.platform) =>
    (await call<{ connectUrl: string; expiresAt: string }>('POST', `/accounts/${id}/authorization`, { body, key }))
      .body;

  /** A connected account of the key's tenant, authorized through the pages. */
  async function connected(changes: object = {}, key = keys.platform): Promise<AccountJson> {
    const account = await create(changes, key);
    const login = await profile(account.accountNumber);
    const { connectUrl } = await link(account.id, { returnTo: RETURN }, key);
    await goThroughUps(connectUrl, login, { returnTo: RETURN });
    return read(account.id, key);
  }

  return {
    publicUrl,
    sandbox,
    services,
    keys,
    logged,
    handed,
    clock,
    send,
    call,
    control,
    profile,
    create,
    withKey,
    read,
    event,
    link,
    connected,
    until: (condition: () => Promise<boolean>) => until('the test can go on', condition),
    pass: (ms: number) => void (shift += ms),
    /** Does what a worker would do for the account now. */
    perform: (id: string) => performer.perform(id),
    /** Requests received so far, answered or not. */
    arrived: () => arrived,
    /** How often a document was loaded so far. */
    reads: () => reads,
    setAway: (is: boolean) => void (away = is),
    setMissing: (what: string | null) => void (missing = what),
    refreshes: async () =>
      (await control<{ uses: { endpoint: string }[] }>('GET', 'ledger')).uses.filter(
        ({ endpoint }) => endpoint === 'refresh',
      ).length,
    release: () => releases.run(),
  };
}
