/** The program behind `upslink`: parses, runs one command, and turns whatever happens into an exit code. */

import { CommanderError, type Command } from 'commander';
import { EXIT, failureOf, FoundFault, UsageError, type Failure } from './failure';
import { makeProgram } from './program';

/** `upslink … | head` ends our output early: that is no fault of ours. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  throw error;
});

/** Applies to every command below too; commander inherits neither. */
function speakOurWay(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => undefined });
  command.commands.forEach(speakOurWay);
}

async function main(argv: string[]): Promise<number> {
  const program = makeProgram(process.env);
  speakOurWay(program);
  try {
    await program.parseAsync(argv);
    return EXIT.done;
  } catch (error) {
    if (error instanceof FoundFault) return EXIT.failed;
    if (error instanceof CommanderError) return afterParsing(error, argv);
    tell(failureOf(error), argv);
    return error instanceof UsageError ? EXIT.wrongUsage : EXIT.failed;
  }
}

/** Help that was asked for is an answer; help because nothing was asked is a wrong usage, already printed. */
function afterParsing({ exitCode, code, message }: CommanderError, argv: string[]): number {
  if (exitCode === 0) return EXIT.done;
  if (code !== 'commander.help') {
    const said = message.replace(/^error: /, '').replaceAll('\n', ' ');
    tell(
      { code: 'wrong-usage', message: `${said}${/[.)]$/.test(said) ? '' : '.'} Add --help to see the usage.` },
      argv,
    );
  }
  return EXIT.wrongUsage;
}

function tell({ code, message }: Failure, argv: string[]): void {
  const said = argv.includes('--json') ? JSON.stringify({ error: { code, message } }) : `upslink: ${message}`;
  process.stderr.write(`${said}\n`);
}

void main(process.argv).then((code) => {
  // A pipe is written asynchronously: ending here would cut it off, so the process ends by itself.
  process.exitCode = code;
});
