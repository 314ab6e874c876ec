/** The database, opened for one command. */

import type { Config } from '../config';
import { connectDb, type Db } from '../db/connection';
import { makeStore, type AccountDocument } from '../db/accounts';
import { findIds } from '../db/queries';
import { getTenant } from '../db/tenants';
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

/** One trip where a tenant is named: one that is not there has no accounts, and that is no answer to who mistyped it. */
export async function assertTenant(db: Db, tenant: string | undefined): Promise<void> {
  if (tenant !== undefined && (await getTenant(db, tenant)) === null)
    throw new CliError('not-found', `There is no tenant ${tenant}: create it with \`upslink tenant create\`.`);
}

/** One trip. */
export async function loadAccount(db: Db, id: string, options: InTenant): Promise<AccountDocument> {
  const document = await makeStore(db).load(id, options.tenant);
  if (document) return document;
  throw noAccount(id, options);
}

/** One trip for all of them, before anything is done with the first: whoever names one that is not there loses no work. */
export async function assertAccounts(db: Db, ids: string[], options: InTenant): Promise<void> {
  const found = await findIds(db, ids, options.tenant ?? null);
  const [first, ...more] = [...new Set(ids)].filter((id) => !found.has(id));
  if (first !== undefined) throw noAccount([first, ...more].join(', '), options);
}

function noAccount(id: string, { tenant }: InTenant): CliError {
  const where = tenant === undefined ? '' : ` in tenant ${tenant}`;
  return new CliError(
    'not-found',
    `There is no account ${id}${where}: run \`upslink accounts list\` to see the accounts.`,
  );
}
