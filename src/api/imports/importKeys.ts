/**
 * The import of access keys: read, judged and created a batch at a time, so that a file of any length takes the same
 * memory. What is wrong with a line keeps no other from coming in, and a file may be imported again at any time.
 */

import type { Vault } from '../../db/vault';
import type { Runtime } from '../../durable/runtime';
import type { AccountData } from '../../machines/data';
import type { AccountView } from '../../machines/definition';
import { planBirth, type Home, type Planned } from './birth';
import { OverLimit } from './limits';
import { readLines, type FailedLine, type Line, type ReadOptions } from './lines';

export interface ImportReport {
  created: number;
  /** An equal line had been imported before, whatever became of the account since. */
  unchanged: number;
  /** In order of their lines. */
  failed: FailedLine[];
  /** Failed lines beyond those: a report has an end. */
  failedOmitted?: number;
}

/** The import ended before its file did. What had been read until then was imported, and stays. */
export class CutShort extends Error {
  constructor(
    /** Why: an OverLimit, or the reason of the signal that was aborted. */
    readonly reason: unknown,
    readonly report: ImportReport,
  ) {
    super('The import was cut short.', { cause: reason });
  }
}

export interface ImportParts {
  runtime: Pick<Runtime<AccountData, AccountView>, 'createMany'>;
  vault: Pick<Vault, 'fingerprints'>;
  /** Asked for every batch: what the tenant is may change while a long file runs. */
  home(): Promise<Home>;
  actor: string;
  onProgress?(lines: number): void;
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

/** What has become of the lines so far. */
function makeTally() {
  const report: ImportReport = { created: 0, unchanged: 0, failed: [] };
  let omitted = 0;
  return {
    report,
    fail(failed: FailedLine): void {
      if (report.failed.length < FAILED_KEPT) report.failed.push(failed);
      else omitted++;
    },
    inOrder(): ImportReport {
      report.failed.sort((a, b) => a.line - b.line);
      return { ...report, ...(omitted > 0 && { failedOmitted: omitted }) };
    },
  };
}
type Tally = ReturnType<typeof makeTally>;

async function take(parts: ImportParts, batch: (Line | FailedLine)[], tally: Tally): Promise<void> {
  const { report } = tally;
  const home = await parts.home();
  const planned: Planned[] = [];
  for (const one of batch) {
    const judged = isFailed(one) ? one : planBirth(one, home, parts.vault);
    if (isFailed(judged)) tally.fail(judged);
    else planned.push(judged);
  }
  const births = planned.map(({ birth }) => birth);
  const born = await parts.runtime.createMany(births, { actor: parts.actor });
  planned.forEach(({ line, hashes }, n) => {
    const one = born[n];
    if (one?.created) report.created++;
    else if (one && hashes.includes(one.document.data.createHash)) report.unchanged++;
    else tally.fail(nameTaken(line));
  });
}

/**
 * Rejects with UnreadableFile, with what the store's errors are, and with CutShort when a limit is met or the signal is
 * aborted. What was taken until then stays.
 */
export async function importKeys(
  parts: ImportParts,
  bytes: AsyncIterable<Uint8Array>,
  options: ReadOptions = {},
): Promise<ImportReport> {
  const tally = makeTally();
  const isCut = (error: unknown): boolean =>
    error instanceof OverLimit || (options.signal?.aborted === true && error === options.signal.reason);
  const batch: (Line | FailedLine)[] = [];
  let lines = 0;

  async function takeBatch(): Promise<void> {
    lines += batch.length;
    if (batch.length > 0) await take(parts, batch.splice(0), tally);
    parts.onProgress?.(lines);
  }

  try {
    for await (const one of readLines(bytes, options)) {
      batch.push(one);
      if (batch.length >= BATCH) await takeBatch();
    }
  } catch (error) {
    if (!isCut(error)) throw error;
    await takeBatch();
    throw new CutShort(error, tally.inOrder());
  }
  await takeBatch();
  return tally.inOrder();
}
