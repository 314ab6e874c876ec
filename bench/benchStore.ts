/** A private MongoDB, or the one that MONGODB_URL names, with accounts to measure. */

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { makeStore, type AccountDocument } from '../src/db/accounts';
import { connectDb, type Db } from '../src/db/connection';
import { makeVault, type Vault } from '../src/db/vault';
import { startMongodb } from '../src/dev/mongodb';
import { Running } from '../src/dev/running';
import { makeRuntime, type Runtime } from '../src/durable/runtime';
import { HOUR_MS } from '../src/durations';
import type { AccountData } from '../src/machines/data';
import { makeAccountDefinition, type AccountView } from '../src/machines/definition';
import type { TokenFacts } from '../src/machines/context';
import { accountData } from '../test/machines/accountBuilder';

export type AccountRuntime = Runtime<AccountData, AccountView>;

export interface BenchStore {
  db: Db;
  runtime: AccountRuntime;
  vault: Vault;
  serverName: string;
  /** A token answer of the size of UPS's, due for refresh at once. */
  answer: (document: AccountDocument, generation: number) => { output: object; secrets: Record<string, string> };
  connected(count: number): Promise<AccountDocument[]>;
  stop(): Promise<void>;
}

const silent = { info: () => {}, warn: () => {} };
const monotonic = () => performance.now();
const pause = (tries: number) => new Promise<void>((resolve) => setTimeout(resolve, tries * 20 * Math.random()));

/** UPS's access tokens are JWTs of about this size; the refresh token is shorter. */
const ACCESS_BYTES = 900;
const REFRESH_BYTES = 48;

const tokenFacts = (grantId: string, generation: number): TokenFacts => {
  const issuedAt = Date.now() - HOUR_MS;
  return {
    grantId,
    generation,
    issuedAt,
    accessExpiresAt: issuedAt + HOUR_MS,
    refreshExpiresAt: issuedAt + 60 * 24 * HOUR_MS,
  };
};

const newAccount = (name: string): AccountData => {
  const data = accountData();
  return { ...data, settings: { ...data.settings, name } };
};

const ups = { at: 0, endpoint: 'refresh', httpStatus: 200, code: null, message: null };

export async function openBenchStore(): Promise<BenchStore> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-bench-'));
  const running = new Running(folder);
  const signal = new AbortController().signal;
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const server = await startMongodb({ env: process.env, say, folder, running, signal, data: 'thrown-away' });
  const url = new URL(server.url);
  url.pathname = `/upslink_bench_${randomBytes(4).toString('hex')}`;
  const db = await connectDb(url.href, { log: silent });
  await db.ensureIndexes();
  const vault = makeVault([{ id: 'k1', key: randomBytes(32) }]);
  const runtime: AccountRuntime = makeRuntime<AccountData, AccountView>({
    definition: makeAccountDefinition(),
    store: makeStore(db),
    queue: { hand: async () => true },
    clock: { now: () => Date.now(), monotonic },
    makeId: () => randomBytes(12).toString('base64url'),
    seal: ({ id, ...binding }, secret) => vault.seal(secret, { accountId: id, ...binding }),
    pause,
    report: (error) => say(String(error)),
  });

  const answer: BenchStore['answer'] = (document, generation) => ({
    output: { kind: 'tokens', tokens: tokenFacts(document.data.links.at(-1)?.consentId ?? 'g1', generation), ups },
    secrets: {
      access: randomBytes(ACCESS_BYTES).toString('base64url').slice(0, ACCESS_BYTES),
      refresh: randomBytes(REFRESH_BYTES).toString('base64url'),
    },
  });

  async function connect(name: string): Promise<AccountDocument> {
    const id = `acc_${name}`;
    await runtime.create({ id, tenantId: 'bench', data: newAccount(name) }, { type: 'CREATE' }, { actor: 'bench' });
    const link = { consentId: 'g1', linkHash: '', stateHash: '', cookieHash: '', returnTo: null, ttlMs: HOUR_MS };
    await runtime.dispatch(id, { type: 'AUTHORIZE', ...link }, { actor: 'bench', secrets: { verifier: 'v' } });
    const received = { type: 'CODE_RECEIVED', consentId: 'g1' } as never;
    const { document, claimed } = await runtime.dispatch(id, received, { actor: 'bench', claimBy: 'bench' });
    const { output, secrets } = answer(document, 1);
    const exchanged = { key: claimed[0] ?? '', attempt: 1, secrets, claimBy: 'bench' };
    const verifying = await runtime.settle(document, exchanged, { output });
    const probed = { key: verifying.claimed[0] ?? '', attempt: 1 };
    return (await runtime.settle(verifying.document, probed, { output: { kind: 'verified', ups: null } })).document;
  }

  return {
    db,
    runtime,
    vault,
    serverName: server.name,
    answer,
    connected: async (count) => {
      const accounts: AccountDocument[] = [];
      for (let i = 0; i < count; i++) accounts.push(await connect(`bench${i}`));
      await runtime.relay.idle();
      return accounts;
    },
    stop: async () => {
      await runtime.relay.idle();
      await db.close();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
