/** The whole service with workers, a UPS sandbox and a real browser, for one test file. */

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { chromium, type BrowserContextOptions, type Page } from 'playwright-core';
import { loadConfig } from '../../src/config';
import { makeApiKeys, type Role } from '../../src/db/apiKeys';
import { connectDb } from '../../src/db/connection';
import { createTenant } from '../../src/db/tenants';
import { freePort } from '../../src/dev/network';
import { serve } from '../../src/main';
import { makeReleases } from '../../src/release';
import { startSandbox } from '../../src/sandbox';
import { privateRedis, testBrowser, testDatabase } from '../support/servers';

export const TENANT = 'acme';
export const PASSWORD = 'a-ups-password';

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

/** Longer than any wait of the service, shorter than a test. */
const PATIENCE_MS = 150_000;

export type TestSite = Awaited<ReturnType<typeof openTestSite>>;

export async function openTestSite(name: string) {
  const releases = makeReleases((what, error) => {
    throw new Error(`${what} could not be released`, { cause: error });
  });
  let shift = 0;
  const clock = { now: () => Date.now() + shift, monotonic: () => performance.now() };
  const port = await freePort();
  const publicUrl = `http://localhost:${port}`;
  const upsClient = { clientId: 'client-1', clientSecret: 'client-secret-0123456789' };

  const dataDir = await mkdtemp(path.join(tmpdir(), 'upslink-e2e-'));
  releases.add('folder', () => rm(dataDir, { recursive: true, force: true }));
  const sandbox = await startSandbox({ port: 0, dataDir, publicUrl, ...upsClient, clock: () => clock.now() });
  releases.add('sandbox', () => sandbox.stop());
  const sandboxUrl = sandbox.url.replace('127.0.0.1', 'localhost');
  const redis = await privateRedis();
  releases.add('redis', () => redis.dispose());
  const { url: mongodbUrl } = await testDatabase(name);

  const logged: string[] = [];
  const log = pino({ level: 'debug' }, { write: (text: string) => void logged.push(text) });
  const config = loadConfig({
    MONGODB_URL: mongodbUrl,
    REDIS_URL: redis.url,
    PORT: String(port),
    UPS_ENV: 'sandbox',
    UPS_BASE_URL: sandboxUrl,
    UPS_CLIENT_ID: upsClient.clientId,
    UPS_CLIENT_SECRET: upsClient.clientSecret,
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    DATA_DIR: dataDir,
  });
  const service = await serve(config, { log, clock });
  releases.add('service', () => service.stop());

  const keys = await seed(mongodbUrl, publicUrl);
  const browser = await chromium.launch({ executablePath: await testBrowser(), headless: true, args: FLAGS });
  releases.add('browser', () => browser.close());

  async function control<T>(method: string, what: string, body?: object): Promise<T> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${sandbox.url}/sandbox/${what}`, {
      method,
      ...(body && { headers, body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`the sandbox answered ${response.status} to ${method} ${what}`);
    return (response.status === 204 ? null : await response.json()) as T;
  }

  /** Posts to the API with the platform's key. */
  async function call<T>(to: string, body: object): Promise<T> {
    const response = await fetch(`${publicUrl}/v1${to}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keys.platform}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`the api answered ${response.status} to POST ${to}`);
    return (await response.json()) as T;
  }

  return {
    url: publicUrl,
    sandboxUrl,
    keys,
    logged,
    control,
    pass: (ms: number) => void (shift += ms),

    /** A new browser context without cookies; `complaints` holds the errors of its console. */
    async visitor(options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
      const context = await browser.newContext(options);
      context.setDefaultTimeout(PATIENCE_MS);
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        // Chromium logs this for every answer that is not 2xx; tests check those by what the page shows.
        if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
          complaints.push(message.text());
      });
      return { page, complaints };
    },

    call,

    /** Of an account made through the api. */
    async create(accountNumber: string): Promise<string> {
      const address = { addressLine: '1 Dock St', city: 'Timonium', stateProvinceCode: 'MD', postalCode: '21093' };
      const { id } = await call<{ id: string }>('/accounts', {
        name: `UPS ${randomBytes(4).toString('hex')}`,
        accountNumber,
        owner: 'shipper',
        address: { ...address, countryCode: 'US' },
      });
      return id;
    },

    /** Creates a merchant's UPS login that holds these account numbers. */
    async profile(...accountNumbers: string[]): Promise<string> {
      const username = `m-${randomBytes(4).toString('hex')}`;
      const accounts = accountNumbers.map((accountNumber) => ({ accountNumber }));
      await control('POST', 'profiles', { username, password: PASSWORD, accounts });
      return username;
    },

    close: () => releases.all(),
  };
}

async function seed(mongodbUrl: string, publicUrl: string): Promise<Record<Role, string>> {
  const db = await connectDb(mongodbUrl, { log: { info: () => {}, warn: () => {} } });
  try {
    const tenant = { name: 'Acme Stores', refreshPolicy: 'eager' as const, accessKeyDeadline: null, createdAt: 0 };
    await createTenant(db, { id: TENANT, returnOrigins: [publicUrl], ...tenant });
    await createTenant(db, { id: 'other', returnOrigins: [], ...tenant, name: 'Other Stores' });
    const apiKeys = makeApiKeys(db, { now: Date.now, monotonic: () => performance.now() });
    const keys = {} as Record<Role, string>;
    for (const role of ['platform', 'operator', 'reader', 'admin'] as const) {
      keys[role] = (await apiKeys.create({ tenantId: role === 'admin' ? null : TENANT, role, createdBy: 'cli' })).key;
    }
    return keys;
  } finally {
    await db.close();
  }
}
