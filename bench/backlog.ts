/**
 * `npm run bench:backlog -- --accounts 3000`: accounts whose refreshes were due over the past hour while no worker ran, then
 * one scheduler and one worker. How long it takes, in which order, what it costs, and whether the sandbox's ledger finds
 * that anything was lost.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { HOUR_MS } from '../src/durations';
import { connectAccounts, type ConnectedAccounts } from './connectedAccounts';
import { measure, type System } from './processes';
import { option, percentile, measureMemory } from './measure';

const ACCOUNTS = option('accounts', 3_000);
const PATIENCE_MS = 180_000;
const say = (text: string) => void process.stdout.write(`${text}\n`);

const redisBytes = async (redis: Redis): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1] ?? 0);

/** Waits until each account holds another pair: a claim alone already moves what is due. */
async function drained({ db }: ConnectedAccounts, look: () => Promise<void>): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    await look();
    const left = await db.accounts.countDocuments({ 'data.current.generation': 1 });
    if (left === 0) return;
    if (performance.now() > giveUpAt) {
      say(`given up after ${PATIENCE_MS / 1000} s: ${left} of ${ACCOUNTS} are not refreshed yet`);
      return;
    }
    await delay(500);
  }
}

/** When each was refreshed, after the first one, in the order in which they were due. */
async function refreshedAt({ db, dueAt }: ConnectedAccounts): Promise<number[]> {
  const sentAt = new Map<string, number>();
  for await (const { _id, data } of db.accounts.find({ 'data.current.generation': { $gt: 1 } }))
    if (data.current) sentAt.set(_id, data.current.issuedAt);
  const inOrder = [...dueAt].sort(([, a], [, b]) => a - b).flatMap(([id]) => sentAt.get(id) ?? []);
  const first = Math.min(...inOrder);
  return inOrder.map((at) => at - first);
}

async function run(system: System): Promise<void> {
  const connected = await connectAccounts(system, ACCOUNTS, () => {
    const from = Date.now() - HOUR_MS;
    return Array.from({ length: ACCOUNTS }, (_, n) => from + Math.round((n * HOUR_MS) / ACCOUNTS));
  });
  const redis = new Redis(system.redisUrl);
  const quietBytes = await redisBytes(redis);
  let mostBytes = quietBytes;
  const began = performance.now();
  const worker = system.startRole('worker');
  const memory = measureMemory(worker);
  system.startRole('scheduler');
  await drained(connected, async () => void (mostBytes = Math.max(mostBytes, await redisBytes(redis))));
  const seconds = (performance.now() - began) / 1000;
  const times = await refreshedAt(connected);
  const drainSeconds = Math.max(...times) / 1000;
  say(`${ACCOUNTS} accounts due over the past hour, on ${system.serverName}; one worker, one scheduler`);
  say(
    `drained in            ${drainSeconds.toFixed(1)} s of refreshes, ${seconds.toFixed(1)} s with the processes' start`,
  );
  say(`refreshes             ${(times.length / drainSeconds).toFixed(0)}/s`);
  const quarter = Math.ceil(times.length / 4);
  for (const [n, name] of ['oldest', 'second', 'third', 'youngest'].entries()) {
    const some = times.slice(n * quarter, (n + 1) * quarter);
    say(
      `${`${name} quarter`.padEnd(22)}p50 after ${(percentile(some, 0.5) / 1000).toFixed(1)} s, last after ${(Math.max(...some) / 1000).toFixed(1)} s`,
    );
  }
  say(
    `peak memory           worker ${memory.peakMb()} MB, Redis ${(quietBytes / 2 ** 20).toFixed(1)} → ${(mostBytes / 2 ** 20).toFixed(1)} MB`,
  );
  const { lost, refreshed, violations, repeats } = await connected.judge();
  say(
    `the sandbox's ledger  ${refreshed} refreshed, ${lost} lost, ${violations} violations, ${repeats} tokens sent twice`,
  );
  memory.stop();
  redis.disconnect();
  await connected.close();
}

measure(run);
