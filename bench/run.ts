/** `npm run bench`: figures of one run on one machine; only the ratios mean something elsewhere. */

import { openStand } from './stand';
import { benchTransitions } from './transitions';

const say = (line: string) => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const rounds = Number(process.env['BENCH_ROUNDS'] ?? 8);
  const stand = await openStand();
  try {
    say(`Durable transitions, on ${stand.serverName}`);
    await benchTransitions(stand, rounds, say);
  } finally {
    await stand.stop();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
