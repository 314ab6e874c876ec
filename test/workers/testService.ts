/**
 * The service without its API: a real store, a real UPS sandbox over HTTP, and any number of processes that share nothing in
 * memory. They share one clock, which tests move on top of real time.
 */

import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeStore, type AccountDocument } from '../../src/db/accounts';
import { connectDb, type Db } from '../../src/db/connection';
import { makeOutageStore } from '../../src/db/outages';
import { makeVault, type Vault } from '../../src/db/vault';
import { StoreUnavailable } from '../../src/durable/errors';
import { makeRuntime, type Runtime } from '../../src/durable/runtime';
import type { Definition, Queue, Row, Store, Written } from '../../src/durable/types';
import type { AccountData, RefreshPolicy } from '../../src/machines/data';
import { defaultRules, makeAccountDefinition, type AccountView } from '../../src/machines/definition';
import { startSandbox } from '../../src/sandbox';
import {
  GATE_DEFAULTS,
  makeGate,
  makePkce,
  makeUpsClient,
  type Gate,
  type GateOptions,
  type UpsClient,
} from '../../src/ups';
import {
  lookAtOutages,
  makeDiskPlace,
  makePerformer,
  makePickUp,
  makeRecall,
  makeRedisPlace,
  makeRunners,
  makeSharedCircuits,
  makeSpool,
  makeSpoolFigures,
  makeSweepLease,
  makeWaves,
  type Performer,
  type PickUp,
  type Runners,
  type SecondPlace,
  type Spool,
  type SweepLease,
  type Waves,
  type WorkLog,
} from '../../src/workers';
import { accountData } from '../machines/accountBuilder';
import type { Deploy } from '../machines/changedMachines';
import { testDatabase } from '../support/servers';
import { makeReleases } from '../ups/testServers';

export const TENANT = 'acme';
const ups = { clientId: 'client-1', clientSecret: 'client-secret-0123456789', publicUrl: 'http://localhost:4400' };
export const paths = {
  token: '/security/v1/oauth/token',
  refresh: '/security/v1/oauth/refresh',
  rate: '/api/rating/v2409/Rate',
};

export interface Ledger {
  tokens: { grantId: string; generation: number; accessTokenSha256: string; refreshTokenSha256: string }[];
  uses: { endpoint: string; username: string | null; status: number | null; code: string | null }[];
  violations: { kind: string; detail: string }[];
  repeats: { grantId: string; generation: number; delivered: boolean }[];
}

export interface Counts {
  reads: number;
  writes: number;
  inserts: number;
  /** Inserts into history, and the rows in them. */
  appends: number;
  rows: number;
  finds: number;
  dues: number;
}
const nothing = (): Counts => ({ reads: 0, writes: 0, inserts: 0, appends: 0, rows: 0, finds: 0, dues: 0 });

type AccountStore = Store<AccountData, AccountView>;
export type TestService = Awaited<ReturnType<typeof openTestService>>;
export interface Process {
  definition: Definition<AccountData, AccountView>;
  /** Accounts that it left as they are. */
  leftAlone: { id: string; code: string }[];
  counts: Counts;
  logged: { level: string; fields: object; message: string }[];
  log: WorkLog;
  store: AccountStore;
  gate: Gate;
  client: UpsClient;
  runtime: Runtime<AccountData, AccountView>;
  runners: Runners;
  performer: Performer;
  lease: SweepLease;
  /** Its second place; empty unless a folder or Redis was given. */
  spool: Spool;
  pickUp: PickUp;
  waves: Waves;
  /** Looks at outages of UPS, as a running process does once a second. */
  look(triesHeld?: boolean): Promise<void>;
  forgetCounts(): void;
  /** Cuts this process off from the store, or connects it again. */
  setAway(is: boolean): void;
  /** The store takes one more write and goes away before it answers. */
  leaveAfterWrite(): void;
}

const noQueue: Queue = { hand: async () => true };

export async function openTestService(name: string) {
  const releases = makeReleases();
  let shift = 0;
  const clock = { now: () => Date.now() + shift, monotonic: () => performance.now() + shift };

  const { url: databaseUrl } = await testDatabase(name);
  const silent = { info: () => {}, warn: () => {} };
  const db = await connectDb(databaseUrl, { log: silent });
  releases.add(() => db.close());
  await db.ensureIndexes();
  const ringKey = { id: 'k1', key: randomBytes(32) };
  const ringVault = makeVault([ringKey]);
  const definition = makeAccountDefinition();

  const dataDir = await mkdtemp(path.join(tmpdir(), 'upslink-workers-'));
  releases.add(() => rm(dataDir, { recursive: true, force: true }));
  const sandbox = await startSandbox({ port: 0, dataDir, ...ups, clock: () => clock.now() });
  releases.add(() => sandbox.stop());

  async function control<T = unknown>(method: string, what: string, body?: object): Promise<T> {
    const response = await fetch(`${sandbox.url}/sandbox/${what}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`the sandbox answered ${response.status} to ${method} ${what}`);
    return (response.status === 204 ? null : await response.json()) as T;
  }

  interface Given {
    /** Another machine, as a deploy may bring it. */
    deploy?: Deploy;
    queue?: Queue;
    gate?: Partial<GateOptions>;
    secret?: string;
    /** Its own connection to the store. */
    db?: Db;
    vault?: Vault;
    /** The folder for answers while the store is away. */
    spoolDir?: string;
    redis?: { url: string; prefix: string };
    keepAfterMs?: number;
    patienceMs?: number;
    /** Shares circuits with other processes; the test must call `look`. */
    shares?: boolean;
    /** Replaces the default, which moves the shared clock. */
    wait?: (ms: number) => Promise<void>;
  }

  function placesOf({ spoolDir, redis }: Given, log: WorkLog): SecondPlace[] {
    const places = spoolDir === undefined ? [] : [makeDiskPlace(spoolDir)];
    if (redis === undefined) return places;
    const place = makeRedisPlace({ redisUrl: redis.url, prefix: redis.prefix, log });
    releases.add(() => place.close());
    return [...places, place];
  }

  /** A process of the service: runtime, gate, client and performer, which shares no memory with another. */
  function process(given: Given = {}): Process {
    const counts = nothing();
    const logged: { level: string; fields: object; message: string }[] = [];
    const note = (level: string) => (fields: object, message: string) => void logged.push({ level, fields, message });
    const log = { info: note('info'), warn: note('warn'), error: note('error') };
    const leftAlone: { id: string; code: string }[] = [];
    const storeIs = { away: false, leaving: false };
    const store = counted(makeStore(given.db ?? db, given.deploy?.upgrade), counts, storeIs);
    const vault = given.vault ?? ringVault;
    const by = `process-${randomUUID()}`;
    const circuits = makeSharedCircuits({ outages: makeOutageStore(db), by, clock, log });
    const waves = makeWaves({ outages: makeOutageStore(db), clock, log });
    const mayTry = given.shares === true ? circuits.mayTry : () => true;
    const gate = makeGate(clock, { ...GATE_DEFAULTS, mayTry, ...given.gate });
    const makeDefinition = given.deploy?.definition ?? makeAccountDefinition;
    const definition = makeDefinition({ ...defaultRules, waves: () => waves.states() });
    const client = makeUpsClient({
      baseUrl: sandbox.url,
      clientId: ups.clientId,
      clientSecret: given.secret ?? ups.clientSecret,
      redirectUri: `${ups.publicUrl}/oauth/callback`,
      gate,
      clock,
    });
    releases.add(() => client.close());
    const runtime = makeRuntime<AccountData, AccountView>({
      definition,
      store,
      queue: given.queue ?? noQueue,
      clock,
      makeId: randomUUID,
      seal: ({ id, ...about }, secret) => vault.seal(secret, { ...about, accountId: id }),
      pause: () => new Promise((resolve) => setImmediate(resolve)),
      leftAlone: (id, why) => void leftAlone.push({ id, code: why.code }),
      report: (error) => void logged.push({ level: 'report', fields: { error }, message: String(error) }),
    });
    releases.add(() => runtime.relay.idle());
    const { wait = async (ms: number) => void (shift += ms) } = given;
    const figures = makeSpoolFigures();
    // A service waits one second for its disk; on a machine full of tests the disk may take longer.
    const { keepAfterMs = 250, patienceMs = 10_000 } = given;
    const spool = makeSpool({ places: placesOf(given, log), vault, clock, log, figures, keepAfterMs, patienceMs });
    const pickUp = makePickUp({ spool, runtime, clock, log, figures });
    const recall = makeRecall({ spool, load: (id) => runtime.load(id), wait, clock, log });
    const runners = makeRunners({ client, gate, vault, clock, log, wait, recall, waves });
    const performer = makePerformer({
      runtime,
      runners,
      gate,
      queueOf: (event) => definition.queueOf(event),
      by,
      clock,
      log,
      spool,
      pause: () => new Promise((resolve) => setTimeout(resolve, 5)),
    });
    releases.add(() => performer.stop(0));
    const lease = makeSweepLease({ db, clock, by, version: definition.version });
    return {
      store,
      definition,
      counts,
      logged,
      leftAlone,
      log,
      gate,
      client,
      runtime,
      runners,
      performer,
      lease,
      spool,
      pickUp,
      waves,
      look: (triesHeld = true) =>
        lookAtOutages({ outages: makeOutageStore(db), gate, circuits, waves, runtime, log, triesHeld }),
      forgetCounts: () => void Object.assign(counts, nothing()),
      setAway: (is) => void (storeIs.away = is),
      leaveAfterWrite: () => void (storeIs.leaving = true),
    };
  }

  const newId = () => `acc_${randomBytes(13).toString('hex')}`;

  /** A connected account, through UPS's own pages. */
  async function connect(
    on: Process,
    about: { policy?: RefreshPolicy; username?: string; id?: string } = {},
  ): Promise<string> {
    const { username = `m-${randomBytes(4).toString('hex')}`, policy = 'eager' } = about;
    const id = await create(on, policy, about.id);
    await control('POST', 'profiles', { username, password: 'pass', accounts: [{ accountNumber: 'A1B2C3' }] });
    const code = await consent(on, id, username);
    const since = clock.monotonic();
    const { document, claimed } = await on.runtime.dispatch(
      id,
      { type: 'CODE_RECEIVED', consentId: code.consentId } as never,
      { actor: 'merchant', claimBy: on.performer.by },
    );
    await on.performer.carry(document, claimed, { code: code.code, since });
    await on.runtime.relay.idle();
    return id;
  }

  async function create(on: Process, policy: RefreshPolicy = 'eager', id = newId()): Promise<string> {
    const data = accountData(policy);
    await on.runtime.create({ id, tenantId: TENANT, data }, { type: 'CREATE' }, { actor: 'key:test' });
    return id;
  }

  /** An account of the XML era, as an import makes it. */
  async function withKey(on: Process, worksForMs = 60 * 86_400_000): Promise<string> {
    const id = newId();
    const accessKey = { sealed: null, fingerprint: 'f1', deadlineAt: clock.now() + worksForMs };
    const data = accountData('eager', accessKey);
    const birth = { id, tenantId: TENANT, data, event: { type: 'IMPORT' }, secrets: { accessKey: '{}' } };
    await on.runtime.createMany([birth], { actor: 'key:test' });
    return id;
  }

  /** Dispatches AUTHORIZE (MIGRATE for an account on a key) and does what the browser does between link and callback. */
  async function consent(on: Process, id: string, username: string): Promise<{ consentId: string; code: string }> {
    const { verifier, challenge } = makePkce();
    const consentId = randomUUID();
    const event = { type: 'AUTHORIZE', consentId, linkHash: 'l', stateHash: 's', cookieHash: 'c', returnTo: null };
    const secrets = { verifier };
    await on.runtime.dispatch(id, { ...event, ttlMs: 1_800_000 } as never, { actor: 'key:test', secrets });
    const toLogin = await go(on.client.authorizeUrl({ state: 'state-1', codeChallenge: challenge }));
    const params = new URL(toLogin.location).searchParams;
    const login = new URLSearchParams([...params, ['username', username], ['password', 'pass']]);
    const cookie = (await go(`${sandbox.url}/login`, login)).cookie.split(';')[0] ?? '';
    const page = await go(`${sandbox.url}/consent?${params.toString()}`, undefined, cookie);
    const key = /name="form_key"\s+value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const allow = new URLSearchParams([...params, ['form_key', key], ['decision', 'allow']]);
    const back = new URL((await go(`${sandbox.url}/consent`, allow, cookie)).location);
    return { consentId, code: back.searchParams.get('code') ?? '' };
  }

  const load = async (id: string): Promise<AccountDocument> => {
    const document = await makeStore(db).load(id);
    if (!document) throw new Error(`no account ${id}`);
    return document;
  };

  return {
    db,
    clock,
    vault: ringVault,
    ringKey,
    databaseUrl,
    /** Environment variables for a process on the same store and sandbox. */
    environment: () => ({
      MONGODB_URL: databaseUrl,
      UPS_BASE_URL: sandbox.url,
      UPS_CLIENT_ID: ups.clientId,
      UPS_CLIENT_SECRET: ups.clientSecret,
      PUBLIC_URL: ups.publicUrl,
      ENCRYPTION_KEYS: `${ringKey.id}:${ringKey.key.toString('base64')}`,
    }),
    sandboxUrl: sandbox.url,
    definition,
    process,
    connect,
    create,
    withKey,
    consent,
    load,
    control,
    /** Moves the clock of all processes. */
    pass: (ms: number) => void (shift += ms),
    /** The accounts of `ids` that have something due or under way. */
    async dueOf(ids: string[]): Promise<string[]> {
      const now = { $lte: clock.now() };
      const underWay = { 'invocations.0': { $exists: true } };
      const due = await db.accounts
        .find({ _id: { $in: ids }, $or: [{ wakeAt: now }, { upsAt: now }, underWay] })
        .toArray();
      return due.map(({ _id }) => _id);
    },
    /** Moves the clock to the account's next work that needs UPS. */
    async passToUps(id: string) {
      const { upsAt } = await load(id);
      if (upsAt === null) throw new Error('nothing of the account needs UPS');
      shift += Math.max(0, upsAt - clock.now()) + 1;
    },
    ledger: () => control<Ledger>('GET', 'ledger'),
    /** Refresh tokens sent while an earlier send of them was open. */
    gambles: async () =>
      (await control<Ledger>('GET', 'ledger')).violations.filter(({ kind }) => kind.startsWith('refresh')),
    /** How often UPS was asked to refresh a token. */
    refreshes: async () =>
      (await control<Ledger>('GET', 'ledger')).uses.filter(({ endpoint }) => endpoint === 'refresh').length,
    fault: (where: keyof typeof paths, what: object) =>
      control('POST', 'faults', { match: { path: paths[where] }, times: 1, ...what }),
    clearFaults: () => control('DELETE', 'faults'),
    history: async (id: string): Promise<Row[]> => await db.history.find({ accountId: id }).sort({ seq: 1 }).toArray(),
    /** Whether the account holds the newest pair that UPS gave. */
    async holdsNewestPair(id: string, vault: Pick<Vault, 'open'> = ringVault): Promise<boolean> {
      const { tenantId, data } = await load(id);
      if (!data.current) return false;
      const { grantId, generation, refresh } = data.current;
      const plain = vault.open(refresh, { tenantId, accountId: id, field: 'refresh', grantId, generation });
      const sha256 = createHash('sha256').update(plain).digest('hex');
      const { tokens } = await control<Ledger>('GET', 'ledger');
      // A refresh token that UPS did not rotate is listed once per generation.
      const mine = tokens.findLast((one) => one.refreshTokenSha256 === sha256);
      return mine !== undefined && tokens.every((t) => t.grantId !== mine.grantId || t.generation <= mine.generation);
    },
    release: () => releases.run(),
  };
}

function counted(store: AccountStore, counts: Counts, is: { away: boolean; leaving: boolean }): AccountStore {
  const unlessAway = <T>(work: () => Promise<T>): Promise<T> =>
    is.away ? Promise.reject(new StoreUnavailable('The store is away, as the test asked.')) : work();
  const written = async (work: () => Promise<Written>): Promise<Written> => {
    const result = is.away ? 'unknown' : await work();
    if (!is.leaving || result !== 'done') return result;
    Object.assign(is, { away: true, leaving: false });
    return 'unknown';
  };
  return {
    load: (id, tenantId) => (counts.reads++, unlessAway(() => store.load(id, tenantId))),
    insert: (document, over) => (counts.inserts++, written(() => store.insert(document, over))),
    insertMany: (documents) => (counts.inserts++, unlessAway(() => store.insertMany(documents))),
    findGrave: (id) => (counts.reads++, unlessAway(() => store.findGrave(id))),
    write: (before, next) => (counts.writes++, written(() => store.write(before, next))),
    writeMany: (changes) => (counts.writes++, unlessAway(() => store.writeMany(changes))),
    appendHistory: (entries) => {
      counts.appends++;
      counts.rows += entries.length;
      return unlessAway(() => store.appendHistory(entries));
    },
    findApplied: (id, eventId) => (counts.finds++, unlessAway(() => store.findApplied(id, eventId))),
    due: (page) => (counts.dues++, unlessAway(() => store.due(page))),
  };
}

async function go(to: string, form?: URLSearchParams, cookie = '') {
  const response = await fetch(to, {
    redirect: 'manual',
    method: form === undefined ? 'GET' : 'POST',
    headers: { cookie },
    ...(form && { body: form }),
  });
  const { headers } = response;
  return {
    location: headers.get('location') ?? '',
    cookie: headers.get('set-cookie') ?? '',
    text: await response.text(),
  };
}

/** life.token of a connected account, else life. */
export function standing({ snapshot }: AccountDocument): string {
  const { life } = snapshot.value as { life: string | Record<string, string> };
  return typeof life === 'string'
    ? life
    : Object.entries(life)
        .map((parts) => parts.join('.'))
        .join('');
}
