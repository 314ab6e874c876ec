/** `upslink serve`: the service, in the role its environment names. */

import { pino } from 'pino';
import { loadConfig } from '../config';
import { serve } from '../main';
import type { Environment } from './environment';
import { runUntilStopped } from './stopping';

export async function runServe(env: Environment): Promise<void> {
  const config = loadConfig(env);
  const log = pino({ level: config.logLevel });
  await runUntilStopped(
    () => serve(config, { log }),
    (signal) => log.warn({ signal }, 'Second signal: stopped at once. Other processes continue the work in hand.'),
  );
}
