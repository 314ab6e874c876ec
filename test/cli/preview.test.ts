/** `upslink machine preview` over a real store: what older machines left, what a new one would refuse, and why. */

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { previewOf, type Preview } from '../../src/cli/machine/preview';
import { connectDb, type Db } from '../../src/db/connection';
import type { StoredAccount } from '../../src/db/schemas';
import { MACHINE_VERSION } from '../../src/machines/account';
import { makeAccountDefinition } from '../../src/machines/definition';
import { upgraded } from '../../src/machines/versions';
import { silent } from '../db/testDb';
import { brokenMachines, deployOf, changedMachine, type Deploy } from '../machines/changedMachines';
import { testDatabase } from '../support/servers';
import { makeStoredAccounts } from './storedAccounts';
import { json, upslink } from './upslink';

let db: Db;
let env: Record<string, string>;
beforeAll(async () => {
  const { url } = await testDatabase('cli_preview');
  env = { MONGODB_URL: url };
  db = await connectDb(url, { log: silent });
  await db.ensureIndexes();
});
beforeEach(() => clear());
afterAll(() => db.close());

const ours = { definition: makeAccountDefinition(), upgrade: upgraded };
const fixtures = path.join(__dirname, '..', 'machines', 'fixtures');

function fixture(version: string, name: string): StoredAccount {
  const text = readFileSync(path.join(fixtures, version, `${name}.json`), 'utf8');
  const { id, ...rest } = JSON.parse(text) as { id: string };
  return { _id: id, ...rest, terms: [] } as unknown as StoredAccount;
}

/** A store that stands in for MongoDB takes a millisecond for each: one statement must end long before its socket is given up. */
const BATCH = 50;

async function clear(): Promise<void> {
  const ids = (await db.accounts.find({}, { projection: { _id: 1 } }).toArray()).map(({ _id }) => _id);
  for (let from = 0; from < ids.length; from += BATCH)
    await db.accounts.deleteMany({ _id: { $in: ids.slice(from, from + BATCH) } });
}

/** So many of it, under ids of their own. */
async function store(model: StoredAccount, name: string, count = 1): Promise<void> {
  const copies = Array.from({ length: count }, (_, n) => ({
    ...model,
    _id: `acc_${name}_${String(n).padStart(4, '0')}`,
  }));
  for (let from = 0; from < count; from += BATCH) await db.accounts.insertMany(copies.slice(from, from + BATCH));
}

async function storedFresh(): Promise<StoredAccount> {
  const builder = makeStoredAccounts(db);
  await builder.create('acc_model');
  await builder.authorize('acc_model', 'verified');
  await builder.settle();
  const model = await db.accounts.findOne({ _id: 'acc_model' });
  await clear();
  if (!model) throw new Error('no model');
  return model;
}

const previewed = (deploy?: Deploy): Promise<Preview> => {
  const candidate = deploy ? { ...deploy, definition: deploy.definition() } : ours;
  return previewOf(db, candidate, () => undefined);
};

it('maps whatever every machine version left, in every place of it, to the next one, and changes nothing', async () => {
  const versions = readdirSync(fixtures);
  for (const version of versions)
    for (const file of readdirSync(path.join(fixtures, version)))
      await store(fixture(version, file.replace('.json', '')), `${version}_${file.replace('.json', '')}`);
  const before = await db.accounts.find().sort({ _id: 1 }).toArray();
  const next = deployOf(
    changedMachine(() => undefined),
    (stored) => stored,
  );
  expect(await previewed()).toMatchObject({ accounts: before.length, refused: 0 });
  expect(await previewed(next)).toMatchObject({ mapped: before.length, unchanged: 0, refused: 0 });
  expect(await db.accounts.find().sort({ _id: 1 }).toArray()).toEqual(before);
});

it('looks at hundreds of accounts by their kinds, and says what becomes of each', async () => {
  await store(await storedFresh(), 'fresh', 140);
  await store({ ...fixture('v1', 'disconnected'), version: MACHINE_VERSION - 1 }, 'old', 80);
  await store({ ...fixture('v1', 'created'), version: MACHINE_VERSION + 1 }, 'newer', 3);
  const told = await upslink(['machine', 'preview', '--json'], env);
  expect(told.code).toBe(1);
  const found = json(told) as Preview;
  expect(found).toMatchObject({
    machineVersion: MACHINE_VERSION,
    accounts: 223,
    unchanged: 140,
    mapped: 80,
    refused: 3,
  });
  expect(found.kinds).toEqual([
    {
      ...{ outcome: 'refused', version: MACHINE_VERSION + 1, count: 3, exampleId: 'acc_newer_0000' },
      state: 'life.created, consent.idle, key.none, horizon.unwatched',
      why: `Account acc_newer_0000 was written by machine version ${MACHINE_VERSION + 1}; this is ${MACHINE_VERSION}.`,
    },
    expect.objectContaining({
      outcome: 'mapped',
      version: MACHINE_VERSION - 1,
      count: 80,
      exampleId: 'acc_old_0000',
      why: null,
    }),
    expect.objectContaining({ outcome: 'unchanged', version: MACHINE_VERSION, count: 140, why: null }),
  ]);
  const plain = await upslink(['machine', 'preview'], env);
  const newer = `v${MACHINE_VERSION + 1}`;
  expect(plain.stdout).toMatch(
    new RegExp(`^refused +${newer} +3 +life\\.created, consent\\.idle, key\\.none.* +acc_newer_0000$`, 'm'),
  );
  expect(plain.stdout).toMatch(/223 accounts, 140 unchanged, 80 mapped, 3 refused\.\n$/);
});

it('ends with 0 when all are carried on, and with 2 when it is asked for what it does not know', async () => {
  await store(await storedFresh(), 'fresh', 2);
  expect((await upslink(['machine', 'preview'], env)).code).toBe(0);
  expect((await upslink(['machine', 'preview', '--whatever'], env)).code).toBe(2);
});

it.each([
  ['a vanished state', /^the state account\.life\.connected\.fresh is not in the machine/],
  ['a new after', /^no timer is stored for xstate\.after\.nap\./],
  ['a new invoke', /^no invocation greet of refresh is stored/],
  ['a delay with another name', /^no timer is stored for xstate\.after\.refreshSoon\./],
] as const)('refuses, by name and with a reason, accounts that meet %s', async (name, why) => {
  await store(await storedFresh(), 'fresh', 5);
  await store(fixture('v1', 'inactive'), 'inactive', 2);
  const found = await previewed(deployOf(brokenMachines[name](), (stored) => stored));
  expect(found).toMatchObject({ refused: 5, mapped: 2, unchanged: 0 });
  expect(found.kinds[0]).toMatchObject({ outcome: 'refused', count: 5, exampleId: 'acc_fresh_0000' });
  expect(found.kinds[0]?.why).toMatch(why);
});

it('refuses work under way whose actor was renamed, and takes it once a step renames it too', async () => {
  await store(fixture('v1', 'refreshing'), 'refreshing', 4);
  const machine = brokenMachines['a renamed actor']();
  const found = await previewed(deployOf(machine, (stored) => stored));
  expect(found.kinds).toEqual([expect.objectContaining({ outcome: 'refused', count: 4 })]);
  expect(found.kinds[0]?.why).toBe("the invocation refresh is stored with the actor refresh, the machine's is rotate");
  const renamed = await previewed(
    deployOf(machine, (stored) => {
      const { invocations } = stored as unknown as { invocations: { src: string }[] };
      return { ...stored, invocations: invocations.map((one) => ({ ...one, src: 'rotate' })) } as typeof stored;
    }),
  );
  expect(renamed).toMatchObject({ refused: 0, mapped: 4 });
});

it('refuses accounts whose machine was changed without a new version, and those a step breaks on', async () => {
  await store(await storedFresh(), 'fresh', 2);
  const sameVersion = await previewed(deployOf(brokenMachines['a new after']()));
  expect(sameVersion.kinds[0]?.why).toMatch(/another machine of the same version/);
  const failing = await previewed(
    deployOf(brokenMachines['a new after'](), () => {
      throw new Error('the step met what it did not know');
    }),
  );
  expect(failing.kinds[0]).toMatchObject({ outcome: 'refused', why: 'the step met what it did not know' });
});

it.each([
  ['snapshot', { snapshot: 1 }],
  ['snapshot.context', { 'snapshot.context': 1 }],
])('refuses a damaged account, whose %s is gone, by name, and looks at the others', async (part, gone) => {
  await store(await storedFresh(), 'fresh', 3);
  await db.accounts.updateOne({ _id: 'acc_fresh_0001' }, { $unset: gone } as object);
  const found = await previewed();
  expect(found).toMatchObject({ refused: 1, unchanged: 2 });
  expect(found.kinds[0]).toMatchObject({
    ...{ outcome: 'refused', exampleId: 'acc_fresh_0001' },
    why: `the stored account is damaged: ${part} is missing`,
  });
});
