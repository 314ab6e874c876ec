/** `upslink access-keys import FILE.csv`: the API's own import, at the machine, with progress and a report to read. */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { homeOf } from '../../api/imports/home';
import { importKeys, type ImportReport } from '../../api/imports/importKeys';
import { UnreadableFile, type FailedLine } from '../../api/imports/lines';
import type { Db } from '../../db/connection';
import { getTenant } from '../../db/tenants';
import { makeVault } from '../../db/vault';
import { loadKeysConfig, type Environment } from '../environment';
import { CliError, FoundFault, UsageError } from '../failure';
import type { Output } from '../output';
import { runtimeOn } from '../runtime';
import { withOpenDb } from '../store';
import { table } from '../table';
import { makeProgress } from './progress';

export interface ImportOptions {
  tenant: string;
}

const FAILED_SHOWN = 50;

export async function runImport(env: Environment, out: Output, file: string, { tenant }: ImportOptions): Promise<void> {
  const config = loadKeysConfig(env);
  const size = file === '-' ? null : await sizeOf(file);
  const report = await withOpenDb(config, async (db) => {
    if ((await getTenant(db, tenant)) === null)
      throw new CliError('not-found', `There is no tenant ${tenant}: \`upslink tenant create\` makes one.`);
    return importFile(db, config, { file, size, tenant }, out);
  });
  out.result(report, () => describe(report, out.width));
  if (report.failed.length > 0) throw new FoundFault();
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => null);
  if (found === null || !found.isFile()) throw new UsageError(`There is no file ${file}.`);
  return found.size;
}

async function importFile(
  db: Db,
  config: ReturnType<typeof loadKeysConfig>,
  { file, size, tenant }: { file: string; size: number | null; tenant: string },
  out: Output,
): Promise<ImportReport> {
  const vault = makeVault(config.encryptionKeys);
  const runtime = runtimeOn(db, vault);
  const progress = makeProgress(out, size);
  let isStopped = false;
  const stop = () => void (isStopped = true);
  process.once('SIGINT', stop);
  try {
    const parts = {
      ...{ runtime, vault, actor: 'cli' },
      home: () => homeOf(db, tenant, config.accessKeyDeadlineAt),
      onProgress: (lines: number) => progress.lines(lines),
      isStopped: () => isStopped,
    };
    const bytes = file === '-' ? process.stdin : createReadStream(file);
    return await importKeys(parts, progress.watched(bytes));
  } catch (error) {
    if (error instanceof UnreadableFile) throw new CliError(error.code, error.message);
    throw error;
  } finally {
    progress.end();
    process.off('SIGINT', stop);
    await runtime.relay.idle();
    if (isStopped) out.remark('Stopped. What is in stays in: run it again to go on.');
  }
}

function describe({ created, unchanged, failed, failedOmitted = 0 }: ImportReport, width: number): string {
  const counts = `${created} created, ${unchanged} unchanged, ${failed.length + failedOmitted} failed`;
  if (failed.length === 0) return counts;
  const shown = failed.slice(0, FAILED_SHOWN);
  const more = failed.length + failedOmitted - shown.length;
  const rest = more > 0 ? `\n… and ${more} more: --json shows them.` : '';
  const columns = [{ head: 'LINE' }, { head: 'COLUMN' }, { head: 'WHY', shrinksTo: 20 }];
  return `${counts}\n\n${table(columns, shown.map(cellsOf), width)}${rest}`;
}

const cellsOf = ({ line, field, message }: FailedLine): string[] => [String(line), field ?? '', message];
