/** A Redis to develop and test on, the first that works; see `finders` for the order. */
import { mkdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { aptInstall, canAptInstall } from './apt';
import { findOnPath } from './command';
import { cacheFolder, DevError, type DevContext, type DevServer, notOurs } from './context';
import { onPortOf, resolves } from './network';
import { startServer } from './server';

const SOURCE_VERSION = '7.2.11';
const DOWNLOADS = 'https://download.redis.io';
const PATIENCE_MS = 30_000;
/** For one that was started a moment ago. */
const GIVEN_MS = 5_000;

interface Program {
  readonly name: string;
  readonly program: string;
}

/** Undefined: not to be had here. */
type Finder = (context: DevContext) => Promise<Program | undefined>;

const finders: readonly Finder[] = [onPath, fromDebian, builtFromSource];

const NOTHING_WORKS =
  'No Redis could be had. Set REDIS_URL to one that runs, or install redis-server or valkey-server ' +
  '(Debian: apt-get install redis-server).';

/** Throws DevError saying what to install or set when none works. */
export async function startRedis(context: DevContext): Promise<DevServer> {
  const given = context.env['REDIS_URL'];
  if (given) return givenServer(context, given);
  for (const find of finders) {
    try {
      const found = await find(context);
      if (found !== undefined) return await startProgram(context, found);
    } catch (error) {
      if (!(error instanceof DevError)) throw error;
      context.say(`Redis: ${error.message}`);
    }
  }
  throw new DevError(NOTHING_WORKS);
}

async function givenServer(context: DevContext, url: string): Promise<DevServer> {
  const { hostname, port } = new URL(url);
  const giveUpAt = performance.now() + GIVEN_MS;
  let isUp = await answers(hostname, Number(port || 6379), GIVEN_MS);
  while (!isUp && performance.now() < giveUpAt) {
    await delay(200, undefined, { signal: context.signal });
    isUp = await answers(hostname, Number(port || 6379), GIVEN_MS);
  }
  if (!isUp) {
    throw new DevError('REDIS_URL is set, but no Redis answers there within 5 s: start it, or unset the variable.');
  }
  context.say('Redis: the one REDIS_URL names.');
  return notOurs('REDIS_URL', url);
}

async function startProgram(context: DevContext, program: Program): Promise<DevServer> {
  const folder = path.join(context.folder, 'redis');
  mkdirSync(folder, { recursive: true });
  return onPortOf(folder, (port) => startOnPort(context, program, folder, port));
}

async function startOnPort(
  context: DevContext,
  { name, program }: Program,
  folder: string,
  port: number,
): Promise<DevServer> {
  const server = await startServer(context, {
    name,
    command: program,
    args: [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--daemonize', 'no'],
      // BullMQ's condition: a queue that evicts keys loses jobs.
      ...['--maxmemory-policy', 'noeviction', '--save', ''],
      ...['--appendonly', context.data === 'kept' ? 'yes' : 'no'],
    ],
    cwd: folder,
    logFile: path.join(folder, 'log.txt'),
    answers: () => answers('127.0.0.1', port, 1_000),
    patienceMs: PATIENCE_MS,
  });
  context.say(`Redis: ${name} on port ${port}${context.data === 'kept' ? `, data in ${folder}` : ''}.`);
  return { name, url: `redis://127.0.0.1:${port}`, ended: server.ended, stop: server.stop };
}

async function onPath({ env }: DevContext): Promise<Program | undefined> {
  const program = findOnPath(['redis-server', 'valkey-server'], env);
  return program === undefined ? undefined : { name: `${path.basename(program)} (${program})`, program };
}

async function fromDebian(context: DevContext): Promise<Program | undefined> {
  if (!canAptInstall(context)) return undefined;
  return (await aptInstall(context, ['redis-server'])) ? onPath(context) : undefined;
}

/** redis-memory-server downloads Redis's source and compiles it: it needs a C compiler, make and a minute. */
async function builtFromSource(context: DevContext): Promise<Program | undefined> {
  const from = context.env['REDISMS_DOWNLOAD_URL'] ?? context.env['REDISMS_DOWNLOAD_MIRROR'] ?? DOWNLOADS;
  if (!(await resolves(from))) {
    context.say(`Redis: ${new URL(from).hostname} does not resolve here, so Redis is not downloaded.`);
    return undefined;
  }
  const downloadDir = path.join(cacheFolder(context.env), 'redis');
  context.say(`Redis: downloading ${SOURCE_VERSION} and compiling it once into ${downloadDir}, about a minute …`);
  const { RedisBinary } = await import('redis-memory-server');
  const program = await RedisBinary.getPath({ version: SOURCE_VERSION, downloadDir }).catch((error: unknown) => {
    throw new DevError(`Redis could not be downloaded and compiled: ${String(error)}`, { cause: error });
  });
  return { name: `redis-server ${SOURCE_VERSION}`, program };
}

/** An answer to PING. One that wants a password first is up too; one that still loads its data is not. */
async function answers(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: timeoutMs });
    const end = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (answer) => end(/^(\+PONG|-NOAUTH)/.test(answer.toString())));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}
