/**
 * `npm run bench:windows`: how long an answer of UPS is in one process alone, in milliseconds, on this machine.
 *
 * Healthy: from the answer in hand to the acknowledged commit. With the store away: 250 ms until the second place is asked,
 * and then until the disk has synced it (Redis is asked at the same time).
 */

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { AccountDocument } from '../src/db/accounts';
import { startRedis } from '../src/dev/redis';
import { Running } from '../src/dev/running';
import { makeDiskPlace, makeRedisPlace, type SecondPlace } from '../src/workers';
import { sealAnswer, type Answer } from '../src/workers/spool/answer';
import { openBenchStore, type BenchStore } from './benchStore';

const say = (line: string) => void process.stdout.write(`${line}\n`);
const TRIES = Number(process.env['BENCH_TRIES'] ?? 300);
const log = { info: () => {}, warn: () => {}, error: () => {} };

async function timed(work: (n: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < TRIES; n++) {
    const since = performance.now();
    await work(n);
    times.push(performance.now() - since);
  }
  return times.sort((a, b) => a - b);
}

function tell(what: string, sorted: number[]): void {
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1).padStart(7);
  say(`${what.padEnd(46)} p50 ${at(0.5)}   p99 ${at(0.99)}   longest ${at(1)} ms`);
}

/** Refreshes without UPS: the answer is in hand, and is settled as a worker does. */
async function commits({ runtime, answer }: BenchStore, accounts: AccountDocument[]): Promise<number[]> {
  const now = [...accounts];
  const generations = accounts.map(() => 1);
  const times: number[] = [];
  for (let n = 0; n < TRIES; n++) {
    const which = n % now.length;
    const before = now[which] as AccountDocument;
    const fired = await runtime.fire(before, { needsUps: true, claimBy: 'bench' });
    if (!fired) throw new Error('nothing was due');
    const { output, secrets } = answer(fired.document, ++(generations[which] as number));
    const since = performance.now();
    const about = { key: fired.claimed[0] ?? '', attempt: 1, secrets };
    const settled = await runtime.settle(fired.document, about, { output: output });
    times.push(performance.now() - since);
    now[which] = settled.document;
  }
  return times.sort((a, b) => a - b);
}

function puts(bench: BenchStore, place: SecondPlace, document: AccountDocument): Promise<number[]> {
  const { output, secrets } = bench.answer(document, 2);
  return timed((n) => {
    const about = { tenantId: 'bench', accountId: document.id, key: `${n}-refresh`, attempt: 1, eventId: randomUUID() };
    return place.put(sealAnswer(bench.vault, { ...about, output, secrets } as unknown as Answer, Date.now()));
  });
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-windows-'));
  const bench = await openBenchStore();
  const running = new Running(folder);
  const context = { env: process.env, say: () => {}, folder, running, signal: new AbortController().signal };
  const redis = await startRedis({ ...context, data: 'thrown-away' });
  const redisPlace = makeRedisPlace({ redisUrl: redis.url, log });
  try {
    const accounts = await bench.connected(20);
    const [first] = accounts;
    if (!first) throw new Error('no account');
    say(`${TRIES} of each, one after the other, on ${bench.serverName}`);
    tell('store: answer in hand to acknowledged commit', await commits(bench, accounts));
    tell('disk: sealed, written and synced', await puts(bench, makeDiskPlace(path.join(folder, 'spool')), first));
    tell('Redis: sealed and written', await puts(bench, redisPlace, first));
  } finally {
    redisPlace.close();
    await redis.stop();
    await bench.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
