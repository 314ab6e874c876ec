/**
 * Connects many accounts quickly: one goes through the merchant's pages, the others are copies of it, each with its own
 * grant at the sandbox. So the ledger of the sandbox can be compared with the store.
 */

import { createHash } from 'node:crypto';
import { connectDb, type Db } from '../src/db/connection';
import type { StoredAccount } from '../src/db/schemas';
import { makeVault, type Vault } from '../src/db/vault';
import { HOUR_MS } from '../src/durations';
import { inLanes } from '../src/lanes';
import { goThroughUps } from '../test/support/merchantBrowser';
import { ADDRESS, RETURN_ORIGIN, type System } from './processes';

const TENANT = 'bench';
const LOGIN = { username: 'bench', password: 'bench-password' };
const LIFE_BEFORE_DUE_MS = 0.75 * HOUR_MS;
const AT_ONCE = 8;

export interface ConnectedAccounts {
  db: Db;
  ids: string[];
  /** When each account is due, by its id. */
  dueAt: Map<string, number>;
  /** Grants whose newest refresh token the store does not hold, violations UPS saw, and tokens it was sent twice. */
  judge(): Promise<{ lost: number; violations: number; repeats: number; refreshed: number }>;
  close(): Promise<void>;
}

async function json<T>(url: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

const posted = (body: object, headers: object = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

async function connectOne({ apiUrl, sandboxUrl, key }: System): Promise<string> {
  const profile = { ...LOGIN, accounts: [{ accountNumber: 'A1B2C3' }] };
  await json(`${sandboxUrl}/sandbox/profiles`, posted(profile));
  const authorization = { authorization: `Bearer ${key}` };
  const account = { name: 'Model', accountNumber: 'A1B2C3', owner: 'shipper', address: ADDRESS };
  const { id } = await json<{ id: string }>(`${apiUrl}/v1/accounts`, posted(account, authorization));
  const wish = posted({ returnTo: `${RETURN_ORIGIN}/` }, authorization);
  const link = await json<{ connectUrl: string }>(`${apiUrl}/v1/accounts/${id}/authorization`, wish);
  await goThroughUps(link.connectUrl, LOGIN, { returnTo: RETURN_ORIGIN });
  return id;
}

interface Pair {
  access_token: string;
  refresh_token: string;
}

/** Returns a function that gets another grant for one signed-in merchant. */
async function grantsFrom({ apiUrl, sandboxUrl, upsClient }: System): Promise<() => Promise<Pair>> {
  const redirectUri = `${apiUrl}/oauth/callback`;
  const wish = { client_id: upsClient.id, redirect_uri: redirectUri, response_type: 'code', scope: 'x', state: 's' };
  const params = new URLSearchParams({ ...wish, type: 'ups_com_api' });
  const form = (url: string, body: URLSearchParams, headers: Record<string, string> = {}) =>
    fetch(url, { method: 'POST', body, headers, redirect: 'manual' });
  const login = await form(`${sandboxUrl}/login`, new URLSearchParams([...params, ...Object.entries(LOGIN)]));
  const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const basic = `Basic ${Buffer.from(`${upsClient.id}:${upsClient.secret}`).toString('base64')}`;
  return async () => {
    const page = await (await fetch(`${sandboxUrl}/consent?${params.toString()}`, { headers: { cookie } })).text();
    const formKey = /name="form_key"\s+value="([^"]+)"/.exec(page)?.[1] ?? '';
    const decided = new URLSearchParams([...params, ['form_key', formKey], ['decision', 'allow']]);
    const back = await form(`${sandboxUrl}/consent`, decided, { cookie });
    const code = new URL(back.headers.get('location') ?? '').searchParams.get('code') ?? '';
    const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirectUri });
    const headers = { authorization: basic, 'content-type': 'application/x-www-form-urlencoded' };
    return json<Pair>(`${sandboxUrl}/security/v1/oauth/token`, { method: 'POST', body, headers });
  };
}

/** A copy of the model with its own pair, whose refresh is due at `dueAt`. */
function copyOf(model: StoredAccount, vault: Vault, id: string, pair: Pair, dueAt: number): StoredAccount {
  const copy = structuredClone(model);
  const { current } = copy.data;
  if (current === null || model.upsAt === undefined) throw new Error('the model is not connected');
  const { grantId, generation } = current;
  const about = { tenantId: TENANT, accountId: id, grantId, generation };
  const shiftMs = dueAt - LIFE_BEFORE_DUE_MS - current.issuedAt;
  const facts = {
    issuedAt: current.issuedAt + shiftMs,
    accessExpiresAt: current.accessExpiresAt + shiftMs,
    refreshExpiresAt: current.refreshExpiresAt + shiftMs,
  };
  Object.assign(current, facts, {
    access: vault.seal(pair.access_token, { ...about, field: 'access' }),
    refresh: vault.seal(pair.refresh_token, { ...about, field: 'refresh' }),
  });
  Object.assign((copy.snapshot.context as { current: object }).current, facts);
  const timers = copy.timers.map((timer) => (timer.dueAt === model.upsAt ? { ...timer, dueAt } : timer));
  return { ...copy, _id: id, timers, outbox: [], upsAt: dueAt };
}

function pairOf(pairs: Pair[], n: number): Pair {
  const pair = pairs[n];
  if (!pair) throw new Error('there are fewer grants than accounts');
  return pair;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Ledger {
  tokens: { grantId: string; generation: number; refreshTokenSha256: string }[];
  violations: object[];
  repeats: object[];
}

/** `dueAts` is called after all grants are there, since getting them takes a while. */
export async function connectAccounts(
  system: System,
  count: number,
  dueAts: () => number[],
): Promise<ConnectedAccounts> {
  const db = await connectDb(system.mongodbUrl, { log: { info() {}, warn() {} }, database: 'upslink' });
  const [id = '', base64 = ''] = system.encryptionKeys.split(/:(.*)/s);
  const vault = makeVault([{ id, key: Buffer.from(base64, 'base64') }]);
  const modelId = await connectOne(system);
  const model = await db.accounts.findOne({ _id: modelId });
  if (!model) throw new Error('there is no model');
  await db.accounts.deleteOne({ _id: modelId });
  const nextGrant = await grantsFrom(system);
  const pairs = await inLanes(Array.from({ length: count }), AT_ONCE, () => nextGrant());
  const dueAt = new Map<string, number>();
  for (const [n, at] of dueAts().entries()) dueAt.set(`acc_${sha256(String(n)).slice(0, 26)}`, at);
  const copies = [...dueAt].map(([one, at], n) => copyOf(model, vault, one, pairOf(pairs, n), at));
  for (let from = 0; from < count; from += 50) await db.accounts.insertMany(copies.slice(from, from + 50));

  async function judge(): ReturnType<ConnectedAccounts['judge']> {
    const { tokens, violations, repeats } = await json<Ledger>(`${system.sandboxUrl}/sandbox/ledger`);
    const newest = new Map<string, number>();
    for (const { grantId, generation } of tokens) newest.set(grantId, Math.max(generation, newest.get(grantId) ?? 0));
    const known = new Map(tokens.map((token) => [token.refreshTokenSha256, token]));
    let [lost, refreshed] = [0, 0];
    for await (const { _id, data } of db.accounts.find({ tenantId: TENANT })) {
      const slot = data.current;
      if (!dueAt.has(_id) || slot === null) continue;
      const about = { tenantId: TENANT, accountId: _id, grantId: slot.grantId, generation: slot.generation };
      const token = known.get(sha256(vault.open(slot.refresh, { ...about, field: 'refresh' })));
      if (!token || newest.get(token.grantId) !== token.generation) lost += 1;
      else if (token.generation > 1) refreshed += 1;
    }
    return { lost, refreshed, violations: violations.length, repeats: repeats.length };
  }
  return { db, ids: [...dueAt.keys()], dueAt, judge, close: () => db.close() };
}
