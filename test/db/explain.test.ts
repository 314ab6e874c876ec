/**
 * No query scans: every operation of src/db runs here, each command it sends is noted down, and the server explains it.
 */

import mongoose from 'mongoose';
import { makeStore } from '../../src/db/accounts';
import { makeApiKeys } from '../../src/db/apiKeys';
import { connectDb, type Db } from '../../src/db/connection';
import * as history from '../../src/db/history';
import * as lease from '../../src/db/lease';
import * as queries from '../../src/db/queries';
import * as sessions from '../../src/db/sessions';
import * as tenants from '../../src/db/tenants';
import { AT, checkpointAt, sampleDocument, sampleEntry, sampleRow } from '../durable/samples';
import { testDatabase } from '../support/servers';
import { makeClock, silent } from './opened';

type Command = Record<string, unknown>;

let db: Db;
let plain: mongoose.Connection;
let sent: Command[] = [];

const ACCOUNTS = 300;
const document = (n: number) => {
  const sample = sampleDocument({ id: `acc_${n}`, tenantId: `t${n % 3}` });
  const view = { ...sample.view, name: `Name ${n}`, externalId: `x${n % 7}` };
  return n % 2 === 0
    ? { ...sample, view, wakeAt: n % 9, upsAt: n % 8, upsQueue: 'token-refresh' }
    : { ...sample, view };
};
const account = { id: 'acc_1', tenantId: 't1', outbox: [] };
const entries = [1, 2, 3].map((seq) =>
  sampleEntry('acc_1', sampleRow(seq, { routine: true, outgoing: [{ type: 'x', data: {} }] }), checkpointAt(seq)),
);
const tenant = (id: string): tenants.Tenant => ({
  id,
  name: id,
  returnOrigins: [],
  refreshPolicy: 'eager',
  accessKeyDeadline: null,
  createdAt: AT,
});

beforeAll(async () => {
  const { url } = await testDatabase('explain');
  db = await connectDb(url, { log: silent, onCommand: (command) => sent.push(command) });
  plain = await mongoose.createConnection(url).asPromise();
  await db.ensureIndexes();
  for (let n = 0; n < ACCOUNTS; n++) await makeStore(db).insert(document(n));
  await history.appendHistory(db, entries);
  for (let n = 0; n < 20; n++) await tenants.createTenant(db, tenant(`t${n}`));
});
afterAll(async () => {
  await plain.close();
  await db.close();
});

const store = () => makeStore(db);
const keys = () => makeApiKeys(db, makeClock(AT));
const given = { tenantId: 't1', role: 'reader' as const, key: 'upl_r_given' };
const list = (over: Partial<queries.AccountList>) => queries.listAccounts(db, { tenantId: 't1', limit: 5, ...over });
const due = (kind: 'wake' | 'ups', after: boolean) =>
  store().due({ kind, now: 5, after: after ? { id: 'acc_100', at: 2, queue: null } : null, limit: 20 });

/** By function: whatever src/db exports and sends to the server. */
const operations: Record<string, () => Promise<unknown>> = {
  load: () => store().load('acc_1'),
  'load, within a tenant': () => store().load('acc_1', 't1'),
  write: () => store().write(document(1), { ...document(1), rev: 2 }),
  findApplied: () => store().findApplied('acc_1', 'event-2'),
  'due, wake': () => due('wake', false),
  'due, wake, a later page': () => due('wake', true),
  'due, ups': () => due('ups', false),
  'due, ups, a later page': () => due('ups', true),
  appendHistory: () => history.appendHistory(db, entries),
  readHistory: () => history.readHistory(db, account, 1),
  latestCheckpoint: () => history.latestCheckpoint(db, account),
  readEvents: () => history.readEvents(db, account, 1),
  listAccounts: () => list({}),
  'listAccounts, a later page': () => list({ cursor: 'acc_2' }),
  'listAccounts by state': () => list({ state: 'created' }),
  'listAccounts by scheme': () => list({ scheme: null }),
  'listAccounts by reason': () => list({ reason: 'consent-denied' }),
  'listAccounts by externalId': () => list({ externalId: 'x3' }),
  'listAccounts by text': () => list({ text: 'Name 1' }),
  'listAccounts by all at once': () => list({ state: 'created', scheme: null, text: 'name', cursor: 'acc_2' }),
  'listAccounts of all tenants': () => list({ tenantId: null }),
  'listAccounts of all tenants by state': () => list({ tenantId: null, state: 'created' }),
  'listAccounts of all tenants by scheme': () => list({ tenantId: null, scheme: 'oauth' }),
  'listAccounts of all tenants by reason': () => list({ tenantId: null, reason: 'consent-denied' }),
  'listAccounts of all tenants by externalId': () => list({ tenantId: null, externalId: 'x3' }),
  'listAccounts of all tenants by text': () => list({ tenantId: null, text: 'Name 1' }),
  countByState: () => queries.countByState(db, 't1'),
  'countByState of all tenants': () => queries.countByState(db, null),
  getTenant: () => tenants.getTenant(db, 't1'),
  ensureTenant: () => tenants.ensureTenant(db, tenant('t1')),
  updateTenant: () => tenants.updateTenant(db, 't1', { name: 'x' }),
  listTenants: () => tenants.listTenants(db, { limit: 5, cursor: 't1' }),
  'apiKeys.ensure': () => keys().ensure(given),
  'apiKeys.findByKey': () => keys().findByKey(given.key),
  'apiKeys.list': () => keys().list({ tenantId: 't1', limit: 5 }),
  'apiKeys.list of all tenants': () => keys().list({ tenantId: null, limit: 5 }),
  'apiKeys.remove': () => keys().remove({ tenantId: 't1', id: 'key_1' }),
  findSession: () => sessions.findSession(db, 'cookie', AT),
  deleteSession: () => sessions.deleteSession(db, 'cookie'),
  acquireLease: () => lease.acquireLease(db, { name: 'l', holder: 'h', now: 0, ttlMs: 1 }),
  releaseLease: () => lease.releaseLease(db, { name: 'l', holder: 'h' }),
};

/** They insert, or send nothing themselves. */
const needNoQuery = ['createTenant', 'createSession', 'unlessThere', 'pageOf'];

it('leaves no exported operation out', () => {
  const exported = [history, lease, queries, sessions, tenants].flatMap((module) =>
    Object.entries(module).flatMap(([name, value]) => (typeof value === 'function' ? [name] : [])),
  );
  const missing = exported.filter((name) => !(name in operations) && !needNoQuery.includes(name));
  expect(missing).toEqual([]);
});

const ENVELOPE = ['lsid', '$db', '$clusterTime', 'txnNumber', 'readConcern', 'writeConcern', '$readPreference'];
const WITH_A_FILTER = ['find', 'aggregate', 'update', 'delete', 'findAndModify'];

async function explain(command: Command): Promise<unknown> {
  const bare = Object.fromEntries(Object.entries(command).filter(([name]) => !ENVELOPE.includes(name)));
  return plain.db?.command({ explain: bare, verbosity: 'executionStats' });
}

/** Every value of that name in the plan that won, wherever the server puts it. */
function valuesOf(plan: unknown, name: string): unknown[] {
  if (plan === null || typeof plan !== 'object') return [];
  return Object.entries(plan).flatMap(([key, value]: [string, unknown]) => {
    if (key === 'rejectedPlans') return [];
    return key === name ? [value, ...valuesOf(value, name)] : valuesOf(value, name);
  });
}

async function commandsOf(operation: () => Promise<unknown>): Promise<Command[]> {
  sent = [];
  await operation();
  // An update or a delete of many is explained one at a time.
  return sent
    .filter((command) => WITH_A_FILTER.some((name) => name in command))
    .flatMap((command) => {
      const [name, many] = 'updates' in command ? ['updates', command['updates']] : ['deletes', command['deletes']];
      return Array.isArray(many) ? many.map((one: unknown) => ({ ...command, [name]: [one] })) : [command];
    });
}

it.each(Object.keys(operations))('%s finds by an index and sorts by it', async (name) => {
  const commands = await commandsOf(operations[name] ?? fail);
  expect(commands).not.toEqual([]);
  for (const command of commands) {
    const plan = await explain(command);
    const stages = valuesOf(plan, 'stage');
    expect(stages).toContainEqual(expect.stringMatching(/IXSCAN|IDHACK|EXPRESS|COUNT_SCAN/));
    expect(stages).not.toContain('COLLSCAN');
    expect(stages).not.toContain('SORT');
  }
});

const examined = async (name: string, what: 'totalKeysExamined' | 'totalDocsExamined') => {
  const plans = await Promise.all((await commandsOf(operations[name] ?? fail)).map(explain));
  return Math.max(...plans.flatMap((plan) => valuesOf(plan, what) as number[]));
};

it.each(Object.keys(operations).filter((name) => name.startsWith('due') || name.startsWith('countByState')))(
  '%s reads no document',
  async (name) => {
    expect(await examined(name, 'totalDocsExamined')).toBe(0);
  },
);

it.each(Object.keys(operations).filter((name) => name.startsWith('listAccounts') && !name.includes('at once')))(
  '%s reads no more than it shows',
  async (name) => {
    expect(await examined(name, 'totalDocsExamined')).toBeLessThanOrEqual(6);
    expect(await examined(name, 'totalKeysExamined')).toBeLessThanOrEqual(7);
  },
);

function fail(): never {
  throw new Error('No such operation.');
}
