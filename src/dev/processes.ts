/** Processes of this machine by an identity that survives a reused pid: pid and start time (Linux: /proc). */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot, as /proc/<pid>/stat has it. */
  readonly startedAt: string;
}

/** Undefined when there is no such process, or only its zombie. */
export function identify(pid: number): ProcessId | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  // The second field is the name in brackets and may hold anything: count from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startedAt] = [fields[0], fields[19]];
  if (startedAt === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, startedAt };
}

export const isAlive = (id: ProcessId): boolean => identify(id.pid)?.startedAt === id.startedAt;

/** The process of npm that runs us, straight or through its shell; undefined when a person or another program does. */
export function findNpm(): ProcessId | undefined {
  let pid = process.ppid;
  for (const _level of ['shell', 'npm']) {
    // npm gives its process a name of its own.
    if (/^npm\b|npm-cli\.js/.test(readText(`/proc/${pid}/cmdline`))) return identify(pid);
    pid = Number(/^PPid:\s*(\d+)/m.exec(readText(`/proc/${pid}/status`))?.[1]);
  }
  return undefined;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Asks it to end, and ends it when it has not after `graceMs`. */
export async function stopProcess(id: ProcessId, graceMs: number): Promise<void> {
  signalProcess(id, 'SIGTERM');
  if (await hasEnded(id, graceMs)) return;
  signalProcess(id, 'SIGKILL');
  await hasEnded(id, 5_000);
}

export function signalProcess(id: ProcessId, signal: NodeJS.Signals): void {
  if (!isAlive(id)) return;
  try {
    process.kill(id.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export async function hasEnded(id: ProcessId, withinMs: number): Promise<boolean> {
  const giveUpAt = performance.now() + withinMs;
  while (isAlive(id)) {
    if (performance.now() > giveUpAt) return false;
    await delay(20);
  }
  return true;
}
