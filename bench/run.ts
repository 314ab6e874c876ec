/** `npm run bench`: figures of one run on one machine; only the ratios mean something elsewhere. */

import { openBenchStore } from './benchStore';
import { benchTokenReads } from './token-reads';
import { benchTransitions } from './transitions';

const say = (line: string) => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const rounds = Number(process.env['BENCH_ROUNDS'] ?? 8);
  const bench = await openBenchStore();
  try {
    say(`Durable transitions, on ${bench.serverName}`);
    await benchTransitions(bench, rounds, say);
  } finally {
    await bench.stop();
  }
  say('\nToken reads over HTTP: service, sandbox and this program on one machine');
  await benchTokenReads(Math.ceil(rounds / 2), say);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
