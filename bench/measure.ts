/** Measures the memory of a process, and summarizes times. */

import { readFileSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';

const EVERY_MS = 200;

/** Resident memory in MB; 0 if /proc does not tell or the process has ended. */
function residentMb(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

export interface MemoryMeter {
  /** The peak since the last call. */
  peakMb(): number;
  stop(): void;
}

export function measureMemory({ pid = 0 }: ChildProcess): MemoryMeter {
  let peak = 0;
  const looking = setInterval(() => (peak = Math.max(peak, residentMb(pid))), EVERY_MS);
  return {
    peakMb() {
      const most = Math.max(peak, residentMb(pid));
      peak = 0;
      return Math.round(most);
    },
    stop: () => clearInterval(looking),
  };
}

export function percentile(times: number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** `--name 5` of the command line. */
export function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const given = at < 0 ? otherwise : Number(process.argv[at + 1]);
  if (!Number.isFinite(given) || given <= 0) throw new Error(`--${name} must be a number above 0`);
  return given;
}
