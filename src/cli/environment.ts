/** What each command needs of the environment, judged by the service's own rules (src/config.ts), and nothing more. */

import { ConfigError, loadConfig, type Config, type ConfigProblem } from '../config';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Stand-ins for what a command does not use. They are never opened. */
const standIns = {
  MONGODB_URL: 'mongodb://unused/unused',
  REDIS_URL: 'redis://unused',
  UPS_ENV: 'sandbox',
  UPS_CLIENT_ID: 'unused',
  UPS_CLIENT_SECRET: 'unused',
  ENCRYPTION_KEYS: `unused:${Buffer.alloc(32).toString('base64')}`,
} as const;

const only = (env: Environment, names: readonly string[]): Environment =>
  Object.fromEntries(names.map((name) => [name, env[name]]));

/** For commands that work on the database alone. Throws ConfigError. */
export const loadStoreConfig = (env: Environment): Pick<Config, 'mongodbUrl' | 'mongodbDatabase'> =>
  loadConfig({ ...standIns, ...only(env, ['MONGODB_URL']) });

/** For commands that seal secrets. Throws ConfigError. */
export function loadKeysConfig(env: Environment): Config {
  const { ENCRYPTION_KEYS: _, ...others } = standIns;
  return loadConfig({ ...others, ...only(env, ['MONGODB_URL', 'ENCRYPTION_KEYS', 'ACCESS_KEY_DEADLINE']) });
}

/** For the sandbox, which takes part in no deployment: a client id and secret of its own do where none are set. */
export function loadSandboxConfig(env: Environment): Config {
  const names = ['PORT', 'PUBLIC_URL', 'DATA_DIR', 'SANDBOX_PORT', 'UPS_CLIENT_ID', 'UPS_CLIENT_SECRET'];
  const given = Object.entries(only(env, names)).filter(([, value]) => value !== undefined && value !== '');
  const own = { UPS_CLIENT_ID: 'sandbox-client', UPS_CLIENT_SECRET: 'sandbox-secret' };
  return loadConfig({ ...standIns, ...own, ...Object.fromEntries(given) });
}

export interface Examined {
  /** Usable but for `problems`: their variables hold stand-ins. */
  config: Config;
  problems: readonly ConfigProblem[];
}

/** For the doctor: the rest can be looked at although a variable is bad. */
export function examine(env: Environment): Examined {
  try {
    return { config: loadConfig(env), problems: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const bad = new Set(error.problems.map(({ variable }) => variable));
    const mended = { ...env };
    for (const name of bad) mended[name] = (standIns as Environment)[name];
    // UPS_ENV is bad when it contradicts UPS_BASE_URL: its stand-in would take that for the sandbox's.
    if (bad.has('UPS_ENV')) mended['UPS_BASE_URL'] = undefined;
    // Its default may be the port that PORT asks for: with an address of UPS the two are not compared.
    if (bad.has('SANDBOX_PORT')) mended['UPS_BASE_URL'] = 'http://unused';
    return { config: loadConfig(mended), problems: error.problems };
  }
}
