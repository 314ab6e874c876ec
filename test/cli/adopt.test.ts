/** `upslink adopt` on databases that were put back and copied; what it lets go on is seen at the sandbox. */

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadConfig } from '../../src/config';
import { standing } from '../workers/testService';
import { openDeployment, type Deployment, type Member } from '../workers/epoch/deployment';
import { runAdopt, type AdoptOptions } from '../../src/cli/adopt';
import { FoundFault, UsageError } from '../../src/cli/failure';
import type { Output } from '../../src/cli/output';
import { asVariable } from './storedAccounts';
import { upslink } from './upslink';

let on: Deployment;
let env: Record<string, string>;
let deployment: string;
let folder: string;

beforeEach(async () => {
  on = await openDeployment('adopt');
  folder = await on.folder();
  env = {
    MONGODB_URL: on.databaseUrl,
    REDIS_URL: 'redis://127.0.0.1:1',
    PUBLIC_URL: 'https://accounts.example.com',
    UPS_BASE_URL: on.sandboxUrl,
    UPS_CLIENT_ID: 'client-1',
    UPS_CLIENT_SECRET: 'client-secret-0123456789',
    ENCRYPTION_KEYS: asVariable([on.ringKey]),
    SPOOL_DIR: folder,
  };
  ({ deployment } = loadConfig(env));
});
afterEach(() => on.release());

const start = (spoolDir = folder) => on.start(spoolDir, { deployment });

/** In this process: the program takes seconds to start, and one test below sees to it. */
async function adopt(options: AdoptOptions = {}, changes: Record<string, string> = {}) {
  const said = { result: null as unknown, text: '', rows: [] as string[] };
  const out: Output = {
    width: 100,
    result(value, render) {
      said.result = value;
      said.text = render();
    },
    head: (text) => void said.rows.push(text),
    row: (_, text) => void said.rows.push(text),
    remark: () => undefined,
    remarkInPlace: () => undefined,
  };
  const ended = runAdopt({ ...env, ...changes }, out, options);
  const error = await ended.then(
    () => null,
    (thrown: Error) => thrown,
  );
  return { ...said, error };
}
const kindOf = ({ epoch }: Member) => epoch.disagreement()?.kind ?? null;
const reasonOf = async (id: string) => (await on.load(id)).view.reason;

interface Shown {
  agrees: boolean;
  kind: string | null;
  sentence: string | null;
  database: { epoch: string; counter: number };
  volume: { epoch: string; counter: number } | null;
  accounts: { withGrant: number; maybeUsed: number; first: string[] };
}

/** Two accounts; one was refreshed after the backup, the other is younger than anybody refreshes by itself. */
async function restored(): Promise<{ used: string; young: string }> {
  const running = await start();
  const used = await on.connect(running);
  on.pass(40 * 60_000);
  const young = await on.connect(running);
  await running.epoch.look(true);
  const putBack = await on.backUp();
  await running.refresh(used);
  await running.epoch.look(true);
  await putBack();
  return { used, young };
}

it('shows that all is well where it is', async () => {
  await start();
  const { code, stdout } = await upslink(['adopt', '--json'], env);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ agrees: true, kind: null, accounts: { withGrant: 0, maybeUsed: 0 } });
  expect(await adopt({ database: true })).toMatchObject({ error: null, result: { adopted: null } });
});

it('shows both sides of a restored database and whom it concerns, and goes on with it when told to', async () => {
  const { used, young } = await restored();
  const restarted = await start();
  const shown = await adopt();
  expect(shown.error).toBeInstanceOf(FoundFault);
  const { kind, sentence, database, volume, accounts } = shown.result as Shown;
  expect(kind).toBe('behind');
  expect(volume).toMatchObject({ epoch: database.epoch, counter: database.counter + 1 });
  expect(sentence).toContain('the database was restored');
  for (const way of ['--database  this', '--as-new    this', '--list      lists'])
    expect(shown.text).toContain(`\n${way}`);
  expect(accounts).toEqual({ withGrant: 2, maybeUsed: 1, first: [used] });
  const { rows } = await adopt({ list: true });
  expect(rows).toEqual([
    'id,tenantId,name,state,generation,issuedAt',
    expect.stringMatching(new RegExp(`^"${used}","acme",`)),
  ]);

  const sent = await on.refreshes();
  const adopted = await adopt({ database: true, yes: true });
  expect(adopted).toMatchObject({ error: null, result: { adopted: 'database', maybeUsed: 1, volume: folder } });
  await restarted.epoch.look(true);
  expect(kindOf(restarted)).toBeNull();
  on.pass(30_000);
  await restarted.refresh(young);
  await restarted.refresh(used);
  expect(await on.refreshes()).toBe(sent + 2);
  expect(await on.holdsNewestPair(young)).toBe(true);
  // Tried once, as after a lost answer: UPS says no, and what became of the token is unknown, not the merchant's doing.
  await restarted.runtime.wake(used);
  on.pass(60_000);
  await restarted.runtime.wake(used);
  expect(await reasonOf(used)).toBe('refresh-outcome-unknown');
});

it('gives up every grant of a copy, sends none of them, and lets merchants connect there', async () => {
  const production = await start();
  const ids = [await on.connect(production), await on.connect(production)];
  const open = await on.create(production);
  const staging = { PUBLIC_URL: 'https://staging.example.com', SPOOL_DIR: await on.folder() };
  const twin = await on.start(staging.SPOOL_DIR, { deployment: loadConfig({ ...env, ...staging }).deployment });
  expect(kindOf(twin)).toBe('other-deployment');
  const shown = (await adopt({}, staging)).result;
  expect(shown).toMatchObject({ kind: 'other-deployment', accounts: { withGrant: 2 } });

  const adopted = await adopt({ asNew: true, yes: true }, staging);
  expect(adopted).toMatchObject({ error: null, result: { adopted: 'as-new', givenUp: 2 } });
  await twin.epoch.look(true);
  expect(kindOf(twin)).toBeNull();
  for (const id of ids) {
    const { data, upsAt } = await on.load(id);
    expect({ current: data.current, upsAt, reason: await reasonOf(id) }).toEqual({
      ...{ current: null, upsAt: null, reason: 'disconnected-by-operator' },
    });
    await twin.performer.perform(id);
  }
  expect(await on.refreshes()).toBe(0);
  expect(standing(await on.load(open))).toBe('created');
  const fresh = await on.connect(twin);
  await twin.refresh(fresh);
  expect(await on.refreshes()).toBe(1);
  // And the volume that knew the first epoch is now the stranger.
  expect(kindOf(await start())).toBe('other-deployment');
});

it('mends a damaged volume, and lets a new one in where empty ones are refused', async () => {
  const first = await start();
  const file = path.join(folder, 'epoch');
  await writeFile(file, '{');
  expect((await adopt()).result).toMatchObject({ kind: 'unreadable' });
  expect((await adopt({ database: true })).error).toBeNull();
  const { id } = JSON.parse(await readFile(file, 'utf8')) as { id: string };
  const another = await on.folder();
  const strict = { SPOOL_DIR: another, REQUIRE_SPOOL_EPOCH: 'true' };
  expect((await adopt({}, strict)).result).toMatchObject({ kind: 'no-epoch' });
  expect((await adopt({ database: true }, strict)).result).toMatchObject({ adopted: null, epoch: id, volume: another });
  const admitted = await on.start(another, { deployment, requireVolume: true });
  expect([first, admitted].map(kindOf)).toEqual([null, null]);
});

it('asks before it changes anything, and refuses two choices', async () => {
  await restored();
  const before = await on.db.epoch.findOne({});
  for (const options of [{ database: true }, { asNew: true }, { asNew: true, database: true, yes: true }])
    expect((await adopt(options)).error).toBeInstanceOf(UsageError);
  expect(await on.db.epoch.findOne({})).toEqual(before);
});

it('says what to start when no process has been on the database yet', async () => {
  expect((await adopt()).error?.message).toContain('start `upslink serve` first');
});
