/**
 * The import of access keys: read, judged and created a batch at a time, so that a file of any length takes the same
 * memory. What is wrong with a line keeps no other from coming in, and a file may be imported again at any time.
 */

import type { Vault } from '../../db/vault';
import type { Runtime } from '../../durable/runtime';
import type { AccountData } from '../../machines/data';
import type { AccountView } from '../../machines/definition';
import { planBirth, type Home, type Planned } from './birth';
import { readLines, type FailedLine, type Line } from './lines';

export interface ImportReport {
  created: number;
  /** An equal line had been imported before, whatever became of the account since. */
  unchanged: number;
  /** In order of their lines. */
  failed: FailedLine[];
  /** Failed lines beyond those: a report has an end. */
  failedOmitted?: number;
}

export interface ImportParts {
  runtime: Pick<Runtime<AccountData, AccountView>, 'createMany'>;
  vault: Pick<Vault, 'fingerprints'>;
  /** Asked for every batch: what the tenant is may change while a long file runs. */
  home(): Promise<Home>;
  actor: string;
  onProgress?(lines: number): void;
  /** After the batch in hand. */
  isStopped?(): boolean;
}

/** A store that syncs every document to its disk takes so many well within the time it has for one answer. */
const BATCH = 50;
const FAILED_KEPT = 10_000;

const isFailed = <T extends object>(one: T | FailedLine): one is FailedLine => 'code' in one;

const nameTaken = (line: number): FailedLine => ({
  line,
  field: 'name',
  code: 'name-taken',
  message: 'name is that of another account, or of this one with another key or other settings.',
});

/** Rejects with UnreadableFile, and with what the store's errors are; what was taken until then stays. */
export async function importKeys(parts: ImportParts, bytes: AsyncIterable<Uint8Array>): Promise<ImportReport> {
  const { runtime, vault, actor } = parts;
  const report: ImportReport = { created: 0, unchanged: 0, failed: [] };
  let omitted = 0;
  let lines = 0;

  function fail(failed: FailedLine): void {
    if (report.failed.length < FAILED_KEPT) report.failed.push(failed);
    else omitted++;
  }

  async function take(batch: (Line | FailedLine)[]): Promise<void> {
    const home = await parts.home();
    const planned: Planned[] = [];
    for (const one of batch) {
      const judged = isFailed(one) ? one : planBirth(one, home, vault);
      if (isFailed(judged)) fail(judged);
      else planned.push(judged);
    }
    const born = await runtime.createMany(
      planned.map(({ birth }) => birth),
      { actor },
    );
    planned.forEach(({ line, hashes }, n) => {
      const one = born[n];
      if (one?.created) report.created++;
      else if (one && hashes.includes(one.document.data.createHash)) report.unchanged++;
      else fail(nameTaken(line));
    });
    lines += batch.length;
    parts.onProgress?.(lines);
  }

  const batch: (Line | FailedLine)[] = [];
  for await (const one of readLines(bytes)) {
    batch.push(one);
    if (batch.length < BATCH) continue;
    await take(batch.splice(0));
    if (parts.isStopped?.() === true) break;
  }
  if (batch.length > 0) await take(batch.splice(0));
  report.failed.sort((a, b) => a.line - b.line);
  return { ...report, ...(omitted > 0 && { failedOmitted: omitted }) };
}
