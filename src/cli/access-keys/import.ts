/** `upslink access-keys import FILE.csv`: the API's own import, at the machine, with progress and a report to read. */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isEncoding } from '../../api/imports/encoding';
import { homeOf } from '../../api/imports/home';
import { CutShort, importKeys, type ImportReport } from '../../api/imports/importKeys';
import { UnreadableFile, type FailedLine } from '../../api/imports/lines';
import type { Db } from '../../db/connection';
import { fingerprintsOf } from '../../db/fingerprints';
import { assertOpens, sampleSealed } from '../../db/sealed';
import { getTenant } from '../../db/tenants';
import { makeVault, SealBroken, VaultKeyMissing, type Vault } from '../../db/vault';
import { loadKeysConfig, type Environment } from '../environment';
import { CliError, FoundFault, UsageError } from '../failure';
import type { Output } from '../output';
import { makeProgress } from '../progress';
import { runtimeOn } from '../runtime';
import { withOpenDb } from '../store';
import { table } from '../table';

export interface ImportOptions {
  tenant: string;
  /** A label such as `windows-1252`; UTF-8 where none is given. */
  encoding?: string;
}

const FAILED_SHOWN = 50;
const SAMPLED = 50;

export async function runImport(env: Environment, out: Output, file: string, options: ImportOptions): Promise<void> {
  const { tenant, encoding = 'utf-8' } = options;
  if (!isEncoding(encoding))
    throw new UsageError('--encoding is not a known encoding: use utf-8, or another one such as windows-1252.');
  const config = loadKeysConfig(env);
  const size = file === '-' ? null : await sizeOf(file);
  const { report, isStopped } = await withOpenDb(config, async (db) => {
    if ((await getTenant(db, tenant)) === null)
      throw new CliError('not-found', `There is no tenant ${tenant}: create it with \`upslink tenant create\`.`);
    return importFile(db, config, { file, size, tenant, encoding }, out);
  });
  const result = { ...report, ...(isStopped && { stopped: true }) };
  out.result(result, () => describe(report, out.width));
  if (isStopped || report.failed.length > 0) throw new FoundFault();
}

/** Null where it has none: a pipe such as a shell's `<(…)` is read as it comes. */
async function sizeOf(file: string): Promise<number | null> {
  const found = await stat(file).catch(() => null);
  if (found === null) throw new UsageError(`There is no file ${file}.`);
  if (found.isDirectory()) throw new UsageError(`${file} is a folder: name the CSV file in it.`);
  return found.isFile() ? found.size : null;
}

/** A key sealed with a ring that the service has not is lost to it: what is stored tells which one it has. */
async function assertServiceRing(db: Db, vault: Vault): Promise<void> {
  try {
    assertOpens(vault, await sampleSealed(db, SAMPLED));
  } catch (error) {
    if (!(error instanceof VaultKeyMissing) && !(error instanceof SealBroken)) throw error;
    const seen = error.message.split(/[.:] /)[0] ?? '';
    throw new CliError(error.code, `${seen}. Nothing was imported: use the ENCRYPTION_KEYS of the service.`);
  }
}

interface Given {
  file: string;
  /** Null where nobody knows. */
  size: number | null;
  tenant: string;
  encoding: string;
}

interface Ended {
  report: ImportReport;
  /** Before the end of the file. */
  isStopped: boolean;
}

async function importFile(
  db: Db,
  config: ReturnType<typeof loadKeysConfig>,
  { file, size, tenant, encoding }: Given,
  out: Output,
): Promise<Ended> {
  const vault = makeVault(config.encryptionKeys);
  await assertServiceRing(db, vault);
  const runtime = runtimeOn(db, vault);
  const progress = makeProgress(out, 'lines');
  let passed = 0;
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once('SIGINT', stop);
  try {
    const parts = {
      ...{ runtime, vault: await fingerprintsOf(db, vault), actor: 'cli' },
      home: () => homeOf(db, tenant, config.accessKeyDeadlineAt),
      onProgress: (done: number) => progress.reached({ done, share: size ? Math.min(1, passed / size) : null }),
    };
    const bytes = file === '-' ? process.stdin : createReadStream(file);
    const counted = watched(bytes, (count) => (passed += count));
    const report = await importKeys(parts, counted, { encoding, signal: stopping.signal });
    return { report, isStopped: false };
  } catch (error) {
    progress.end();
    return stoppedBy(error, out);
  } finally {
    progress.end();
    process.off('SIGINT', stop);
    await runtime.relay.idle();
  }
}

function stoppedBy(error: unknown, out: Output): Ended {
  if (error instanceof UnreadableFile) throw new CliError(error.code, error.message);
  if (!(error instanceof CutShort)) throw error;
  out.remark('Stopped. Imported rows are kept; run the command again to continue.');
  return { report: error.report, isStopped: true };
}

/** The same bytes, counted as they pass. */
async function* watched(bytes: AsyncIterable<Uint8Array>, count: (passed: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    count(chunk.length);
    yield chunk;
  }
}

function describe({ created, unchanged, failed, failedOmitted = 0 }: ImportReport, width: number): string {
  const counts = `${created} created, ${unchanged} unchanged, ${failed.length + failedOmitted} failed`;
  if (failed.length === 0) return counts;
  const shown = failed.slice(0, FAILED_SHOWN);
  const more = failed.length + failedOmitted - shown.length;
  const rest = more > 0 ? `\n… and ${more} more: use --json to see them.` : '';
  const columns = [{ head: 'LINE' }, { head: 'COLUMN' }, { head: 'WHY', shrinksTo: 20 }];
  return `${counts}\n\n${table(columns, shown.map(cellsOf), width)}${rest}`;
}

const cellsOf = ({ line, field, message }: FailedLine): string[] => [String(line), field ?? '', message];
