/** The database, opened for one command. */

import type { Config } from '../config';
import { connectDb, type Db } from '../db/connection';
import { makeStore, type AccountDocument } from '../db/accounts';
import { loadStoreConfig, type Environment } from './environment';
import { CliError } from './failure';

/** Who runs a command may see every tenant; naming one only narrows. */
export interface InTenant {
  tenant?: string;
}

/** A command fails at once and says so itself: there is nobody to log to. */
const noLog = { info: () => undefined, warn: () => undefined };

type StoreConfig = Pick<Config, 'mongodbUrl' | 'mongodbDatabase'>;

export async function withOpenDb<T>(config: StoreConfig, work: (db: Db) => Promise<T>): Promise<T> {
  const db = await connectDb(config.mongodbUrl, { log: noLog, database: config.mongodbDatabase });
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

export const withDb = async <T>(env: Environment, work: (db: Db) => Promise<T>): Promise<T> =>
  withOpenDb(loadStoreConfig(env), work);

/** One trip. */
export async function loadAccount(db: Db, id: string, { tenant: tenantId }: InTenant): Promise<AccountDocument> {
  const document = await makeStore(db).load(id, tenantId);
  if (document) return document;
  const where = tenantId === undefined ? '' : ` in tenant ${tenantId}`;
  throw new CliError(
    'not-found',
    `There is no account ${id}${where}: \`upslink accounts list\` shows those there are.`,
  );
}
