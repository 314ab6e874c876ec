import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startSandbox, type RunningSandbox, type SandboxOptions } from '../../src/sandbox';

export const publicUrl = 'http://localhost:4400';
export const redirectUri = `${publicUrl}/oauth/callback`;
export const client = { clientId: 'client-1', clientSecret: 'secret-1' };
export const basic = `Basic ${Buffer.from(`${client.clientId}:${client.clientSecret}`).toString('base64')}`;

export const tokenPath = '/security/v1/oauth/token';
export const refreshPath = '/security/v1/oauth/refresh';
export const authorizePath = '/security/v1/oauth/authorize';
export const ratePath = '/api/rating/v2409/Rate';

export interface Ledger {
  grants: { grantId: string; username: string; issuedAt: string; revokedAt: string | null }[];
  tokens: { grantId: string; generation: number; accessTokenSha256: string; refreshTokenSha256: string }[];
  uses: {
    at: string;
    answeredAt: string | null;
    endpoint: string;
    grantId: string | null;
    username: string | null;
    status: number | null;
    code: string | null;
  }[];
  violations: { at: string; kind: string; grantId: string | null; detail: string }[];
  repeats: { at: string; grantId: string; generation: number; delivered: boolean }[];
}

export interface Answer<Body = unknown> {
  status: number;
  body: Body;
  headers: Headers;
}
export interface UpsError {
  response: { errors: { code: string; message: string }[] };
}
export type Tokens = Record<string, string> & { access_token: string; refresh_token: string };

export interface TestSandbox {
  readonly url: string;
  readonly dataDir: string;
  /** Milliseconds the sandbox's clock is ahead of its start. */
  move(ms: number): void;
  now(): number;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A UPS sandbox with its own folder and a clock that the test moves. */
export async function openTestSandbox(options: Partial<SandboxOptions> = {}): Promise<TestSandbox> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'upslink-sandbox-'));
  let now = Date.parse('2026-11-23T08:00:00.000Z');
  const start = () => startSandbox({ port: 0, dataDir, publicUrl, ...client, clock: () => now, ...options });
  let running: RunningSandbox = await start();
  return {
    get url() {
      return running.url;
    },
    dataDir,
    move: (ms) => {
      now += ms;
    },
    now: () => now,
    async restart() {
      await running.stop();
      running = await start();
    },
    async stop() {
      await running.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export async function call<Body = UpsError>(
  url: string,
  options: { method?: string; body?: string; headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Answer<Body>> {
  const response = await fetch(url, { redirect: 'manual', ...options });
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as Body };
}

export const control = <Body = Record<string, unknown>>(at: { url: string }, path: string, body?: unknown) =>
  call<Body>(`${at.url}/sandbox/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });

export const ledgerOf = async (at: { url: string }): Promise<Ledger> => (await control<Ledger>(at, 'ledger')).body;

export const seed = (
  at: { url: string },
  username: string,
  accounts: readonly object[] = [{ accountNumber: 'A1B2C3' }],
) => control(at, 'profiles', { username, password: `${username}-pass`, accounts });

export const form = (values: Record<string, string>, headers: Record<string, string> = {}) => ({
  method: 'POST',
  body: new URLSearchParams(values).toString(),
  headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
});

export function makeVerifier(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** A browser without a screen: keeps its cookie, reads a page's hidden fields and posts its forms. */
export class Browser {
  private cookie = '';
  page = '';
  status = 0;

  async open(url: string): Promise<string> {
    return this.go(url, {});
  }

  /** Fills in and submits the form of the page whose action is `action`; returns where that led. */
  async submit(base: string, action: string, values: Record<string, string>): Promise<string> {
    const markup = [...this.page.matchAll(/<form[^>]*action="([^"]*)"[\s\S]*?<\/form>/g)].find(
      (one) => one[1] === action,
    );
    if (!markup) throw new Error(`There is no form ${action} on the page.`);
    const hidden = [...markup[0].matchAll(/type="hidden"\s+name="([^"]*)"\s+value="([^"]*)"/g)];
    const fields = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, unescape(value)]));
    return this.go(`${base}${action}`, form({ ...fields, ...values }));
  }

  private async go(
    url: string,
    options: { method?: string; body?: string; headers?: Record<string, string> },
  ): Promise<string> {
    const headers = { ...options.headers, ...(this.cookie && { cookie: this.cookie }) };
    const response = await fetch(url, { ...options, headers, redirect: 'manual' });
    for (const cookie of response.headers.getSetCookie()) this.cookie = cookie.split(';')[0] ?? '';
    const location = response.headers.get('location');
    this.page = await response.text();
    this.status = response.status;
    if (location === null || !new URL(location, url).href.startsWith(new URL(url).origin)) return location ?? url;
    return this.go(new URL(location, url).href, {});
  }
}

const unescape = (text: string): string =>
  text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));

export function authorizeUrl(at: { url: string }, params: Record<string, string> = {}): string {
  const query = {
    client_id: client.clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    state: 'st-1',
    ...params,
  };
  return `${at.url}${authorizePath}?${new URLSearchParams(query).toString()}`;
}

/** Through login and consent to a code. */
export async function getCode(
  at: { url: string },
  username: string,
  params: Record<string, string> = {},
  browser = new Browser(),
): Promise<string> {
  await browser.open(authorizeUrl(at, params));
  if (browser.page.includes('action="/login"')) {
    await browser.submit(at.url, '/login', { username, password: `${username}-pass` });
  }
  const back = new URL(await browser.submit(at.url, '/consent', { decision: 'allow' }));
  return back.searchParams.get('code') ?? '';
}

export const exchange = <Body = Tokens>(at: { url: string }, code: string, values: Record<string, string> = {}) =>
  call<Body>(
    `${at.url}${tokenPath}`,
    form({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, ...values }, { authorization: basic }),
  );

export async function connect(at: { url: string }, username: string): Promise<Tokens> {
  return (await exchange(at, await getCode(at, username))).body;
}

export const refresh = <Body = Tokens>(at: { url: string }, token: string, signal?: AbortSignal) =>
  call<Body>(`${at.url}${refreshPath}`, {
    ...form({ grant_type: 'refresh_token', refresh_token: token }, { authorization: basic }),
    ...(signal && { signal }),
  });

export const party = {
  Name: 'Dock',
  Address: {
    AddressLine: ['1 Dock St'],
    City: 'Timonium',
    StateProvinceCode: 'MD',
    PostalCode: '21093',
    CountryCode: 'US',
  },
};

/** The probe as the service sends it. */
export const probe = (accountNumber = 'A1B2C3') => ({
  RateRequest: {
    Request: { TransactionReference: { CustomerContext: 'probe' } },
    Shipment: {
      Shipper: { ...party, ShipperNumber: accountNumber },
      ShipTo: party,
      ShipFrom: party,
      Service: { Code: '03', Description: 'Ground' },
      NumOfPieces: '1',
      Package: {
        PackagingType: { Code: '02', Description: 'Packaging' },
        PackageWeight: { UnitOfMeasurement: { Code: 'LBS', Description: 'Pounds' }, Weight: '1' },
      },
      ShipmentRatingOptions: { NegotiatedRatesIndicator: 'Y' },
    },
  },
});

export const rate = <Body = UpsError>(at: { url: string }, token: string, body: unknown, path = ratePath) =>
  call<Body>(`${at.url}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
  });

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const errorOf = ({ status, body }: Answer<unknown>): [number, string | undefined] => [
  status,
  (body as UpsError).response.errors[0]?.code,
];

/** Waits for a condition, not for a time. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`In vain waited until ${what}.`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
