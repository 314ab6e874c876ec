/**
 * `npm run bench:import`: a file of 100,000 access keys (or LINES=…), one in a hundred of them bad, through the real command
 * into a MongoDB of its own. Time and peak memory of the importing process.
 */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { REQUIRED_COLUMNS } from '../src/api/imports/lines';
import { connectDb } from '../src/db/connection';
import { createTenant } from '../src/db/tenants';
import { startMongodb } from '../src/dev/mongodb';
import { Running } from '../src/dev/running';
import { DAY_MS } from '../src/durations';

const LINES = Number(process.env['LINES'] ?? 100_000);
const say = (text: string) => void process.stdout.write(`${text}\n`);
const silent = { info: () => undefined, warn: () => undefined };

const lineOf = (n: number): string =>
  `Account ${n},${n.toString(36).toUpperCase().padStart(6, '0')},${n} Dock St,Timonium,MD,21093,${n % 100 === 0 ? 'XX' : 'US'},shipper,${randomBytes(8).toString('hex')},user${n},pass${n}\n`;

async function writeFileOf(file: string): Promise<void> {
  const stream = createWriteStream(file);
  stream.write(`${REQUIRED_COLUMNS.join(',')}\n`);
  for (let n = 1; n <= LINES; n++) if (!stream.write(lineOf(n))) await once(stream, 'drain');
  await new Promise<void>((resolve) => stream.end(resolve));
}

/** In MB, as the kernel counts it; 0 where it does not tell, or the process is gone. */
function peakOf(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

async function run(
  file: string,
  env: Record<string, string>,
): Promise<{ said: string; seconds: number; peakMb: number }> {
  const began = performance.now();
  const binary = path.join(__dirname, '..', 'bin', 'upslink.js');
  const child = spawn(process.execPath, [binary, 'access-keys', 'import', file, '--tenant', 'bench', '--json'], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  let peakMb = 0;
  const looking = setInterval(() => (peakMb = Math.max(peakMb, peakOf(child.pid ?? 0))), 200);
  await new Promise((resolve) => child.once('close', resolve));
  clearInterval(looking);
  return { said, seconds: (performance.now() - began) / 1000, peakMb };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-bench-'));
  const running = new Running(folder);
  const signal = new AbortController().signal;
  const server = await startMongodb({ env: process.env, say, folder, running, signal, data: 'thrown-away' });
  try {
    const url = new URL(server.url);
    url.pathname = `/upslink_bench_${randomBytes(4).toString('hex')}`;
    const db = await connectDb(url.href, { log: silent });
    await db.ensureIndexes();
    const accessKeyDeadline = Date.now() + 30 * DAY_MS;
    const tenant = { id: 'bench', name: 'Bench', returnOrigins: [], refreshPolicy: 'eager' as const };
    await createTenant(db, { ...tenant, accessKeyDeadline, createdAt: Date.now() });
    const file = path.join(folder, 'keys.csv');
    await writeFileOf(file);
    const env = { MONGODB_URL: url.href, ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}` };
    for (const time of ['the first time', 'again']) {
      const { said, seconds, peakMb } = await run(file, env);
      const { created, unchanged, failed } = JSON.parse(said) as {
        created: number;
        unchanged: number;
        failed: object[];
      };
      say(
        `${LINES} lines ${time}, on ${server.name}: ${created} created, ${unchanged} unchanged, ${failed.length} failed; ` +
          `${seconds.toFixed(1)} s, ${Math.round(LINES / seconds)} lines a second, peak memory ${Math.round(peakMb)} MB`,
      );
    }
    await db.close();
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
