/**
 * What the queries cost. Every operation of src/db runs here, each command it sends is noted down, and the server
 * explains it: none scans, and each takes the trips its comment says.
 */

import mongoose from 'mongoose';
import { makeStore } from '../../src/db/accounts';
import { makeApiKeys } from '../../src/db/apiKeys';
import * as campaigns from '../../src/db/campaigns';
import { connectDb, type Db } from '../../src/db/connection';
import * as deadlines from '../../src/db/deadlines';
import * as epoch from '../../src/db/epoch';
import * as erasure from '../../src/db/erasure';
import * as fingerprints from '../../src/db/fingerprints';
import * as forecast from '../../src/db/forecast';
import * as grants from '../../src/db/grants';
import * as history from '../../src/db/history';
import { namesOfActors } from '../../src/db/keyNames';
import * as keyUse from '../../src/db/keyUse';
import * as leftAlone from '../../src/db/leftAlone';
import * as lease from '../../src/db/lease';
import * as outages from '../../src/db/outages';
import * as queries from '../../src/db/queries';
import * as reseal from '../../src/db/reseal';
import * as sealed from '../../src/db/sealed';
import * as sessions from '../../src/db/sessions';
import * as tenants from '../../src/db/tenants';
import { makeVault } from '../../src/db/vault';
import { AT, checkpointAt, sampleDocument, sampleEntry, sampleRow } from '../durable/samples';
import { MACHINE_VERSION } from '../../src/machines/account';
import { newWave } from '../../src/workers/outages/wave';
import { testDatabase } from '../support/servers';
import { until } from '../support/until';
import { makeClock, silent } from './testDb';

type Command = Record<string, unknown>;

let db: Db;
let plain: mongoose.Connection;
let sent: Command[] = [];
/** SecantusDB's Python server plans by one index at most, never by `_id`, and always sorts: its word is worth less. */
let hasPlanner = true;

const DAY = 86_400_000;
const outlookOf = (n: number) => ({
  lapsesOn: n % 50 === 0 ? null : (n % 60) * DAY,
  refreshOn: null,
  refreshEveryMs: 1 + (n % 9),
});

/** Some were left by a machine before the outlook. */
const connectedByVersion3 = (n: number) => {
  const { snapshot } = sampleDocument();
  const value = { life: { connected: n % 2 === 0 ? 'held' : 'fresh' }, consent: 'idle', key: 'none' };
  return { version: 3, snapshot: { ...snapshot, value } };
};

const ACCOUNTS = 300;
const OURS = { version: MACHINE_VERSION, shape: 'ours' };

const document = (n: number) => {
  const sample = sampleDocument({
    ...{ id: `acc_${n}`, tenantId: `t${n % 3}` },
    ...(n % 10 > 7 && connectedByVersion3(n)),
  });
  const view = { ...sample.view, name: `Name ${n}`, externalId: `x${n % 7}`, ...outlookOf(n) };
  return n % 2 === 0
    ? { ...sample, view, wakeAt: n % 9, upsAt: n % 8, upsQueue: 'token-refresh' }
    : { ...sample, view };
};
const account = { id: 'acc_1', tenantId: 't1', outbox: [], firstSeq: 1 };
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

const campaign: campaigns.Campaign = {
  ...{ id: 'cmp_1', tenantId: 't1', name: 'Spring', filter: {}, state: 'running', pausedBecause: null, undoing: false },
  ...{ restlessUntil: 0, wave: 1, waves: 2, nextWaveAt: AT, forgiven: { ended: 0, failed: 0 }, rev: 1, wakeAt: AT },
  ...{ createdAt: AT, createdBy: 'key:1', startedAt: AT, finishedAt: null },
  plan: { waveSize: 1, pauseMs: 0, stopWhenFailedShare: 1, linkTtlMs: 1, graceMs: 0, returnTo: null },
};
const item = (n: number): campaigns.CampaignItem => ({
  ...{ _id: campaigns.itemId('cmp_1', `acc_${n}`), campaignId: 'cmp_1', tenantId: 't1', accountId: `acc_${n}` },
  ...{ name: `Name ${n}`, accountNumber: 'A1B2C3', externalId: null, wave: 1, state: 'planned', reason: null, at: AT },
  ...{ consentId: null, link: null, linkExpiresAt: null },
});
const vault = makeVault([
  { id: 'k2', key: Buffer.alloc(32, 2) },
  { id: 'k1', key: Buffer.alloc(32, 1) },
]);
const link = { consentId: 'consent', link: 'sealed' };

beforeAll(async () => {
  const { url } = await testDatabase('explain');
  db = await connectDb(url, { log: silent, onCommand: (command) => sent.push(command) });
  plain = await mongoose.createConnection(url).asPromise();
  await db.ensureIndexes();
  for (let n = 0; n < ACCOUNTS; n++) await makeStore(db).insert(document(n));
  await history.appendHistory(db, entries);
  await campaigns.insertCampaign(db, campaign);
  await campaigns.insertItems(
    db,
    Array.from({ length: 20 }, (_, n) => (n === 3 ? { ...item(n), state: 'migrated' } : item(n))),
  );
  for (let n = 0; n < 20; n++) await tenants.createTenant(db, tenant(`t${n}`));
  await epoch.insertEpoch(db, anEpoch);
  await fingerprints.keepFingerprintKeys(db, vault);
  const wave = newWave('1', AT);
  await outages.writeOutage(db, wave, wave);
  const byId = await explain({ find: 'accounts', filter: { _id: 'acc_1', rev: 1 } });
  hasPlanner = !valuesOf(byId, 'stage').includes('COLLSCAN');
});
afterAll(async () => {
  await plain.close();
  await db.close();
});

const store = () => makeStore(db);
const keys = () => makeApiKeys(db, makeClock(AT));
const given = { tenantId: 't1', role: 'reader' as const, key: 'upl_r_given', createdBy: 'setup' };
const list = (over: Partial<queries.AccountList>) => queries.listAccounts(db, { tenantId: 't1', limit: 5, ...over });
const due = (kind: 'wake' | 'ups', after: boolean) =>
  store().due({ kind, now: 5, after: after ? { id: 'acc_100', at: 2, queue: null } : null, limit: 200 });

const anEpoch: epoch.StoredEpoch = {
  _id: 'epoch',
  id: 'e1',
  counter: 1,
  deployment: 'd',
  writtenAt: AT,
  replaces: [],
  doubt: null,
};
const send = { id: 's', at: AT, sendBy: AT, settleBy: AT, end: null, recovery: false };
const holder = {
  ...{ id: 'acc_1', tenantId: 't1', name: 'Name 1', state: 'connected' as const, hasCandidate: false },
  current: { grantId: 'g', generation: 1, issuedAt: AT, accessExpiresAt: AT },
};

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
  findIds: () => queries.findIds(db, ['acc_1', 'acc_2'], 't1'),
  'findIds of any tenant': () => queries.findIds(db, ['acc_1', 'acc_2'], null),
  listStored: () => queries.listStored(db, { tenantId: 't1', limit: 5, cursor: 'acc_1' }),
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
  'listAccessKeys, every filter': () =>
    queries.listAccessKeys(db, { tenantId: 't1', limit: 5, state: 'connected', postponed: true, failed: false }),
  listAccessKeys: () => queries.listAccessKeys(db, { tenantId: null, limit: 5 }),
  countAccessKeys: () => queries.countAccessKeys(db, { tenantId: 't1' }),
  dueDeadlines: () => deadlines.dueDeadlines(db, AT, 5),
  withOtherDeadline: () => deadlines.withOtherDeadline(db, { tenantId: 't1', deadlineAt: AT, after: '', limit: 5 }),
  deadlineTold: () => deadlines.deadlineTold(db, { tenantId: 't1', accessKeyDeadline: null, movedAt: AT }),
  tellDeadlineAgain: () =>
    deadlines.tellDeadlineAgain(db, { tenantId: 't1', accessKeyDeadline: null, movedAt: AT }, AT),
  noteDefaultDeadline: () => deadlines.noteDefaultDeadline(db, AT, AT),
  finishErasure: () => erasure.finishErasure(db, 'acc_nobody'),
  bury: () => erasure.bury(db, { id: 'acc_nobody', tenantId: 't1', rev: 1, seq: 1 }, { by: 'x', at: AT }),
  sampleSealed: () => sealed.sampleSealed(db, 5),
  listFingerprintKeys: () => fingerprints.listFingerprintKeys(db),
  keptFingerprintKeys: () => fingerprints.keptFingerprintKeys(db, vault),
  keepFingerprintKeys: () => fingerprints.keepFingerprintKeys(db, vault),
  replaceFingerprintKey: () => fingerprints.replaceFingerprintKey(db, { _id: 'k1:0', sealed: 'sealed' }, 'next'),
  fingerprintsOf: () => fingerprints.fingerprintsOf(db, vault),
  listAccountKeys: () => keyUse.listAccountKeys(db, 'acc_1'),
  listLinkKeys: () => keyUse.listLinkKeys(db, 'cmp_1:acc_1'),
  countKeyUse: () => keyUse.countKeyUse(db),
  replaceBoxes: () =>
    reseal.replaceBoxes(db, { _id: 'acc_nobody', tenantId: 't1', rev: 1 }, [
      { path: 'data.accessKey.sealed', sealed: 'sealed' },
    ]),
  findItem: () => reseal.findItem(db, 'cmp_1:acc_1'),
  replaceLink: () => reseal.replaceLink(db, { _id: 'cmp_1:acc_1', tenantId: 't1', link: 'sealed' }, 'next'),
  findAccounts: () => queries.findAccounts(db, ['acc_1', 'acc_2']),
  listHolders: () => grants.listHolders(db, 'acc_1'),
  noteUnknownSend: () => grants.noteUnknownSend(db, holder, { ...send, id: 'x' }),
  findEpoch: () => epoch.findEpoch(db),
  raiseEpoch: () => epoch.raiseEpoch(db, anEpoch, AT),
  doubtEpoch: () => epoch.doubtEpoch(db, anEpoch, { ...anEpoch, by: 'host', foundAt: AT, at: AT }),
  adoptEpoch: () => epoch.adoptEpoch(db, anEpoch, { id: 'e2', deployment: 'd', now: AT, gone: [] }),
  findOutage: () => outages.findOutage(db, 'wave:1'),
  readOutages: () => outages.readOutages(db),
  writeOutage: () => outages.writeOutage(db, { _id: 'wave:1', rev: 1 }, newWave('1', AT)),
  countAnswers: () => outages.countAnswers(db, 'wave:1', { refused: 1, answered: 1, held: ['acc_1'] }, 5),
  countByState: () => queries.countByState(db, 't1'),
  'countByState of all tenants': () => queries.countByState(db, null),
  countLapses: () => forecast.countLapses(db, { tenantId: 't1', from: 0, to: 60 * DAY }),
  'countLapses of all tenants': () => forecast.countLapses(db, { tenantId: null, from: 0, to: 60 * DAY }),
  countRefreshes: () => forecast.countRefreshes(db, { tenantId: 't1', from: 0 }),
  'countRefreshes of all tenants': () => forecast.countRefreshes(db, { tenantId: null, from: 0 }),
  countLeftAlone: () => leftAlone.countLeftAlone(db, OURS, { before: Number.MAX_SAFE_INTEGER, limit: 20 }),
  nearestLapses: () => forecast.nearestLapses(db, { tenantId: 't1', from: 0, to: 60 * DAY }, 5),
  'nearestLapses of all tenants': () => forecast.nearestLapses(db, { tenantId: null, from: 0, to: 60 * DAY }, 5),
  getTenant: () => tenants.getTenant(db, 't1'),
  ensureTenant: () => tenants.ensureTenant(db, tenant('t1')),
  updateTenant: () => tenants.updateTenant(db, 't1', { name: 'x' }, AT),
  listTenants: () => tenants.listTenants(db, { limit: 5, cursor: 't1' }),
  'apiKeys.ensure': () => keys().ensure(given),
  'apiKeys.findByKey': () => keys().findByKey(given.key),
  'apiKeys.create': () => keys().create({ tenantId: 't1', role: 'reader', createdBy: 'cli' }),
  'apiKeys.peek': () => keys().peek({ tenantId: 't1', id: 'key_1' }),
  namesOfActors: () => namesOfActors(db, [`key:key_${'a'.repeat(24)}`], 't1'),
  'apiKeys.list': () => keys().list({ tenantId: 't1', limit: 5 }),
  'apiKeys.list of all tenants': () => keys().list({ tenantId: null, limit: 5 }),
  'apiKeys.remove': () => keys().remove({ tenantId: 't1', id: 'key_1', by: 'cli' }),
  findSession: () => sessions.findSession(db, 'cookie', AT),
  deleteSession: () => sessions.deleteSession(db, 'cookie'),
  acquireLease: () => lease.acquireLease(db, { name: 'l', holder: 'h', now: 0, ttlMs: 1 }),
  findCampaign: () => campaigns.findCampaign(db, 'cmp_1', 't1'),
  writeCampaign: () => campaigns.writeCampaign(db, campaign, { wave: 1 }),
  wakeCampaign: () => campaigns.wakeCampaign(db, campaign, AT),
  listCampaigns: () => campaigns.listCampaigns(db, { tenantId: 't1', limit: 5, cursor: 'cmp_0' }),
  'listCampaigns of all tenants': () => campaigns.listCampaigns(db, { tenantId: null, limit: 5, cursor: 'cmp_0' }),
  dueCampaigns: () => campaigns.dueCampaigns(db, AT, 5),
  listItems: () => campaigns.listItems(db, { campaignId: 'cmp_1', tenantId: 't1', limit: 5 }),
  'listItems by state, a later page': () =>
    campaigns.listItems(db, { campaignId: 'cmp_1', tenantId: 't1', state: 'planned', limit: 5, cursor: 'acc_1' }),
  'listItems with a link': () =>
    campaigns.listItems(db, { campaignId: 'cmp_1', tenantId: 't1', state: 'waiting', hasLink: true, limit: 5 }),
  countItems: () => campaigns.countItems(db, campaign),
  changeItem: () => campaigns.changeItem(db, item(1), { at: AT }),
  giveLink: () => campaigns.giveLink(db, item(2), link),
  forgetAccount: () => campaigns.forgetAccount(db, { tenantId: 't1', accountId: 'acc_4', seq: 1, erasedAt: AT }),
  awaitAgain: () => campaigns.awaitAgain(db, { tenantId: 't1', accountId: 'acc_3' }, AT),
  endRestored: () => campaigns.endRestored(db, [item(3)], AT),
  stillAwaited: () => campaigns.stillAwaited(db, 't1', [item(1), item(2)]),
  releaseLease: () => lease.releaseLease(db, { name: 'l', holder: 'h' }),
};

/** They insert, or send nothing themselves. */
const needNoQuery = [
  'createTenant',
  'createSession',
  'unlessThere',
  'deadlineOf',
  'keysUpTo',
  'insertCampaign',
  'insertItems',
  'itemId',
  'insertEpoch',
  'allHolders',
  'makeOutageStore',
  'assertOpens',
  'allKeyed',
  'boxesOf',
  'linkBelonging',
  'sealedIn',
  'sealedStringsOf',
];

it('leaves no exported operation out', () => {
  const exported = [
    ...[
      campaigns,
      deadlines,
      epoch,
      erasure,
      fingerprints,
      forecast,
      grants,
      history,
      keyUse,
      lease,
      leftAlone,
      outages,
      queries,
      reseal,
      sealed,
      sessions,
      tenants,
    ],
  ].flatMap((module) => Object.entries(module).flatMap(([name, value]) => (typeof value === 'function' ? [name] : [])));
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
  for (const command of hasPlanner ? commands : commands.filter((one) => !asksById(one))) {
    const plan = await explain(command);
    const stages = valuesOf(plan, 'stage');
    expect(stages).toContainEqual(expect.stringMatching(/IXSCAN|IDHACK|EXPRESS|COUNT_SCAN/));
    expect(stages).not.toContain('COLLSCAN');
    if (hasPlanner) expect(stages).not.toContain('SORT');
  }
});

/** By `_id`, or all of a collection in order of it. */
function asksById(command: Command): boolean {
  const [filter] = [...valuesOf(command, 'q'), command['filter'] ?? {}] as Command[];
  return filter !== undefined && ('_id' in filter || Object.keys(filter).length === 0);
}

const examined = async (name: string, what: 'totalKeysExamined' | 'totalDocsExamined') => {
  if (!hasPlanner) return 0;
  const plans = await Promise.all((await commandsOf(operations[name] ?? fail)).map(explain));
  return Math.max(...plans.flatMap((plan) => valuesOf(plan, what) as number[]));
};

it.each(
  Object.keys(operations).filter((name) =>
    /^(due|countByState|countItems|countLapses|countRefreshes|countWithoutOutlook)/.test(name),
  ),
)('%s reads no document', async (name) => {
  expect(await examined(name, 'totalDocsExamined')).toBe(0);
});

it.each(Object.keys(operations).filter((name) => name.startsWith('listAccounts') && !name.includes('at once')))(
  '%s reads no more than it shows',
  async (name) => {
    expect(await examined(name, 'totalDocsExamined')).toBeLessThanOrEqual(6);
    expect(await examined(name, 'totalKeysExamined')).toBeLessThanOrEqual(7);
  },
);

it('countLeftAlone reads no more than it looks at', async () => {
  expect(await examined('countLeftAlone', 'totalDocsExamined')).toBeLessThanOrEqual(20);
});

const plainRows = entries.map((entry) => ({ ...entry, row: { ...entry.row, outgoing: [] }, checkpoint: null }));

it.each<[string, number, () => Promise<unknown>]>([
  ['a load', 1, () => store().load('acc_1', 't1')],
  ['an insert', 1, () => store().insert(sampleDocument({ id: 'acc_trips' }))],
  ['a commit', 1, () => store().write(document(2), { ...document(2), rev: 2 })],
  ['a first page of what is due', 1, () => due('ups', false)],
  ['a later page of what is due', 2, () => due('ups', true)],
  ['rows of history', 1, () => history.appendHistory(db, plainRows)],
  ['rows with events and checkpoints', 5, () => history.appendHistory(db, entries)],
  ['a page of history', 1, () => history.readHistory(db, account, 0)],
  ['a page of accounts', 1, () => list({})],
  ['counts', 1, () => queries.countByState(db, 't1')],
  ['a lease', 1, () => lease.acquireLease(db, { name: 'trips', holder: 'h', now: 0, ttlMs: 1 })],
])('%s: %i trips', async (_, trips, operation) => {
  sent = [];
  await operation();
  expect(sent).toHaveLength(trips);
});

it('reads a key of a busy client once, and notes once that it was used', async () => {
  const used = keys();
  const busy = { ...given, key: 'upl_r_busy' };
  await used.ensure(busy);
  sent = [];
  for (let n = 0; n < 5; n++) await used.findByKey(busy.key);
  // The note is not waited for.
  await until('both were sent', () => sent.length > 1);
  expect(sent.map((command) => Object.keys(command)[0])).toEqual(['find', 'update']);
});

function fail(): never {
  throw new Error('No such operation.');
}
