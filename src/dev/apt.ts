import { findOnPath, runCommand } from './command';
import { DevError, type DevContext } from './context';

type AptContext = Pick<DevContext, 'env' | 'say' | 'signal'>;

/** Debian's packages can be had: apt-get is there and we are root. */
export const canAptInstall = (context: AptContext): boolean =>
  process.getuid?.() === 0 && findOnPath(['apt-get'], context.env) !== undefined;

let last: Promise<unknown> = Promise.resolve();

/** Installs Debian packages; false, and says why, when that fails. One after the other: apt-get gives up when another runs. */
export function aptInstall(context: AptContext, packages: readonly string[]): Promise<boolean> {
  const installing = last.catch(() => undefined).then(() => install(context, packages));
  last = installing;
  return installing;
}

async function install(context: AptContext, packages: readonly string[]): Promise<boolean> {
  const label = `apt-get install ${packages.join(' ')}`;
  context.say(`${label} (Debian's package, as we are root) …`);
  // RUNLEVEL=1 keeps Debian from starting a service of its own beside ours.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  try {
    await runCommand(context, 'apt-get update', ['apt-get', 'update', '-q'], { env });
    await runCommand(context, label, ['apt-get', 'install', '-qy', '--no-install-recommends', ...packages], { env });
    return true;
  } catch (error) {
    if (!(error instanceof DevError)) throw error;
    context.say(error.message);
    return false;
  }
}
