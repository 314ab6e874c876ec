/** `upslink access-keys import FILE.csv`: the API's own import, at the machine, with progress and a report to read. */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { homeOf } from '../../api/imports/home';
import { importKeys, type ImportReport } from '../../api/imports/importKeys';
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
}

const FAILED_SHOWN = 50;
const SAMPLED = 50;

export async function runImport(env: Environment, out: Output, file: string, { tenant }: ImportOptions): Promise<void> {
  const config = loadKeysConfig(env);
  const size = file === '-' ? null : await sizeOf(file);
  const { report, isStopped } = await withOpenDb(config, async (db) => {
    if ((await getTenant(db, tenant)) === null)
      throw new CliError('not-found', `There is no tenant ${tenant}: \`upslink tenant create\` makes one.`);
    return importFile(db, config, { file, size, tenant }, out);
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
    throw new CliError(error.code, `${seen}. Nothing was imported: set ENCRYPTION_KEYS as the service has it.`);
  }
}

async function importFile(
  db: Db,
  config: ReturnType<typeof loadKeysConfig>,
  { file, size, tenant }: { file: string; size: number | null; tenant: string },
  out: Output,
): Promise<{ report: ImportReport; isStopped: boolean }> {
  const vault = makeVault(config.encryptionKeys);
  await assertServiceRing(db, vault);
  const runtime = runtimeOn(db, vault);
  const progress = makeProgress(out, 'lines');
  let passed = 0;
  let isAsked = false;
  // Only once lines are left out: asked at the very end, it has nothing to stop.
  let isStopped = false;
  const stop = () => void (isAsked = true);
  process.once('SIGINT', stop);
  try {
    const parts = {
      ...{ runtime, vault: await fingerprintsOf(db, vault), actor: 'cli' },
      home: () => homeOf(db, tenant, config.accessKeyDeadlineAt),
      onProgress: (done: number) => progress.reached({ done, share: size ? Math.min(1, passed / size) : null }),
      isStopped: () => (isStopped = isAsked),
    };
    const bytes = file === '-' ? process.stdin : createReadStream(file);
    const report = await importKeys(
      parts,
      watched(bytes, (count) => (passed += count)),
    );
    return { report, isStopped };
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
  const rest = more > 0 ? `\n… and ${more} more: --json shows them.` : '';
  const columns = [{ head: 'LINE' }, { head: 'COLUMN' }, { head: 'WHY', shrinksTo: 20 }];
  return `${counts}\n\n${table(columns, shown.map(cellsOf), width)}${rest}`;
}

const cellsOf = ({ line, field, message }: FailedLine): string[] => [String(line), field ?? '', message];
