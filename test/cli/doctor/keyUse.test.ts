import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { checkKeyUse } from '../../../src/cli/doctor/keyUse';
import { moveAccount } from '../../../src/cli/keys/move';
import type { Db } from '../../../src/db/connection';
import { keepFingerprintKeys } from '../../../src/db/fingerprints';
import { makeVault, type RingKey } from '../../../src/db/vault';
import { makeDiskPlace } from '../../../src/workers';
import { openDb } from '../../db/testDb';
import { privateRedis, type PrivateServer } from '../../support/servers';
import { aSealedAnswer } from '../../workers/spool/samples';
import { makeStoredAccounts, ring } from '../storedAccounts';

let db: Db;
let redis: PrivateServer;
const spoolDir = mkdtempSync(path.join(os.tmpdir(), 'upslink-key-use-'));
const k2: RingKey = { id: 'k2', key: Buffer.alloc(32, 8) };
const both = [k2, ...ring];

beforeAll(async () => {
  db = await openDb('cli_key_use');
  redis = await privateRedis();
});
afterAll(async () => {
  await db.close();
  await redis.dispose();
  rmSync(spoolDir, { recursive: true, force: true });
});

const check = (keys: RingKey[], { isTold = false, redisUrl = redis.url } = {}) =>
  checkKeyUse(
    db,
    { encryptionKeys: keys as [RingKey, ...RingKey[]], spoolDir, redisUrl },
    { looked: () => undefined, isTold },
  );

it('counts what is left on each key, through a rotation', async () => {
  expect(await check(ring)).toMatchObject({ status: 'ok', detail: 'k1 (seals) 0', next: null });
  const builder = makeStoredAccounts(db);
  await builder.create('acc_use', 'acme');
  await builder.authorize('acc_use', 'verified');
  await builder.withKey('acc_use_key');
  await builder.settle();
  expect(await check(ring)).toMatchObject({ status: 'ok', detail: 'k1 (seals) 3' });

  const rotated = await check(both);
  expect(rotated).toMatchObject({ status: 'warn', detail: 'k2 (seals) 0, k1 3' });
  expect(rotated.next).toContain('`upslink keys reseal`');
  expect(rotated.next).toContain('First restart every process of the service with the new key first');
  expect(rotated.keys).toMatchObject([
    { keyId: 'k2', total: 0 },
    { keyId: 'k1', accounts: 3, total: 3 },
  ]);

  // As accounts that are refreshed move by themselves: nothing is sealed with the old key, and imports would be forgotten.
  for (const id of ['acc_use', 'acc_use_key']) await moveAccount(db, makeVault(both), id);
  expect(await check(both)).toMatchObject({ status: 'warn', detail: 'k2 (seals) 3, k1 0' });
  expect((await check(both)).next).toContain('keeps the fingerprint key that recognises access keys');
  await keepFingerprintKeys(db, makeVault(both));
  expect(await check(both)).toMatchObject({
    ...{ status: 'ok', detail: 'k2 (seals) 4, k1 0; a key with 0 can be removed', next: null },
  });
  expect(await check([k2])).toMatchObject({ status: 'ok', detail: 'k2 (seals) 4' });
});

it('fails for a key that something needs and the ring lacks, unless that was said already', async () => {
  const k3 = { id: 'k3', key: Buffer.alloc(32, 9) };
  const missing = await check([k3]);
  expect(missing).toMatchObject({ status: 'fail', detail: 'k3 (seals) 0, k2 (not in the ring) 4' });
  expect(missing.next).toContain("Put 'k2' back");
  expect(await check([k3], { isTold: true })).toMatchObject({ status: 'warn' });
});

it('counts the answers in the second place, and trusts no zero where it could not ask', async () => {
  const place = makeDiskPlace(spoolDir);
  const answer = aSealedAnswer();
  await place.put(answer);
  const waiting = await check(both);
  expect(waiting).toMatchObject({ status: 'warn', detail: 'k2 (seals) 4, k1 1' });
  expect(waiting.keys[1]).toMatchObject({ accounts: 0, secondPlace: 1 });
  expect(waiting.next).toContain('in the spool');
  await place.remove(answer);
  expect(await check(both)).toMatchObject({ status: 'ok' });
  const away = await check(both, { redisUrl: 'redis://127.0.0.1:1' });
  expect(away).toMatchObject({ status: 'warn', detail: expect.stringContaining('(redis) is unknown') as string });
});
