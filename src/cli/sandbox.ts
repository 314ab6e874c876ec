/** `upslink sandbox`: a UPS to develop against, alone. */

import path from 'node:path';
import { startSandbox } from '../sandbox';
import { namingPort } from '../listen';
import { folderProblem, refuseUnusable } from '../usable';
import { loadSandboxConfig, type Environment } from './environment';
import type { Output } from './output';
import { runUntilStopped } from './stopping';
import { fields } from './table';

export async function runSandbox(env: Environment, out: Output): Promise<void> {
  const { sandboxPort, dataDir, publicUrl, ups } = loadSandboxConfig(env);
  const folder = path.join(dataDir, 'sandbox');
  const { clientId, clientSecret } = ups;

  await refuseUnusable([folderProblem('DATA_DIR', folder)]);
  await runUntilStopped(async () => {
    const options = { port: sandboxPort, dataDir: folder, publicUrl, clientId, clientSecret, log };
    const sandbox = await startSandbox(options).catch(namingPort('SANDBOX_PORT', sandboxPort));
    // A secret that was given is known to whoever gave it; the sandbox's own one has to be told.
    const shownSecret = env['UPS_CLIENT_SECRET'] ? null : clientSecret;
    const started = { url: sandbox.url, dataDir: folder, clientId, clientSecret: shownSecret, publicUrl };
    out.result(started, () => describe(started, out.width));
    return sandbox;
  }, onAbandoned);
}

const onAbandoned = (signal: NodeJS.Signals): void => log({ signal, message: 'second signal: stopped at once' });

/** Its log is JSON lines, as the service's; stdout is for whoever started it. */
const log = (entry: Readonly<Record<string, unknown>>): void => {
  process.stderr.write(`${JSON.stringify({ time: Date.now(), ...entry })}\n`);
};

function describe(
  { url, dataDir, clientId, clientSecret, publicUrl }: Record<string, string | null>,
  width: number,
): string {
  const facts = fields(
    [
      ['UPS sandbox', url],
      ['data', dataDir],
      ['client id', clientId],
      ['client secret', clientSecret ?? 'the value of UPS_CLIENT_SECRET'],
      ['callback', `${publicUrl}/oauth/callback (PUBLIC_URL)`],
    ],
    width,
  );
  const profile = '{"username":"me","password":"secret","accounts":[{"accountNumber":"A1B2C3"}]}';
  return `${facts}

Add a UPS login to try:
  curl ${url}/sandbox/profiles -H content-type:application/json \\
    -d '${profile}'
Press Ctrl-C to stop it. Its data stays in the data folder.`;
}
