/**
 * Accounts as each machine version stored them, a file for each place of the machine: today's machine carries them on.
 * Those of today's version are compared with what living through it leaves, so that no change of what is stored goes unseen.
 * A file that is missing is written: with a new MACHINE_VERSION, or for a new place.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { documentFrom } from '../../src/db/accounts';
import { changesOf } from '../../src/db/changes';
import type { StoredAccount } from '../../src/db/schemas';
import { allowed, decide } from '../../src/durable/decide';
import { MACHINE_VERSION } from '../../src/machines/account';
import { upgraded } from '../../src/machines/versions';
import { presentAccount } from '../../src/api/present';
import { definition, buildAccount, type Account } from './accountBuilder';
import { accountsByState } from './accountsByState';

const folder = path.join(__dirname, 'fixtures');
const today = path.join(folder, `v${MACHINE_VERSION}`);

/** Rows are in history by then: the outbox is empty. */
const asStored = (document: Account): Account => JSON.parse(JSON.stringify({ ...document, outbox: [] })) as Account;

if (!process.env['CI']) {
  mkdirSync(today, { recursive: true });
  for (const [name, live] of Object.entries(accountsByState)) {
    const file = path.join(today, `${name}.json`);
    if (!existsSync(file)) writeFileSync(file, `${JSON.stringify(asStored(live()), null, 2)}\n`);
  }
}

const read = (version: string, name: string): Account =>
  JSON.parse(readFileSync(path.join(folder, version, `${name}.json`), 'utf8')) as Account;
const fixtures = readdirSync(folder).flatMap((version) =>
  readdirSync(path.join(folder, version)).map((file) => [version, file.replace('.json', '')] as const),
);
const born = buildAccount().now();
const keysOf = (value: object): string[] => Object.keys(value).sort();

it.each(Object.entries(accountsByState))('stores an account that is %s as its file says', (name, live) => {
  expect(asStored(live())).toEqual(read(`v${MACHINE_VERSION}`, name));
});

describe.each(fixtures)('%s: an account that is %s', (version, name) => {
  const { id, ...rest } = read(version, name);
  const document = documentFrom({ _id: id, ...rest, terms: [] } as unknown as StoredAccount);
  const at = document.updatedAt;

  it('has everything an account of today has, and stands where it stood', () => {
    expect(keysOf(document)).toEqual(keysOf(born));
    expect(keysOf(document.data)).toEqual(keysOf(born.data));
    expect(keysOf(document.snapshot.context)).toEqual(keysOf(born.snapshot.context));
    expect(keysOf(document.snapshot.value as object)).toEqual(keysOf(born.snapshot.value as object));
    expect(document.snapshot.value).toMatchObject(rest.snapshot.value as object);
    expect(presentAccount(document, at)).toMatchObject({ scheme: document.view.scheme, state: document.view.state });
  });

  it('takes events, and is written whole by the first of them', () => {
    const type = document.view.state === 'inactive' ? 'REACTIVATE' : 'DEACTIVATE';
    expect(allowed(definition, document)).toContain(type);
    const change = { event: { type }, actor: 'test', eventId: 'e', bodyHash: null, secrets: {}, claimBy: null };
    const around = { at, seal: () => 'sealed', isRelayed: () => true };
    const decision = decide(definition, document, { ...change, attemptId: null }, around);
    if (!decision.taken) throw new Error(`${type} was not taken`);
    expect(decision.next.version).toBe(MACHINE_VERSION);
    expect(keysOf(decision.next.data)).toEqual(keysOf(born.data));
    const { $set } = changesOf(document, decision.next);
    if (document.version < MACHINE_VERSION) expect($set).toMatchObject({ version: MACHINE_VERSION, firstSeq: 1 });
  });
});

it('leaves an account of today, and one of a newer machine, as it is', () => {
  expect(upgraded(born)).toBe(born);
  const newer = { ...born, version: MACHINE_VERSION + 1 };
  expect(upgraded(newer)).toBe(newer);
});
