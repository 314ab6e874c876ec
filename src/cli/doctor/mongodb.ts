/** MongoDB: does it answer, is it one that keeps what it acknowledged, has it the indexes the queries stand on. */

import mongoose from 'mongoose';
import type { Db } from '../../db/connection';
import { acquireLease, releaseLease } from '../../db/lease';
import { schemas } from '../../db/schemas';
import { failureOf } from '../failure';
import { fail, ok, placeOf, warn, type Check } from './check';

const OLDEST_SERVER = 6;
const SLOW_WRITE_MS = 250;
const NO_SUCH_COLLECTION = 26;

interface Hello {
  setName?: string;
  /** `isdbgrid` when it is a mongos. */
  msg?: string;
  localTime?: Date;
}

export interface MongodbFacts {
  hello: Hello;
  version: string;
  /** By our clock, when `hello` was answered; half the trip is the error. */
  answeredAt: number;
  tripMs: number;
}

/** Null with a failed check when nothing answers. */
export async function askMongodb(url: string, now: () => number): Promise<MongodbFacts | Check> {
  const options = { serverSelectionTimeoutMS: 3_000, connectTimeoutMS: 3_000, socketTimeoutMS: 6_000 };
  let client: mongoose.mongo.MongoClient | null = null;
  try {
    client = new mongoose.mongo.MongoClient(url, options);
    const admin = client.db('admin');
    await admin.command({ ping: 1 });
    const sentAt = now();
    const hello = (await admin.command({ hello: 1 })) as Hello;
    const answeredAt = now();
    const { version } = (await admin.command({ buildInfo: 1 })) as { version?: string };
    return { hello, version: version ?? 'unknown', answeredAt, tripMs: answeredAt - sentAt };
  } catch (error) {
    return unreachable(url, error);
  } finally {
    await client?.close();
  }
}

function unreachable(url: string, error: unknown): Check {
  const name = error instanceof Error ? error.name : '';
  const isAway = name === 'MongoServerSelectionError' || name.startsWith('MongoNetwork');
  if (isAway) return fail('MongoDB', `does not answer at ${placeOf(url)}`, 'Start it, or correct MONGODB_URL.');
  // What the driver says of a url it cannot read may repeat the url, and the password in it.
  const said = name === 'MongoParseError' ? 'MONGODB_URL is not a MongoDB connection string' : failureOf(error).message;
  return fail('MongoDB', said, 'Correct MONGODB_URL.');
}

export function judgeServer({ hello, version, tripMs }: MongodbFacts): Check {
  const kind = hello.setName ? `replica set ${hello.setName}` : hello.msg === 'isdbgrid' ? 'sharded cluster' : null;
  const seen = `${version}, ${kind ?? 'a single server'}, answers in ${tripMs} ms`;
  if (Number.parseInt(version, 10) < OLDEST_SERVER)
    return warn('MongoDB', seen, `Upgrade it: versions before ${OLDEST_SERVER}.0 are not tested.`);
  if (kind === null)
    return warn(
      'MongoDB',
      seen,
      'Fine for development. In production use a replica set, which survives the loss of a server.',
    );
  return ok('MongoDB', seen);
}

/** A majority, journaled write, as every commit is one: the proof is that it is acknowledged. */
export async function checkWrite(db: Db, now: () => number): Promise<Check> {
  const lease = { name: 'doctor', holder: `doctor-${process.pid}` };
  const sentAt = performance.now();
  try {
    await acquireLease(db, { ...lease, now: now(), ttlMs: 10_000 });
    const tookMs = Math.round(performance.now() - sentAt);
    await releaseLease(db, lease);
    const seen = `a majority acknowledged it, journaled, in ${tookMs} ms`;
    if (tookMs > SLOW_WRITE_MS)
      return warn('MongoDB write', seen, 'That is slow: check the disks and the replication lag.');
    return ok('MongoDB write', seen);
  } catch (error) {
    const { code, message } = failureOf(error);
    const seen = code === 'store-unavailable' ? 'no majority acknowledged a journaled write in time' : message;
    return fail('MongoDB write', seen, 'Writes cannot be acknowledged. Bring a majority of the members up.');
  }
}

/** As a key of an index reads in `listIndexes`: fields in their order. */
const shapeOf = (key: object): string => JSON.stringify(key);

export async function missingIndexes(db: Db): Promise<string[]> {
  const missing: string[] = [];
  for (const name of Object.keys(schemas) as (keyof typeof schemas)[]) {
    const there = await db[name].indexes().catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === NO_SUCH_COLLECTION) return [];
      throw error;
    });
    const known = new Set(there.map(({ key }) => shapeOf(key)));
    const wanted = schemas[name].indexes().map(([key]) => key);
    missing.push(...wanted.filter((key) => !known.has(shapeOf(key))).map((key) => `${name} ${shapeOf(key)}`));
  }
  return missing;
}

export function judgeIndexes(missing: readonly string[]): Check {
  if (missing.length === 0) return ok('indexes', 'all present');
  const [first = ''] = missing;
  const seen = `${missing.length} missing, such as ${first}`;
  return warn('indexes', seen, 'Start `upslink serve` once: it creates them before it is ready.');
}
