import { aptInstall, canAptInstall } from './apt';
import { findOnPath, isProgram } from './command';
import { DevError, type DevContext } from './context';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'] as const;

/** The program of a Chromium for browser tests. Throws DevError saying what to install or set when there is none. */
export async function findBrowser(context: Pick<DevContext, 'env' | 'say' | 'signal'>): Promise<string> {
  const given = context.env['CHROMIUM_PATH'];
  if (given) {
    if (isProgram(given)) return given;
    throw new DevError(`CHROMIUM_PATH is set, but ${given} is no program: correct it, or unset the variable.`);
  }
  const found = findOnPath(NAMES, context.env);
  if (found !== undefined) return found;
  const installed = canAptInstall(context) && (await aptInstall(context, ['chromium']));
  const program = installed ? findOnPath(NAMES, context.env) : undefined;
  if (program !== undefined) return program;
  throw new DevError(
    'No Chromium for the browser tests. Install one (Debian: apt-get install chromium) or set CHROMIUM_PATH.',
  );
}
