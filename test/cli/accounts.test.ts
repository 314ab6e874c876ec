import { presentAccount } from '../../src/api/present';
import { accountSchema, explanationSchema, rowSchema } from '../../src/api/schemas/answers';
import { makeStore } from '../../src/db/accounts';
import type { Db } from '../../src/db/connection';
import { connectDb } from '../../src/db/connection';
import { createTenant } from '../../src/db/tenants';
import { silent } from '../db/testDb';
import { testDatabase } from '../support/servers';
import { makeStoredAccounts } from './storedAccounts';
import { json, upslink } from './upslink';

const idOf = (name: string): string => `acc_${name.padEnd(26, 'a')}`;
const [east, west, south] = [idOf('east'), idOf('west'), idOf('south')];

let db: Db;
let env: Record<string, string>;

beforeAll(async () => {
  const { url } = await testDatabase('cli_accounts');
  env = { MONGODB_URL: url };
  db = await connectDb(url, { log: silent });
  await db.ensureIndexes();
  for (const id of ['acme', 'globex', 'umbrella'])
    await createTenant(db, {
      ...{ id, name: id, returnOrigins: [], refreshPolicy: 'eager', accessKeyDeadline: null, createdAt: 0 },
    });
  const builder = makeStoredAccounts(db);
  await builder.create(east, 'acme', 'UPS East');
  await builder.authorize(east, 'verified');
  await builder.create(west, 'acme', 'UPS West, whose name is long enough to be cut at the end of a line');
  await builder.authorize(west, 'not-in-profile');
  await builder.create(south, 'globex', 'UPS South');
  await builder.settle();
});
afterAll(() => db.close());

const accounts = (...args: string[]) => upslink(['accounts', ...args], env);
const stored = async (id: string) => {
  const document = await makeStore(db).load(id);
  if (!document) throw new Error(`no ${id}`);
  return presentAccount(document, Date.now());
};

it('lists accounts of all tenants or one, by filter and a page at a time', async () => {
  const [all, acme, connected, page] = await Promise.all([
    accounts('list', '--json'),
    accounts('list', '--json', '--tenant', 'acme'),
    accounts('list', '--json', '--state', 'connected', '--scheme', 'oauth', '--text', 'ups e'),
    accounts('list', '--json', '--limit', '2'),
  ]);
  expect(json(all)).toEqual({ items: [await stored(east), await stored(south), await stored(west)], nextCursor: null });
  expect(json(acme)).toMatchObject({ items: [{ id: east }, { id: west }] });
  expect((json(connected) as { items: unknown[] }).items).toEqual([await stored(east)]);
  expect(json(page)).toMatchObject({ items: [{ id: east }, { id: south }], nextCursor: south });
  expect(json(await accounts('list', '--json', '--limit', '2', '--cursor', south))).toMatchObject({
    items: [{ id: west }],
    nextCursor: null,
  });
});

it('shows people a table of 80 columns, without colours, with the reason of what is broken', async () => {
  const { code, stdout } = await accounts('list');
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^ID +TENANT +NUMBER +STATE +NAME$/);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  // eslint-disable-next-line no-control-regex -- a colour is a control character
  expect(stdout).not.toMatch(/\u001b/);
  expect(stdout).toContain('account-not-in-profile');
  expect((await accounts('list', '--state', 'inactive')).stdout).toBe('No account matches.\n');
  const nobody = await accounts('list', '--tenant', 'nobody');
  expect(nobody).toMatchObject({ code: 1, stdout: '' });
  expect(nobody.stderr).toContain('There is no tenant nobody');
});

it('names a damaged account in its place, by what is known of it, and lists the others', async () => {
  const builder = makeStoredAccounts(db);
  const damaged = idOf('broken');
  await builder.create(damaged, 'umbrella', 'Damaged');
  await builder.create(idOf('whole'), 'umbrella', 'Whole');
  await builder.settle();
  await db.accounts.updateOne({ _id: damaged }, { $set: { version: 4, 'snapshot.context': null } });
  const [told, plain] = await Promise.all([
    accounts('list', '--tenant', 'umbrella', '--json'),
    accounts('list', '--tenant', 'umbrella'),
  ]);
  await db.accounts.deleteMany({ tenantId: 'umbrella' });
  const damage = 'the stored account is damaged: snapshot.context is missing';
  expect(told.code).toBe(0);
  expect(json(told)).toMatchObject({
    items: [{ id: damaged, tenantId: 'umbrella', state: 'created', name: 'Damaged', damage }, { name: 'Whole' }],
  });
  expect(plain.stdout).toMatch(new RegExp(`^${damaged} +\\S+ +created +Damaged\n    ${damage}$`, 'm'));
});

it('shows one account as the API does, and none of another tenant', async () => {
  const [shown, plain, foreign, missing] = await Promise.all([
    accounts('show', east, '--json'),
    accounts('show', west),
    accounts('show', east, '--tenant', 'globex'),
    accounts('show', 'acc_nobody', '--json'),
  ]);
  expect(json(shown)).toEqual(await stored(east));
  expect(accountSchema.parse(json(shown))).toMatchObject({ state: 'connected', token: { generation: 1 } });
  expect(plain.stdout).toContain('account-not-in-profile');
  for (const line of plain.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(foreign).toMatchObject({ code: 1, stdout: '' });
  expect(missing).toMatchObject({ code: 1, stdout: '' });
  expect(missing.stderr).toContain('not-found');
});

it('shows history from any seq on, as rows of the API', async () => {
  const { items, nextCursor } = json(await accounts('history', east, '--json')) as {
    items: unknown[];
    nextCursor: string | null;
  };
  const rows = items.map((item) => rowSchema.parse(item));
  expect(rows.map(({ seq, type, to }) => [seq, type, to])).toEqual([
    [1, 'CREATE', 'created'],
    [2, 'AUTHORIZE', 'pending-authorization'],
    [3, 'CODE_RECEIVED', 'pending-authorization'],
    [4, 'EXCHANGED', 'pending-authorization'],
    [5, 'VERIFIED', 'connected'],
  ]);
  expect(nextCursor).toBeNull();
  const later = await accounts('history', east, '--after', '3');
  expect(later.stdout).toMatch(/^SEQ .*\n4 .*\n5 .*> connected .*\n$/);
});

it('hands history out a hundred rows at a time, and says how to go on', async () => {
  const builder = makeStoredAccounts(db);
  const busy = idOf('busy');
  await builder.create(busy, 'initech', 'Busy');
  for (let n = 0; n < 52; n += 1) {
    await builder.runtime.dispatch(busy, { type: 'DEACTIVATE' }, { actor: 'key:test' });
    await builder.runtime.dispatch(busy, { type: 'REACTIVATE' }, { actor: 'key:test' });
  }
  await builder.settle();
  const [first, plain, rest] = await Promise.all([
    accounts('history', busy, '--json'),
    accounts('history', busy),
    accounts('history', busy, '--after', '100', '--json'),
  ]);
  expect((json(first) as { items: unknown[] }).items).toHaveLength(100);
  expect(json(first)).toMatchObject({ nextCursor: '100' });
  expect(plain.stderr).toContain(`upslink accounts history ${busy} --after 100`);
  expect(json(rest)).toMatchObject({ items: [{ seq: 101 }, {}, {}, {}, { seq: 105 }], nextCursor: null });
});

it('explains whose move it is', async () => {
  const [broken, plain] = await Promise.all([accounts('explain', west, '--json'), accounts('explain', west)]);
  const explanation = explanationSchema.parse(json(broken));
  expect(explanation).toMatchObject({
    state: 'disconnected',
    whoseMove: 'merchant',
    lastUpsAnswer: { code: '120100' },
  });
  expect(plain.stdout).toMatch(/^whose move +merchant$/m);
});

it('shows no secret anywhere', async () => {
  const document = await db.accounts.findOne({ _id: east });
  const sealed = [document?.data.current?.access, document?.data.current?.refresh];
  const said = await Promise.all([
    accounts('show', east, '--json'),
    accounts('history', east, '--json'),
    accounts('explain', east, '--json'),
  ]);
  for (const { stdout } of said)
    for (const secret of [...sealed, 'a verifier', 'a refresh token', 'cookie-g1', 'link-g1', 'state-g1'])
      expect(stdout).not.toContain(secret);
});
