/** `npm run chaos`: injects faults into real processes for some minutes and prints a report. */

import { runChaos, type RunOutput } from './chaosRun';
import { readOptions } from './options';
import { formatReport } from './report';

const PLAIN_MS = 10_000;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Rewrites one line on a terminal; elsewhere prints a line every ten seconds. */
function makeOutput(): RunOutput {
  const isTerminal = process.stdout.isTTY;
  let toldAt = 0;
  return {
    say: (line) => say(isTerminal ? `\r\u001b[K${line}` : line),
    progress({ phase, leftMs, events, last }) {
      const text = `${phase}, ${Math.ceil(leftMs / 1_000)} s left at most, ${events} events sent, last: ${last}`;
      if (isTerminal) process.stdout.write(`\r\u001b[K${text.slice(0, (process.stdout.columns || 80) - 1)}`);
      else if (performance.now() - toldAt > PLAIN_MS) {
        toldAt = performance.now();
        say(text);
      }
    },
  };
}

/** The first Ctrl-C ends the faults, and repairs and checks follow; the second one ends the run. */
function stopSignals(): { stop: AbortSignal; abandon: AbortSignal } {
  const [stop, abandon] = [new AbortController(), new AbortController()];
  let firstAt: number | null = null;
  const onSignal = (): void => {
    // One Ctrl-C often arrives twice: from the terminal and from npm.
    if (firstAt !== null && performance.now() - firstAt > 250) abandon.abort();
    firstAt ??= performance.now();
    stop.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  return { stop: stop.signal, abandon: abandon.signal };
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  say(
    `seed ${options.seed}: ${options.accounts} accounts, ${options.storeAwayMs > 0 ? 'the store is away' : 'things go wrong'} for ${(options.storeAwayMs || options.lastsMs) / 1_000} s`,
  );
  const report = await runChaos(options, makeOutput(), stopSignals());
  say(`${process.stdout.isTTY ? '\r\u001b[K' : ''}\n${formatReport(report)}`);
  process.exitCode = report.violations.length > 0 ? 1 : 0;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
