/** Everything `npm start` runs, started in order; each thing started goes on a stack that is undone from the top. */
import path from 'node:path';
import { type Config, loadConfig } from '../config';
import { DevError, type DevContext, type DevServer, type Environment } from './context';
import { type ApiKeys, demoProfiles, demoTenant, type OpenDemoStore, seedSandbox, seedTenant } from './demo';
import { startMongodb } from './mongodb';
import { isPortFree } from './network';
import { startRedis } from './redis';
import { loadSecrets, saveSecrets, type Secrets } from './secrets';
import { startServer } from './server';

const PATIENCE_MS = 60_000;
const LOOPBACK = '127.0.0.1';

/** What may be replaced: by another build of the command line, or in tests. */
export interface StandParts {
  /** The script behind `upslink`. */
  readonly cli: string;
  readonly openDemoStore: OpenDemoStore;
}

/** The shape of `start.json`. */
export interface StartFacts {
  readonly apiUrl: string;
  readonly sandboxUrl: string;
  readonly tenantId: string;
  readonly keys: ApiKeys;
  readonly upsLogin: { readonly username: string; readonly password: string; readonly accountNumber: string };
  readonly upsClient: { readonly clientId: string; readonly clientSecret: string; readonly redirectUri: string };
  readonly mongodbUrl: string;
  readonly redisUrl: string;
}

export interface Stand {
  readonly facts: StartFacts;
  /** Resolves with a sentence when something of it dies. */
  readonly ended: Promise<string>;
}

export type Release = () => Promise<void>;

/** Pushes what undoes each step on `releases`, also when it throws half way. */
export async function startStand(context: DevContext, parts: StandParts, releases: Release[]): Promise<Stand> {
  const secrets = loadSecrets(context.folder);
  const given = serviceEnvironment(context, secrets);
  // With stand-ins for what is not started yet: a bad variable stops us before anything is opened.
  const planned = loadConfig({
    ...given,
    MONGODB_URL: given['MONGODB_URL'] || 'mongodb://later',
    REDIS_URL: given['REDIS_URL'] || 'redis://later',
  });
  await assertPortsFree(planned);

  const started: DevServer[] = [];
  const take = <Server extends DevServer>(server: Server): Server => {
    started.push(server);
    releases.push(async () => {
      context.say(`Stopping ${server.name} …`);
      await server.stop();
    });
    return server;
  };
  const mongodb = take(await startMongodb(context));
  const redis = take(await startRedis(context));
  const env = { ...given, MONGODB_URL: mongodb.url, REDIS_URL: redis.url };
  const config = loadConfig(env);
  const sandbox = take(await startSandboxProcess(context, parts, config, env));
  await seedSandboxOnce(context, sandbox.url, secrets);
  const keys = await seedDemo(context, parts, config);
  const service = take(await startService(context, parts, config, env));
  return {
    facts: {
      apiUrl: service.url,
      sandboxUrl: sandbox.url,
      tenantId: 'demo',
      keys,
      upsLogin: { ...demoProfiles.good, password: secrets.upsPassword },
      upsClient: {
        clientId: config.ups.clientId,
        clientSecret: config.ups.clientSecret,
        redirectUri: `${config.publicUrl}/oauth/callback`,
      },
      mongodbUrl: mongodb.url,
      redisUrl: redis.url,
    },
    ended: Promise.race(started.map((server) => server.ended)),
  };
}

/** The service's environment: what the person set, and for the rest what this folder keeps. */
function serviceEnvironment({ env, folder }: DevContext, secrets: Secrets): Environment {
  const target = env['UPS_ENV'];
  if (target && target !== 'sandbox') {
    throw new DevError(
      `npm start runs against its own sandbox, but UPS_ENV is ${target}: unset it, or run bin/upslink.js serve instead.`,
    );
  }
  return {
    ...env,
    ROLE: 'all',
    UPS_ENV: 'sandbox',
    // The keys of the demo are printed here: the network does not see it unless HOST says so.
    HOST: env['HOST'] || LOOPBACK,
    DATA_DIR: folder,
    // The folder is the deployment, whatever port it is started on.
    DEPLOYMENT_NAME: env['DEPLOYMENT_NAME'] || 'npm start',
    UPS_CLIENT_ID: env['UPS_CLIENT_ID'] || secrets.upsClientId,
    UPS_CLIENT_SECRET: env['UPS_CLIENT_SECRET'] || secrets.upsClientSecret,
    ENCRYPTION_KEYS: env['ENCRYPTION_KEYS'] || secrets.encryptionKeys,
  };
}

/**
 * On every address, though both listen on one: what is printed is `localhost`, and a browser may try another address of it
 * first, where a different program would answer.
 */
async function assertPortsFree(config: Config): Promise<void> {
  if (config.port === config.sandboxPort) throw new DevError('PORT and SANDBOX_PORT must differ.');
  const busy: string[] = [];
  if (!(await isPortFree(config.port))) busy.push(`${config.port} (PORT)`);
  if (!(await isPortFree(config.sandboxPort))) busy.push(`${config.sandboxPort} (SANDBOX_PORT)`);
  if (busy.length === 0) return;
  const aside = 'DATA_DIR=.data-2 PORT=4500 SANDBOX_PORT=4501 npm start';
  const are = busy.length === 1 ? 'is' : 'are';
  throw new DevError(
    `Port ${busy.join(' and ')} ${are} taken by another program. Stop it, or start beside it: ${aside}`,
  );
}

async function startSandboxProcess(
  context: DevContext,
  parts: StandParts,
  config: Config,
  env: Environment,
): Promise<DevServer> {
  const url = `http://localhost:${config.sandboxPort}`;
  const answers = () => answersOk(`${url}/sandbox/settings`);
  const server = await startUpslink(context, parts, { command: 'sandbox', name: 'the UPS sandbox', env, answers });
  context.say(`UPS sandbox: ${url}`);
  return { name: 'the UPS sandbox', url, ...server };
}

async function startService(
  context: DevContext,
  parts: StandParts,
  config: Config,
  env: Environment,
): Promise<DevServer> {
  const own = `http://${reachableAt(config.host)}:${config.port}`;
  const answers = () => answersOk(`${own}/readyz`);
  const server = await startUpslink(context, parts, { command: 'serve', name: 'upslink', env, answers });
  return { name: 'upslink', url: config.publicUrl, ...server };
}

/** Where a server that listens there answers from this machine. */
function reachableAt(host: string | null): string {
  if (host === null || host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

async function startUpslink(
  context: DevContext,
  parts: StandParts,
  program: { command: string; name: string; env: Environment; answers: () => Promise<boolean> },
): Promise<Pick<DevServer, 'ended' | 'stop'>> {
  context.say(`Starting ${program.name} …`);
  const { ended, stop } = await startServer(context, {
    name: program.name,
    command: process.execPath,
    args: [parts.cli, program.command],
    env: program.env,
    logFile: path.join(context.folder, 'logs', `${program.command}.log`),
    answers: program.answers,
    patienceMs: PATIENCE_MS,
  });
  return { ended, stop };
}

async function seedSandboxOnce(context: DevContext, sandboxUrl: string, secrets: Secrets): Promise<void> {
  if (secrets.isSandboxSeeded) return;
  await seedSandbox(sandboxUrl, secrets.upsPassword);
  saveSecrets(context.folder, { ...secrets, isSandboxSeeded: true });
}

async function seedDemo(context: DevContext, parts: StandParts, config: Config): Promise<ApiKeys> {
  const secrets = loadSecrets(context.folder);
  const store = await parts.openDemoStore(config);
  try {
    const keys = await seedTenant(store, demoTenant(config, Date.now()), secrets.apiKeys);
    saveSecrets(context.folder, { ...secrets, apiKeys: keys });
    return keys;
  } finally {
    await store.close();
  }
}

async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
