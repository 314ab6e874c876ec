/** A rotation from beginning to end, on real servers: the program moves what is sealed while processes of both rings work. */

import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { importKeys } from '../../../src/api/imports/importKeys';
import { REQUIRED_COLUMNS } from '../../../src/api/imports/lines';
import { insertItems, itemId, type CampaignItem } from '../../../src/db/campaigns';
import { fingerprintsOf } from '../../../src/db/fingerprints';
import { boxesOf, linkBelonging } from '../../../src/db/sealed';
import { makeVault, type RingKey, type Vault } from '../../../src/db/vault';
import { ACCESS_KEY_BOX } from '../../../src/machines/data';
import { newToken, readToken, textOf } from '../../../src/links';
import { openTestService, TENANT, type TestService, type Process } from '../../workers/testService';
import { until } from '../../support/until';
import { asVariable } from '../storedAccounts';
import { json, startUpslink, upslink } from '../upslink';

jest.setTimeout(300_000);

interface Left {
  keyId: string;
  role: string;
  accounts: number;
  campaignLinks: number;
  fingerprintKeys: number;
  total: number;
}
interface Report {
  keyId: string;
  accounts: number;
  moved: number;
  stuck: { id: string; message: string }[];
  left: Left[] | null;
  stopped?: true;
}

let service: TestService;
const k2: RingKey = { id: 'k2', key: randomBytes(32) };
let ring: RingKey[];
/** As processes were configured before the rotation, during it, and after the old key was removed. */
let vaults: { before: Vault; during: Vault; after: Vault };

beforeEach(async () => {
  service = await openTestService('cli_reseal');
  ring = [k2, service.ringKey];
  vaults = { before: makeVault([service.ringKey]), during: makeVault(ring), after: makeVault([k2]) };
});
afterEach(() => service.release());

const envOf = (keys: RingKey[]) => ({ ...service.environment(), ENCRYPTION_KEYS: asVariable(keys) });

async function reseal(...args: string[]) {
  const ended = await upslink(['keys', 'reseal', '--json', ...args], envOf(ring));
  return { ...ended, report: json(ended) as Report };
}

/** Whatever in the database looks sealed with that key, in any collection, by where it stands. */
async function sealedWith(keyId: string): Promise<string[]> {
  const found: string[] = [];
  const walk = (value: unknown, where: string): void => {
    if (typeof value === 'string' && value.startsWith(`v1.${keyId}.`)) found.push(where);
    if (value !== null && typeof value === 'object')
      for (const [name, inner] of Object.entries(value)) walk(inner, `${where}.${name}`);
  };
  const { close: _close, ping: _ping, ensureIndexes: _ensure, ...collections } = service.db;
  for (const [name, collection] of Object.entries(collections))
    for (const one of await (collection as typeof service.db.accounts).find({}).toArray())
      walk(one, `${name}:${one._id}`);
  return found;
}

/** Every secret of every account and link, opened, by where it stands. */
async function secretsWith(vault: Vault): Promise<Record<string, string>> {
  const accounts = await service.db.accounts.find({}).toArray();
  const items = await service.db.campaignItems.find({}).toArray();
  return Object.fromEntries([
    ...accounts.flatMap((one) =>
      boxesOf(one).map(({ path, sealed, belonging }) => [`${one._id} ${path}`, vault.open(sealed, belonging)]),
    ),
    ...items.flatMap((item) => (item.link === null ? [] : [[item._id, vault.open(item.link, linkBelonging(item))]])),
  ]) as Record<string, string>;
}

const line = (name: string, password = 'pass') =>
  `${name},A1B2C3,1 Dock St,Timonium,MD,21093,US,shipper,0123456789ABCDEF,user,${password}`;

async function importLines(on: Process, vault: Vault, lines: string[]) {
  const home = async () => ({
    tenantId: TENANT,
    refreshPolicy: 'eager' as const,
    deadlineAt: service.clock.now() + 60 * 86_400_000,
  });
  const parts = { runtime: on.runtime, vault: await fingerprintsOf(service.db, vault), home, actor: 'key:test' };
  return importKeys(parts, Readable.from([Buffer.from([REQUIRED_COLUMNS.join(','), ...lines].join('\n'))]));
}

async function idOf(name: string): Promise<string> {
  const stored = await service.db.accounts.findOne({ 'view.name': name });
  if (!stored) throw new Error(`no account ${name}`);
  return stored._id;
}

/** The merchant's way through UPS; the code is at hand, and the callback has not come yet. */
async function atUps(on: Process, id: string) {
  const username = `m-${randomBytes(4).toString('hex')}`;
  await service.control('POST', 'profiles', { username, password: 'pass', accounts: [{ accountNumber: 'A1B2C3' }] });
  return service.consent(on, id, username);
}

async function callback(on: Process, id: string, { consentId, code }: { consentId: string; code: string }) {
  const since = service.clock.monotonic();
  const event = { type: 'CODE_RECEIVED', consentId } as never;
  const { document, claimed } = await on.runtime.dispatch(id, event, { actor: 'merchant', claimBy: on.performer.by });
  await on.performer.carry(document, claimed, { code, since });
  await on.runtime.relay.idle();
}

async function refresh(on: Process, id: string): Promise<void> {
  const { document, claimed } = await on.runtime.dispatch(
    id,
    { type: 'REFRESH' },
    { actor: 'key:test', claimBy: on.performer.by },
  );
  await on.performer.carry(document, claimed);
  await on.runtime.relay.idle();
}

const item = (accountId: string, over: Partial<CampaignItem> = {}): CampaignItem => ({
  ...{ _id: itemId('cmp_1', accountId), campaignId: 'cmp_1', tenantId: TENANT, accountId, name: 'One', wave: 1 },
  ...{ accountNumber: 'A1B2C3', externalId: null, state: 'planned', reason: null, at: 0, consentId: 'consent-1' },
  ...{ link: null, linkExpiresAt: null },
  ...over,
});

/** One of everything that is sealed, by a process of the old ring alone. */
async function fill(on: Process) {
  const vault = vaults.before;
  const connected = await service.connect(on);
  const reconnecting = await service.connect(on);
  const atReconnect = await atUps(on, reconnecting);
  await importLines(
    on,
    vault,
    ['Kept', 'Migrating', 'Migrated', 'Graced', 'Closed'].map((name) => line(name)),
  );
  const migrating = await idOf('Migrating');
  const atMigration = await atUps(on, migrating);
  const migrated = await idOf('Migrated');
  await callback(on, migrated, await atUps(on, migrated));
  service.pass(1_000);
  await on.runtime.wake(migrated);
  const unverified = await service.create(on);
  await service.fault('rate', { do: 'status', status: 503 });
  await callback(on, unverified, await atUps(on, unverified));
  const graced = await idOf('Graced');
  const minted = { consentId: 'c-graced', linkHash: 'l', stateHash: 's', cookieHash: 'c', returnTo: null };
  const asked = { type: 'CAMPAIGN_MIGRATE', ...minted, ttlMs: 1_800_000, graceMs: 86_400_000, campaignId: 'cmp_1' };
  await on.runtime.dispatch(graced, asked, { actor: 'campaign:cmp_1', secrets: { verifier: 'a verifier' } });
  const closed = await idOf('Closed');
  await on.runtime.dispatch(closed, { type: 'DEACTIVATE' }, { actor: 'key:test' });
  const token = textOf(newToken(graced));
  const named = item(graced);
  await insertItems(service.db, [
    { ...named, link: vault.seal(token, linkBelonging(named)) },
    item(connected, { consentId: null, state: 'skipped' }),
  ]);
  return { connected, reconnecting, atReconnect, migrating, atMigration, migrated, unverified, graced, named, token };
}

it('moves everything while the service refreshes and a merchant connects; then the old key can be removed', async () => {
  const old = service.process();
  const made = await fill(old);
  const before = await secretsWith(vaults.before);
  const kinds = new Set(Object.keys(before).map((where) => where.split(' ')[1]?.replace(/\d+/, 'n')));
  const all = ['data.current.access', 'data.current.refresh', 'data.candidate.access', 'data.candidate.refresh'];
  expect([...kinds].sort()).toEqual([...all, 'data.accessKey.sealed', 'data.links.n.verifier', undefined].sort());

  const restarted = service.process({ vault: vaults.during });
  const running = startUpslink(['keys', 'reseal', '--json', '--rate', '8'], envOf(ring));
  let hasEnded = false;
  void running.ended.then(() => (hasEnded = true));
  const busy = await service.connect(restarted);
  while (!hasEnded) {
    await refresh(restarted, busy);
    await refresh(restarted, made.connected);
    await service.connect(restarted);
  }
  const { code, stderr, stdout } = await running.ended;
  const report = JSON.parse(stdout) as Report;
  expect({ code, stderr, stuck: report.stuck }).toEqual({ code: 0, stderr: '', stuck: [] });
  expect(report.keyId).toBe('k2');
  const [first, second] = report.left ?? [];
  expect(report.left).toHaveLength(2);
  expect(first).toMatchObject({ keyId: 'k2', role: 'seals', campaignLinks: 1, fingerprintKeys: 1 });
  expect(second).toMatchObject({
    keyId: 'k1',
    role: 'opens',
    accounts: 0,
    campaignLinks: 0,
    fingerprintKeys: 0,
    total: 0,
  });
  expect(await sealedWith('k1')).toEqual([]);
  expect(await service.gambles()).toEqual([]);

  const after = await secretsWith(vaults.after);
  const isRefreshed = (where: string) => where.startsWith(made.connected);
  for (const [where, secret] of Object.entries(before)) if (!isRefreshed(where)) expect(after[where]).toBe(secret);
  expect(await reseal()).toMatchObject({ code: 0, report: { moved: 0 } });

  // The old key is gone for good: whatever was begun under it goes on.
  const alone = service.process({ vault: vaults.after });
  await refresh(alone, made.connected);
  expect(await service.holdsNewestPair(made.connected, vaults.after)).toBe(true);
  await callback(alone, made.reconnecting, made.atReconnect);
  await callback(alone, made.migrating, made.atMigration);
  await service.passToUps(made.unverified);
  await alone.performer.perform(made.unverified);
  for (const id of [made.reconnecting, made.migrating, made.unverified]) {
    expect((await service.load(id)).view).toMatchObject({ state: 'connected', scheme: 'oauth' });
    expect(await service.holdsNewestPair(id, vaults.after)).toBe(true);
  }
  const stored = await service.db.campaignItems.findOne({ _id: made.named._id });
  const link = vaults.after.open(stored?.link ?? '', linkBelonging(made.named));
  expect(readToken(link)).toEqual(readToken(made.token));
  const kept = await service.load(await idOf('Kept'));
  const opened = vaults.after.open(kept.data.accessKey?.sealed ?? '', {
    ...{ tenantId: TENANT, accountId: kept.id, field: 'accessKey', ...ACCESS_KEY_BOX },
  });
  expect(JSON.parse(opened)).toMatchObject({ userId: 'user', password: 'pass' });
  const names = ['Kept', 'Migrating', 'Migrated', 'Graced', 'Closed'];
  expect(
    await importLines(
      alone,
      vaults.after,
      names.map((name) => line(name)),
    ),
  ).toMatchObject({
    ...{ created: 0, unchanged: 5, failed: [] },
  });
  expect(await importLines(alone, vaults.after, [line('Kept', 'another')])).toMatchObject({
    failed: [{ code: 'name-taken' }],
  });
  for (const row of await service.history(made.connected)) expect(JSON.stringify(row)).not.toMatch(/v1\.k\d\./);
});

/** Accounts on access keys, quickly. */
async function many(on: Process, count: number): Promise<void> {
  for (let n = 0; n < count; n += 50)
    await importLines(
      on,
      vaults.before,
      Array.from({ length: Math.min(50, count - n) }, (_, m) => line(`Many ${n + m}`, `pass-${n + m}`)),
    );
}

const onKey = (keyId: string) =>
  service.db.accounts.countDocuments({ 'data.accessKey.sealed': { $regex: `^v1\\.${keyId}\\.` } });

it('killed in the middle, it goes on when it is run again, and two runs at once do no harm', async () => {
  const old = service.process();
  await many(old, 60);
  const before = await secretsWith(vaults.before);
  const dying = startUpslink(['keys', 'reseal', '--rate', '10'], envOf(ring));
  await until('some of it is moved', async () => (await onKey('k2')) > 0);
  dying.child.kill('SIGKILL');
  await dying.ended;
  expect(await onKey('k1')).toBeGreaterThan(0);
  expect(await secretsWith(vaults.during)).toEqual(before);

  const both = await Promise.all([reseal(), reseal()]);
  for (const { code, report } of both) expect({ code, stuck: report.stuck }).toEqual({ code: 0, stuck: [] });
  expect(await sealedWith('k1')).toEqual([]);
  expect(await secretsWith(vaults.after)).toEqual(before);
});

it('told to stop, it ends after the accounts in hand, with 1, and says how to go on', async () => {
  await many(service.process(), 40);
  const stopping = startUpslink(['keys', 'reseal', '--json', '--rate', '5'], envOf(ring));
  await until('some of it is moved', async () => (await onKey('k2')) > 0);
  stopping.child.kill('SIGINT');
  const ended = await stopping.ended;
  const report = json(ended) as Report;
  expect(ended.code).toBe(1);
  expect(report).toMatchObject({ stopped: true, left: null, stuck: [] });
  expect(report.moved).toBe(await onKey('k2'));
  expect(report.moved).toBeLessThan(40);
  expect(await reseal()).toMatchObject({ code: 0, report: { moved: 40 - report.moved } });
});

it('changes nothing of an account but its boxes and rev', async () => {
  const old = service.process();
  const id = await service.connect(old);
  await atUps(old, id);
  await old.runtime.relay.idle();
  const [was] = await service.db.accounts.find({ _id: id }).toArray();
  await reseal();
  const [is] = await service.db.accounts.find({ _id: id }).toArray();
  if (!was || !is) throw new Error('no account');
  expect(is.rev).toBe(was.rev + 1);
  const withoutBoxes = (one: typeof was) =>
    JSON.parse(JSON.stringify({ ...one, rev: 0 }).replace(/"v1\.k[12]\.[^"]*"/g, '"box"')) as unknown;
  expect(withoutBoxes(is)).toEqual(withoutBoxes(was));
});

it('names what does not open, leaves it as it is, and moves the rest', async () => {
  const old = service.process();
  await many(old, 3);
  const [broken, foreign] = [await idOf('Many 0'), await idOf('Many 1')];
  const stranger = makeVault([{ id: 'k0', key: randomBytes(32) }]);
  const about = { tenantId: TENANT, accountId: foreign, field: 'accessKey', ...ACCESS_KEY_BOX };
  const set = (_id: string, sealed: string) =>
    service.db.accounts.updateOne({ _id }, { $set: { 'data.accessKey.sealed': sealed } });
  await set(broken, vaults.before.seal('for another account', { ...about, accountId: 'acc_other' }));
  await set(foreign, stranger.seal('{}', about));
  const { code, report } = await reseal();
  expect(code).toBe(1);
  expect(report.stuck.map(({ id }) => id).sort()).toEqual([broken, foreign].sort());
  expect(report.stuck.find(({ id }) => id === foreign)?.message).toContain("'k0', which is not in the ring");
  expect(report.left).toMatchObject([
    { keyId: 'k2', accounts: 1 },
    { keyId: 'k1', accounts: 1 },
    { keyId: 'k0', role: 'missing', accounts: 1 },
  ]);
  const shown = await upslink(['keys', 'reseal'], envOf(ring));
  expect(shown.code).toBe(1);
  expect(shown.stdout).toContain(broken);
  expect(shown.stdout).toMatch(/k0 +not in the ring +1 /);
  expect(shown.stderr).toContain('First restart every process of the service with the new key first');
});

it('moves the boxes of an account that a newer machine wrote, and says where it holds more than it knows', async () => {
  await many(service.process(), 2);
  const [known, unknown] = [await idOf('Many 0'), await idOf('Many 1')];
  await service.db.accounts.updateMany({}, { $set: { version: 99, shape: 'newer' } });
  const sealed = vaults.before.seal('a secret of tomorrow', {
    ...{ tenantId: TENANT, accountId: unknown, field: 'new', grantId: 'g', generation: 1 },
  });
  await service.db.accounts.updateOne({ _id: unknown }, { $set: { 'data.tomorrow': { sealed } } });
  const { code, report } = await reseal();
  expect(code).toBe(1);
  expect(report.stuck).toEqual([{ id: unknown, message: expect.stringContaining('newer version') as string }]);
  expect(report.left).toMatchObject([{ accounts: 2 }, { keyId: 'k1', accounts: 1 }]);
  expect(await sealedWith('k1')).toEqual([`accounts:${unknown}.data.tomorrow.sealed`]);
  expect((await service.load(known)).version).toBe(99);
});

it('moves nothing to a key whose bytes the service does not have', async () => {
  const old = service.process();
  await many(old, 3);
  await service.connect(service.process({ vault: vaults.during }));
  const wrong = [{ id: 'k2', key: randomBytes(32) }, service.ringKey];
  const refused = await upslink(['keys', 'reseal', '--json'], envOf(wrong));
  expect([refused.code, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toContain('seal-broken');
  expect(refused.stderr).toContain('Nothing was changed');
  expect(await onKey('k1')).toBe(3);
});

it.each([[['--rate', '0']], [['--rate', 'fast']]])('refuses %j before it opens anything', async (args) => {
  const ended = await upslink(['keys', 'reseal', ...args], { ENCRYPTION_KEYS: asVariable(ring) });
  expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining('--rate must be a whole number')]);
});
