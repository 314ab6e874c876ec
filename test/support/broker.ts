/** One per test run, in jest's main process: starts MongoDB and Redis before a whole run, otherwise on first use, and stops them at the end. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import mongoose from 'mongoose';
import { findBrowser } from '../../src/dev/browser';
import { type DevContext, DevError, type DevServer } from '../../src/dev/context';
import { startJanitor } from '../../src/dev/janitor';
import { startMongodb } from '../../src/dev/mongodb';
import { startRedis } from '../../src/dev/redis';
import { Running } from '../../src/dev/running';

export interface Broker {
  readonly socketPath: string;
  /** Installs and starts everything. A failure is reported to the test that asks for it. */
  prepare(): Promise<void>;
  stop(): Promise<void>;
}

type Route = (body: Record<string, unknown>) => Promise<object>;

export async function startBroker(outputFolder: string): Promise<Broker> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-test-'));
  const context: DevContext = {
    env: process.env,
    say: (line) => process.stderr.write(`[test servers] ${line}\n`),
    folder,
    running: new Running(folder),
    signal: new AbortController().signal,
    data: 'thrown-away',
  };
  startJanitor(folder, 'thrown-away');
  const started: DevServer[] = [];
  const kept: string[] = [];
  const once = (start: (context: DevContext) => Promise<DevServer>) => {
    let server: Promise<DevServer> | undefined;
    return async (): Promise<DevServer> => {
      server ??= start(context).then((it) => {
        started.push(it);
        return it;
      });
      return server;
    };
  };
  const [mongodb, redis] = [once(startMongodb), once(startRedis)];
  let found: Promise<string> | undefined;
  const browser = () => (found ??= findBrowser(context));
  const prepare = async (): Promise<void> => void (await Promise.allSettled([mongodb(), redis(), browser()]));
  const routes: Record<string, Route> = {
    '/mongodb': async () => ({ url: (await mongodb()).url }),
    '/redis': async () => ({ url: (await redis()).url }),
    '/browser': async () => ({ url: await browser() }),
    '/drop-database': async ({ name }) => dropDatabase((await mongodb()).url, String(name)),
    '/drop-prefix': async ({ name }) => dropPrefix((await redis()).url, String(name)),
    '/keep': async ({ name }) => ({ count: kept.push(String(name)) }),
  };
  const socketPath = path.join(folder, 'broker.sock');
  const server = await listen(socketPath, routes);
  const stop = async (): Promise<void> => {
    await new Promise((done) => server.close(done));
    for (const it of started.reverse()) await it.stop();
    if (kept.length > 0) keep(folder, outputFolder, kept);
    rmSync(folder, { recursive: true, force: true });
  };
  return { socketPath, prepare, stop };
}

async function listen(socketPath: string, routes: Record<string, Route>): Promise<http.Server> {
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const route = routes[request.url ?? ''] ?? (async () => Promise.reject(new Error(`no ${request.url}`)));
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      route(body).then(
        (answer) => response.writeHead(200).end(JSON.stringify(answer)),
        (error: unknown) => response.writeHead(500).end(error instanceof DevError ? error.message : String(error)),
      );
    });
  });
  server.unref();
  await new Promise<void>((done) => server.listen(socketPath, done));
  return server;
}

async function dropDatabase(url: string, name: string): Promise<object> {
  const client = new mongoose.mongo.MongoClient(url, { serverSelectionTimeoutMS: 60_000 });
  try {
    await client.db(name).dropDatabase();
    return {};
  } finally {
    await client.close();
  }
}

/** Only a Redis that REDIS_URL named outlives the run, but tidying up is the same. */
async function dropPrefix(url: string, prefix: string): Promise<object> {
  const redis = new Redis(url);
  try {
    let cursor = '0';
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}:*`, 'COUNT', 500);
      if (keys.length > 0) await redis.del(...keys);
      cursor = next;
    } while (cursor !== '0');
    return {};
  } finally {
    redis.disconnect();
  }
}

/** A kept database is of use only with its server: `npm start` opens a data folder with the server that made it. */
function keep(folder: string, outputFolder: string, names: readonly string[]): void {
  const databases = [...new Set(names)].join(', ');
  if (process.env['MONGODB_URL']) {
    process.stderr.write(`[test servers] kept for you to look at, where MONGODB_URL points: ${databases}\n`);
    return;
  }
  mkdirSync(outputFolder, { recursive: true });
  const to = path.join(outputFolder, path.basename(folder));
  cpSync(path.join(folder, 'mongodb'), path.join(to, 'mongodb'), { recursive: true });
  process.stderr.write(`[test servers] kept for you to look at: ${databases}; DATA_DIR=${to} npm start serves them\n`);
}
