/** The way to MongoDB: short time-outs, majority writes, majority reads. */

import mongoose, { type mongo, type ConnectOptions } from 'mongoose';
import { answered } from './errors';
import { schemas, type Stored } from './schemas';

export interface DbLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface DbOptions {
  log: DbLog;
  /** Wins over the path of the url; without both it is the driver's own default. */
  database?: string;
  /** Told of every command before it is sent: for tests that count trips or explain queries. It costs when it is set. */
  onCommand?: (command: Record<string, unknown>) => void;
}

/**
 * The driver's own collections under mongoose's models: what a function here writes is sent as it stands there,
 * without casting, defaults or middleware in between.
 */
export type Collections = { [Name in keyof Stored]: mongo.Collection<Stored[Name]> };

export interface Db extends Collections {
  /** One trip; rejects with StoreUnavailable. */
  ping(): Promise<void>;
  /** Of every collection, or of one. Safe to repeat, and in several processes at once. */
  ensureIndexes(only?: keyof Stored): Promise<void>;
  close(): Promise<void>;
}

/**
 * A request waits 8 to 10 s at most, so a server that accepts and says nothing is given up before that; a server that
 * is gone is noticed in 2 s. Whoever has a slower one names its time-outs in the URL.
 */
const timeouts = {
  serverSelectionTimeoutMS: 2_000,
  connectTimeoutMS: 2_000,
  socketTimeoutMS: 6_000,
  waitQueueTimeoutMS: 2_000,
};

/** What the URL does not name. */
function timeoutsFor(url: string): Partial<typeof timeouts> {
  const asked = [...new URLSearchParams(url.split('?')[1]).keys()].map((name) => name.toLowerCase());
  return Object.fromEntries(Object.entries(timeouts).filter(([name]) => !asked.includes(name.toLowerCase())));
}

/**
 * No retried writes: a write is sent once, and whether an unanswered one happened is found out by the runtime, which looks
 * for its own event.
 */
const options: ConnectOptions = {
  bufferCommands: false,
  autoIndex: false,
  autoCreate: false,
  heartbeatFrequencyMS: 2_000,
  maxPoolSize: 50,
  retryWrites: false,
  // One by one, for so they go before what an URL asks for; as `writeConcern` an URL's `w=1` would win.
  readPreference: 'primary',
  readConcernLevel: 'majority',
  w: 'majority',
  journal: true,
  wtimeoutMS: 4_000,
  // `undefined` would be stored as null.
  ignoreUndefined: true,
};

/** Two libraries of the driver throw it, each by a class of its own. */
const isBadUrl = (error: unknown): boolean => error instanceof Error && error.name === 'MongoParseError';

/** Rejects with StoreUnavailable when nothing answers there. The url holds a password: it is in no message. */
export async function connectDb(url: string, { log, database, onCommand }: DbOptions): Promise<Db> {
  const connection = mongoose.createConnection();
  const models = (Object.keys(schemas) as (keyof Stored)[]).map((name) => connection.model(name, schemas[name], name));
  try {
    const named = database === undefined ? {} : { dbName: database };
    await answered(
      connection.openUri(url, { ...options, ...timeoutsFor(url), ...named, monitorCommands: onCommand !== undefined }),
    );
  } catch (error) {
    await connection.close();
    // eslint-disable-next-line preserve-caught-error -- its message may repeat the url
    if (isBadUrl(error)) throw new Error('MONGODB_URL is not a MongoDB connection string.');
    throw error;
  }
  if (onCommand) connection.getClient().on('commandStarted', ({ command }) => onCommand(command));
  connection.on('error', (error: Error) => log.warn({ error: error.message }, 'MongoDB: connection error'));
  connection.on('disconnected', () => log.warn({}, 'MongoDB: connection lost; it is tried again'));
  connection.on('reconnected', () => log.info({}, 'MongoDB: connected again'));
  const collection = <Name extends keyof Stored>(name: Name) => connection.collection<Stored[Name]>(name);
  return {
    accounts: collection('accounts'),
    history: collection('history'),
    checkpoints: collection('checkpoints'),
    events: collection('events'),
    tenants: collection('tenants'),
    apiKeys: collection('apiKeys'),
    sessions: collection('sessions'),
    leases: collection('leases'),
    receipts: collection('receipts'),
    installation: collection('installation'),
    campaigns: collection('campaigns'),
    campaignItems: collection('campaignItems'),
    outages: collection('outages'),
    epoch: collection('epoch'),
    fingerprintKeys: collection('fingerprintKeys'),
    ping: async () => {
      await answered(connection.getClient().db().command({ ping: 1 }));
    },
    ensureIndexes: async (only) => {
      const wanted = models.filter(({ modelName }) => only === undefined || modelName === only);
      for (const model of wanted) await answered(model.createIndexes());
    },
    close: async () => {
      connection.removeAllListeners();
      await connection.close();
    },
  };
}
