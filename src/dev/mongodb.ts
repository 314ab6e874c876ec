/** A MongoDB to develop and test on, the first that works; see `finders` for the order. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import mongoose from 'mongoose';
import { findOnPath } from './command';
import { cacheFolder, DevError, type DevContext, type DevServer, notOurs } from './context';
import { type Engine, mongodArgs } from './engine';
import { onPortOf, resolves } from './network';
import { buildRust, canBuildRust, installPython, isRustBuilt, rustEngine } from './secantus';
import { type ServerProcess, startServer } from './server';
import { checkOnce, lostWrites, withCounter } from './storecheck';

const MEMORY_SERVER_VERSION = '8.2.6';
const DOWNLOADS = 'https://fastdl.mongodb.org';
const PATIENCE_MS = 60_000;

interface Finder {
  readonly id: Engine['id'];
  /** Undefined: not to be had here. */
  readonly find: (context: DevContext) => Promise<Engine | undefined>;
}

const finders: readonly Finder[] = [
  { id: 'mongod', find: async ({ env }) => mongodOnPath(env) },
  { id: 'mongodb-memory-server', find: downloadedMongod },
  { id: 'secantus-rs', find: async ({ env }) => (isRustBuilt(env) ? rustEngine(env) : undefined) },
  { id: 'secantus-rs', find: async (context) => (wantsFast(context) ? buildRust(context) : undefined) },
  { id: 'secantus-py', find: installPython },
  { id: 'secantus-rs', find: async (context) => (canBuildRust(context.env) ? buildRust(context) : undefined) },
];

const NOTHING_WORKS =
  'No MongoDB could be had. Set MONGODB_URL to one that runs, or put mongod on the PATH, or install Python 3 with venv.';

/** Throws DevError saying what to install or set when none works. */
export async function startMongodb(context: DevContext): Promise<DevServer> {
  const given = context.env['MONGODB_URL'];
  if (given) return givenServer(context, given);
  const folder = path.join(context.folder, 'mongodb');
  const remembered = readRemembered(folder);
  const problems: string[] = [];
  for (const { id, find } of finders) {
    if (remembered !== undefined && remembered !== id) continue;
    try {
      const engine = await find(context);
      if (engine !== undefined) return await startEngine(context, folder, engine);
    } catch (error) {
      if (!(error instanceof DevError)) throw error;
      problems.push(error.message);
      context.say(`MongoDB: ${error.message}`);
      if (remembered === undefined) rmSync(folder, { recursive: true, force: true });
    }
  }
  if (remembered === undefined) throw new DevError([...problems, NOTHING_WORKS].join('\n'));
  throw new DevError(
    [
      ...problems,
      `The data in ${folder} was made by ${remembered}, which cannot be started here. Make it available again, ` +
        'or set DATA_DIR to a new folder (or delete this one) to begin anew with another server.',
    ].join('\n'),
  );
}

async function givenServer(context: DevContext, url: string): Promise<DevServer> {
  if (!(await answersPing(url, 5_000))) {
    throw new DevError('MONGODB_URL is set, but no MongoDB answers there within 5 s: start it, or unset the variable.');
  }
  context.say('MongoDB: the one MONGODB_URL names.');
  return notOurs('MONGODB_URL', url);
}

async function startEngine(context: DevContext, folder: string, engine: Engine): Promise<DevServer> {
  const data = path.join(folder, 'data');
  mkdirSync(data, { recursive: true });
  // Before the first byte of data: a crash between the two would leave a folder nobody knows how to open.
  writeFileSync(path.join(folder, 'server.json'), JSON.stringify({ server: engine.id, name: engine.name }));
  const [server, url, port] = await onPortOf(folder, (at) => startOnPort(context, engine, { folder, data, port: at }));
  try {
    await checkOnce(engine, context, () => withCounter(url, lostWrites));
  } catch (error) {
    await server.stop();
    throw error;
  }
  context.say(`MongoDB: ${engine.name} on port ${port}, data in ${data}.`);
  return { name: engine.name, url, ended: server.ended, stop: server.stop };
}

async function startOnPort(
  context: DevContext,
  engine: Engine,
  { folder, data, port }: { folder: string; data: string; port: number },
): Promise<[ServerProcess, string, number]> {
  const url = `mongodb://127.0.0.1:${port}/upslink?directConnection=true`;
  const server = await startServer(context, {
    name: engine.name,
    command: engine.program,
    args: engine.args({ port, data }),
    cwd: folder,
    logFile: path.join(folder, 'log.txt'),
    answers: () => answersPing(url, 1_000),
    patienceMs: PATIENCE_MS,
  });
  return [server, url, port];
}

function mongodOnPath(env: DevContext['env']): Engine | undefined {
  const program = findOnPath(['mongod'], env);
  return program === undefined ? undefined : { id: 'mongod', name: `mongod (${program})`, program, args: mongodArgs };
}

/** The real mongod, downloaded once by mongodb-memory-server; we start it ourselves, like any other. */
async function downloadedMongod(context: DevContext): Promise<Engine | undefined> {
  const { DryMongoBinary, MongoBinary } = await import('mongodb-memory-server');
  const wanted = { version: MEMORY_SERVER_VERSION, downloadDir: path.join(cacheFolder(context.env), 'mongod') };
  let program = await DryMongoBinary.locateBinary(wanted);
  if (program === undefined) {
    const from = context.env['MONGOMS_DOWNLOAD_URL'] ?? context.env['MONGOMS_DOWNLOAD_MIRROR'] ?? DOWNLOADS;
    if (!(await resolves(from))) {
      context.say(`MongoDB: ${new URL(from).hostname} does not resolve here, so mongod is not downloaded.`);
      return undefined;
    }
    context.say(`MongoDB: downloading mongod ${MEMORY_SERVER_VERSION} once into ${wanted.downloadDir} …`);
    program = await MongoBinary.getPath(wanted).catch((error: unknown) => {
      throw new DevError(`mongod could not be downloaded: ${String(error)}`, { cause: error });
    });
  }
  return { id: 'mongodb-memory-server', name: `mongod ${MEMORY_SERVER_VERSION}`, program, args: mongodArgs };
}

/**
 * The Rust server where it is asked for. `npm test` does not build it by itself: that takes 270 to 400 s on two cores,
 * and a whole run spends about 45 s in the Python one (docs/decisions, development servers).
 */
const wantsFast = ({ env }: DevContext): boolean => env['UPSLINK_STORE'] === 'fast';

/** Which server made the data in this folder; undefined when there is none yet. */
function readRemembered(folder: string): string | undefined {
  const file = path.join(folder, 'server.json');
  if (!existsSync(file)) {
    if (!existsSync(path.join(folder, 'data'))) return undefined;
    throw new DevError(
      `${folder} has data but no server.json that says which server made it: set DATA_DIR to another.`,
    );
  }
  const { server } = JSON.parse(readFileSync(file, 'utf8')) as { server: string };
  return server;
}

async function answersPing(url: string, timeoutMs: number): Promise<boolean> {
  const client = new mongoose.mongo.MongoClient(url, { serverSelectionTimeoutMS: timeoutMs });
  try {
    await client.db('admin').command({ ping: 1 });
    return true;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}
