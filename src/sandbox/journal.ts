import * as fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Entry } from './entries';

const { closeSync, createReadStream, existsSync, fsyncSync, mkdirSync, openSync, renameSync, truncateSync, writeSync } =
  fs;
const sync = promisify(fs.fdatasync);

/**
 * An append-only file of facts, one JSON object a line.
 * 1. append() returns once the kernel has the lines: a kill -9 of this process loses none of them.
 * 2. synced() resolves once the disk has every line appended before it was called: an answer that promises something waits for it.
 * 3. Concurrent waiters share one fdatasync, so that hundreds of answers a second cost a few dozen syncs.
 * 4. After a failed write or sync nothing more is accepted: a half-written line must stay the last one.
 */
export interface Journal {
  append(entries: readonly Entry[]): void;
  synced(): Promise<void>;
  close(): Promise<void>;
}

const COMPACTION_WORTH = 1000;

/** Reads every whole line into `apply`, cuts a torn last line off, and rewrites the file when `facts` needs far fewer lines. */
export async function openJournal(
  folder: string,
  apply: (entry: Entry) => void,
  facts: () => Iterable<Entry>,
): Promise<Journal> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, 'journal.jsonl');
  const read = existsSync(file) ? await replay(file, apply) : 0;
  if (read > COMPACTION_WORTH && read > 2 * count(facts())) compact(file, facts());
  return appendTo(file);
}

async function replay(file: string, apply: (entry: Entry) => void): Promise<number> {
  let rest = Buffer.alloc(0);
  let lines = 0;
  let goodBytes = 0;
  let torn = false;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    let start = 0;
    for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n', start)) {
      if (torn) throw new Error(`${file}: line ${lines + 1} is no JSON, and it is not the last one.`);
      const entry = parse(rest.toString('utf8', start, end));
      if (entry) {
        apply(entry);
        lines += 1;
        goodBytes += end - start + 1;
      } else torn = true;
      start = end + 1;
    }
    rest = rest.subarray(start);
  }
  // What follows the last newline was being written when the process died; nobody was answered on its strength.
  truncateSync(file, goodBytes);
  return lines;
}

function parse(line: string): Entry | null {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return null;
  }
}

function compact(file: string, facts: Iterable<Entry>): void {
  const draft = `${file}.new`;
  const fd = openSync(draft, 'w', 0o600);
  let lines: string[] = [];
  const flush = () => {
    writeWhole(fd, lines.join(''));
    lines = [];
  };
  for (const entry of facts) {
    lines.push(`${JSON.stringify(entry)}\n`);
    if (lines.length >= 1000) flush();
  }
  flush();
  fsyncSync(fd);
  closeSync(fd);
  renameSync(draft, file);
  syncFolder(path.dirname(file));
}

function appendTo(file: string): Journal {
  const fd = openSync(file, 'a', 0o600);
  syncFolder(path.dirname(file));
  let failure: Error | null = null;
  let written = 0;
  let safe = 0;
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;

  const start = (): Promise<void> => {
    const upTo = written;
    running = sync(fd)
      .then(() => {
        safe = upTo;
      })
      .catch((error: unknown) => {
        failure = new Error('The sandbox could not sync its journal.', { cause: error });
        throw failure;
      })
      .finally(() => {
        running = null;
      });
    return running;
  };

  const synced = async (): Promise<void> => {
    if (failure) throw failure;
    if (safe === written) return;
    if (!running) return start();
    next ??= running.then(() => {
      next = null;
      return running ?? start();
    });
    return next;
  };

  return {
    append(entries) {
      if (failure) throw failure;
      try {
        writeWhole(fd, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
      } catch (error) {
        failure = new Error('The sandbox could not write its journal.', { cause: error });
        throw failure;
      }
      written += 1;
    },
    synced,
    async close() {
      if (!failure) await synced();
      failure ??= new Error('The sandbox has stopped.');
      closeSync(fd);
    },
  };
}

function writeWhole(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}

// A new or renamed file is safe only once its folder is.
function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

function count(entries: Iterable<Entry>): number {
  let n = 0;
  for (const _entry of entries) n += 1;
  return n;
}
