/**
 * The record of what one run started in a folder, on disk the moment it is started: `<folder>/running.json`. Servers
 * run in process groups of their own, so that Ctrl-C reaches us alone and we stop them in order; the price is that a
 * kill -9 leaves them behind. A janitor (janitor.ts) stops them then; should it be killed too, the next run does.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { identify, isAlive, type ProcessId, stopProcess } from './processes';

export const STOP_GRACE_MS = 15_000;

export interface Started extends ProcessId {
  readonly name: string;
}

interface RunningRecord {
  readonly owner: ProcessId;
  readonly started: readonly Started[];
}

/** Owns the record of this process's run. */
export class Running {
  private started: readonly Started[] = [];
  private readonly owner: ProcessId;

  constructor(private readonly folder: string) {
    this.owner = identify(process.pid) ?? { pid: process.pid, startedAt: '' };
    this.write();
  }

  add(name: string, id: ProcessId): void {
    this.started = [...this.started, { ...id, name }];
    this.write();
  }

  remove(id: ProcessId): void {
    this.started = this.started.filter((other) => other.pid !== id.pid);
    this.write();
  }

  list(): readonly Started[] {
    return this.started;
  }

  /** The second Ctrl-C: no grace, no order. */
  killAll(): void {
    for (const { pid } of this.started) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended already.
      }
    }
  }

  private write(): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const file = recordFile(this.folder);
    const record: RunningRecord = { owner: this.owner, started: this.started };
    writeFileSync(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}

/** Who runs something in this folder now, or did last. */
export function readOwner(folder: string): ProcessId | undefined {
  return readRecord(folder)?.owner;
}

/** Stops, last started first, what a run left behind in this folder. The caller makes sure that run has ended. */
export async function stopLeftovers(folder: string, say: (line: string) => void): Promise<void> {
  const left = (readRecord(folder)?.started ?? []).filter(isAlive);
  for (const { name, ...id } of left.reverse()) {
    say(`${name} (pid ${id.pid}) is still running from an earlier run that was killed: stopping it.`);
    await stopProcess(id, STOP_GRACE_MS);
  }
  rmSync(recordFile(folder), { force: true });
}

const recordFile = (folder: string): string => path.join(folder, 'running.json');

function readRecord(folder: string): RunningRecord | undefined {
  let text: string;
  try {
    text = readFileSync(recordFile(folder), 'utf8');
  } catch {
    return undefined;
  }
  return JSON.parse(text) as RunningRecord;
}
