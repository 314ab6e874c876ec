/** Accounts as machines of every version left them: each is carried on by the machine of today. */

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { documentFrom } from '../../src/db/accounts';
import { changesOf } from '../../src/db/changes';
import type { StoredAccount } from '../../src/db/schemas';
import { allowed, decide } from '../../src/durable/decide';
import { replay } from '../../src/durable/replay';
import type { Row } from '../../src/durable/types';
import { MACHINE_VERSION } from '../../src/machines/account';
import { upgraded } from '../../src/machines/versions';
import { presentAccount } from '../../src/api/present';
import { definition, livedAccount, type Account } from './lived';

interface Fixture {
  document: Account;
  rows: Row[];
  at: number;
}

const folder = path.join(__dirname, 'fixtures');
const fixtures = readdirSync(folder).flatMap((version) =>
  readdirSync(path.join(folder, version)).map((file) => [version, file.replace('.json', '')] as const),
);

function read(version: string, name: string): Fixture & { stored: StoredAccount } {
  const fixture = JSON.parse(readFileSync(path.join(folder, version, `${name}.json`), 'utf8')) as Fixture;
  const { id, ...rest } = fixture.document;
  return { ...fixture, stored: { _id: id, ...rest, terms: [] } as unknown as StoredAccount };
}

const born = livedAccount().now();
const keysOf = (value: object): string[] => Object.keys(value).sort();

describe.each(fixtures)('%s: an account that is %s', (version, name) => {
  const { stored, rows, at } = read(version, name);
  const document = documentFrom(stored);

  it('has everything an account of today has', () => {
    expect(keysOf(document)).toEqual(keysOf(born));
    expect(keysOf(document.data)).toEqual(keysOf(born.data));
    expect(keysOf(document.snapshot.context)).toEqual(keysOf(born.snapshot.context));
    expect(keysOf(document.snapshot.value as object)).toEqual(keysOf(born.snapshot.value as object));
  });

  it('stands where it stood, is shown, and its history replays to it', () => {
    const standsIn = document.snapshot.value as object;
    expect(standsIn).toMatchObject((stored.snapshot as { value: object }).value);
    expect(presentAccount(document, at)).toMatchObject({ scheme: document.view.scheme, state: document.view.state });
    expect(replay(definition, null, rows, document)).toEqual({ same: true, seq: document.seq });
  });

  it('takes events, and is written whole by the first of them', () => {
    const type = document.view.state === 'inactive' ? 'REACTIVATE' : 'DEACTIVATE';
    expect(allowed(definition, document)).toContain(type);
    const change = { event: { type }, actor: 'test', eventId: 'e', bodyHash: null, secrets: {}, claimBy: null };
    const around = { at, seal: () => 'sealed', isRelayed: () => true };
    const decision = decide(definition, document, { ...change, attemptId: null }, around);
    if (!decision.taken) throw new Error(`${type} was not taken`);
    expect(decision.next.version).toBe(MACHINE_VERSION);
    const { $set } = changesOf(document, decision.next);
    expect(keysOf($set['data'] as object)).toEqual(keysOf(born.data));
    expect($set).toMatchObject({ version: MACHINE_VERSION, firstSeq: 1 });
  });
});

it('leaves an account of today, and one of a newer machine, as it is', () => {
  expect(upgraded(born)).toBe(born);
  const newer = { ...born, version: MACHINE_VERSION + 1 };
  expect(upgraded(newer)).toBe(newer);
});
