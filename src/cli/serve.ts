/** `upslink serve`: the service, in the role its environment names. */

import { loadConfig } from '../config';
import { serve } from '../main';
import type { Environment } from './environment';
import { runUntilStopped } from './stopping';

export async function runServe(env: Environment): Promise<void> {
  const config = loadConfig(env);
  await runUntilStopped(() => serve(config));
}
