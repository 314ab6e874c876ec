/**
 * The short form of the Store's contract: a server that loses one of two writes that both saw the same `rev` would
 * lose tokens in silence. What we start ourselves has to pass once per build of it, or is refused by name.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import mongoose from 'mongoose';
import { cacheFolder, DevError, type Environment, type Say } from './context';
import type { Engine } from './engine';

const WRITERS = 8;
const WRITES_EACH = 50;

/** One document with a number in it. */
export interface Counter {
  readonly read: () => Promise<{ n: number; rev: number }>;
  /** Writes if `rev` is still what the document has; whether it did. */
  readonly write: (ifRev: number, next: { n: number; rev: number }) => Promise<boolean>;
}

/** Skips what this user's cache folder says has passed. */
export async function checkOnce(
  engine: Engine,
  { env, say }: { env: Environment; say: Say },
  countLost: () => Promise<number>,
): Promise<void> {
  const passed = path.join(cacheFolder(env), 'checked', `${engine.id}-${buildOf(engine)}`);
  if (existsSync(passed)) return;
  say(`${engine.name}: first use of this build, checking that no write is lost …`);
  const lost = await countLost();
  if (lost !== 0) {
    throw new DevError(
      `${engine.name} is refused: of ${WRITERS * WRITES_EACH} acknowledged compare-and-set writes it lost ${lost}. ` +
        'Set MONGODB_URL to a MongoDB, or install mongod.',
    );
  }
  mkdirSync(path.dirname(passed), { recursive: true });
  writeFileSync(passed, '');
}

/** Acknowledged increments that the document does not show: 0 is the only good answer. */
export async function lostWrites(counter: Counter): Promise<number> {
  await Promise.all(Array.from({ length: WRITERS }, () => writeAll(counter)));
  const { n } = await counter.read();
  return WRITERS * WRITES_EACH - n;
}

async function writeAll(counter: Counter): Promise<void> {
  for (let written = 0; written < WRITES_EACH;) {
    const { n, rev } = await counter.read();
    if (await counter.write(rev, { n: n + 1, rev: rev + 1 })) written += 1;
  }
}

/** A counter in a database of its own, dropped in the end. */
export async function withCounter<T>(url: string, use: (counter: Counter) => Promise<T>): Promise<T> {
  const client = new mongoose.mongo.MongoClient(url, { serverSelectionTimeoutMS: 5_000, maxPoolSize: WRITERS });
  const database = client.db(`upslink_check_${process.pid}`);
  try {
    const documents = database.collection<{ _id: string; n: number; rev: number }>('counters', {
      writeConcern: { w: 'majority', journal: true },
      readConcern: { level: 'majority' },
    });
    await documents.insertOne({ _id: 'one', n: 0, rev: 0 });
    return await use({
      read: async () => (await documents.findOne({ _id: 'one' })) ?? { n: 0, rev: 0 },
      write: async (rev, next) => {
        const { modifiedCount } = await documents.updateOne({ _id: 'one', rev }, { $set: next });
        return modifiedCount === 1;
      },
    });
  } finally {
    await database.dropDatabase();
    await client.close();
  }
}

function buildOf(engine: Engine): string {
  const { size, mtimeMs } = statSync(engine.program);
  return createHash('sha256').update(`${engine.program}\0${size}\0${mtimeMs}`).digest('hex').slice(0, 16);
}
