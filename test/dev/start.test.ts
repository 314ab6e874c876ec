import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../src/dev/network';
import { identify } from '../../src/dev/processes';
import type { StartFacts } from '../../src/dev/stand';
import { until } from '../support/until';

jest.setTimeout(300_000);

interface Run {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly ended: Promise<number | null>;
}

let folder: string;
let ports: { PORT: string; SANDBOX_PORT: string };
const runs: Run[] = [];

beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-start-'));
  ports = { PORT: String(await freePort()), SANDBOX_PORT: String(await freePort()) };
});

afterEach(async () => {
  for (const { child, ended } of runs.splice(0)) {
    child.kill('SIGTERM');
    await ended;
  }
  await until('nothing is left running', () => !existsSync(file('running.json')));
  rmSync(folder, { recursive: true, force: true });
});

const file = (name: string): string => path.join(folder, name);

function start(env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [path.join(__dirname, 'fixtures', 'start.js')], {
    env: {
      ...process.env,
      MONGODB_URL: '',
      REDIS_URL: '',
      npm_lifecycle_event: '',
      DATA_DIR: folder,
      ...ports,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const run = { child, said: () => said, ended };
  runs.push(run);
  return run;
}

async function isUp(run: Run, dataDir = folder): Promise<StartFacts> {
  const isDead = run.ended.then((code) => Promise.reject(new Error(`It ended with ${code} and said: ${run.said()}`)));
  await Promise.race([until('it is up', () => run.said().includes('Ctrl-C stops it all.')), isDead]);
  isDead.catch(() => undefined);
  return JSON.parse(readFileSync(path.join(dataDir, 'start.json'), 'utf8')) as StartFacts;
}

async function get(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(text));
    });
    request.on('error', reject);
  });
}

/** Addresses of this machine that are not 127.0.0.1; the second is there where it has a network. */
const others = [
  '127.0.0.2',
  ...Object.values(os.networkInterfaces()).flatMap((addresses = []) =>
    addresses.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address),
  ),
];

async function connects(host: string, port: number): Promise<string | undefined> {
  const socket = net.connect({ host, port });
  const result = await new Promise<string | undefined>((resolve) => {
    socket.once('connect', () => resolve('connected'));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });
  socket.destroy();
  return result;
}

const pids = (): number[] =>
  [...readFileSync(file('running.json'), 'utf8').matchAll(/"pid":(\d+)/g)].map((m) => Number(m[1]));

async function note(url: string, value: string): Promise<void> {
  const redis = new Redis(url);
  await redis.set('note', value);
  await redis.call('CONFIG', 'SET', 'appendfsync', 'always');
  await redis.set('note', value);
  redis.disconnect();
}

async function readNote(url: string): Promise<string | null> {
  const redis = new Redis(url);
  const value = await redis.get('note');
  redis.disconnect();
  return value;
}

describe('npm start', () => {
  it('starts everything, writes what it found to start.json for us alone, and stops it in reverse order', async () => {
    const run = start();
    const facts = await isUp(run);
    expect(statSync(file('start.json')).mode & 0o777).toBe(0o600);
    expect(facts).toMatchObject({
      apiUrl: `http://localhost:${ports.PORT}`,
      sandboxUrl: `http://localhost:${ports.SANDBOX_PORT}`,
      tenantId: 'demo',
      upsLogin: { username: 'demo-merchant', accountNumber: 'A1B2C3' },
      upsClient: { redirectUri: `http://localhost:${ports.PORT}/oauth/callback` },
    });
    expect(Object.keys(facts.keys)).toEqual(['platform', 'operator', 'reader', 'admin']);
    const service = JSON.parse(await get(`${facts.apiUrl}/environment`)) as Record<string, string>;
    expect(service).toMatchObject({
      HOST: '127.0.0.1',
      ROLE: 'all',
      UPS_ENV: 'sandbox',
      MONGODB_URL: facts.mongodbUrl,
      REDIS_URL: facts.redisUrl,
      UPS_CLIENT_SECRET: facts.upsClient.clientSecret,
    });
    for (const secret of [...Object.values(facts.keys), facts.upsLogin.password, facts.upsClient.clientSecret]) {
      // No terminal here: the file's path is told instead.
      expect(run.said()).not.toContain(secret);
    }
    expect(run.said()).toContain(file('start.json'));
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    const stopped = [...run.said().matchAll(/^Stopping (\S+ ?\S* ?\S*)/gm)].map((match) => match[1]);
    expect(stopped).toHaveLength(4);
    expect(stopped[0]).toContain('upslink');
    expect(stopped[1]).toContain('sandbox');
    expect(readFileSync(file('logs/serve.log'), 'utf8')).toContain('stopped serve');
  });

  it('is there for this machine alone: whatever it runs refuses every other address', async () => {
    const { apiUrl, sandboxUrl, mongodbUrl, redisUrl } = await isUp(start());
    const listening = [apiUrl, sandboxUrl, mongodbUrl, redisUrl].map((url) => Number(/:(\d+)(?:\/|$)/.exec(url)?.[1]));
    for (const port of listening) {
      expect([port, await connects('127.0.0.1', port)]).toEqual([port, 'connected']);
      for (const address of others)
        expect([address, port, await connects(address, port)]).toEqual([address, port, 'ECONNREFUSED']);
    }
    // What is printed works in whatever looks `localhost` up: it tries each address in turn.
    for (const url of [apiUrl, sandboxUrl]) expect((await fetch(url)).status).toBe(200);
  });

  it('listens elsewhere when HOST says so', async () => {
    const { apiUrl } = await isUp(start({ HOST: '0.0.0.0' }));
    expect(await connects('127.0.0.2', Number(new URL(apiUrl).port))).toBe('connected');
    expect((await fetch(apiUrl)).status).toBe(200);
  });

  it('killed with -9 and started again, goes on where it was', async () => {
    const first = start();
    const before = await isUp(first);
    await note(before.redisUrl, 'kept');
    const left = pids();
    first.child.kill('SIGKILL');
    await first.ended;
    const after = await isUp(start());
    expect(after).toEqual(before);
    expect(await readNote(after.redisUrl)).toBe('kept');
    const now = pids();
    expect(left.slice(1).filter((pid) => identify(pid) !== undefined && !now.includes(pid))).toEqual([]);
  });

  it('goes on also when everything was killed with -9 at once', async () => {
    const first = start();
    const before = await isUp(first);
    await note(before.redisUrl, 'kept');
    for (const pid of pids()) process.kill(pid, 'SIGKILL');
    await first.ended;
    const after = await isUp(start());
    expect(after).toEqual(before);
    expect(await readNote(after.redisUrl)).toBe('kept');
  });

  it('leaves nothing running when it is killed with -9 and not started again', async () => {
    const run = start();
    await isUp(run);
    const left = pids();
    run.child.kill('SIGKILL');
    await run.ended;
    await until('all of it has ended', () => left.every((pid) => identify(pid) === undefined));
  });

  it('runs two side by side', async () => {
    const first = await isUp(start());
    const other = mkdtempSync(path.join(os.tmpdir(), 'upslink-start-'));
    const env = { DATA_DIR: other, PORT: String(await freePort()), SANDBOX_PORT: String(await freePort()) };
    const run = start(env);
    const second = await isUp(run, other);
    expect(second.mongodbUrl).not.toBe(first.mongodbUrl);
    expect(second.redisUrl).not.toBe(first.redisUrl);
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    rmSync(other, { recursive: true, force: true });
  });

  it('says how to go on when a port is taken', async () => {
    const taken = http.createServer();
    await new Promise<void>((done) => taken.listen(Number(ports.PORT), done));
    const run = start();
    expect(await run.ended).toBe(1);
    expect(run.said()).toContain(`Port ${ports.PORT} (PORT) is taken by another program.`);
    expect(run.said()).toContain('PORT=4500');
    await new Promise((done) => taken.close(done));
  });

  it('names every bad variable before it starts anything', async () => {
    const run = start({ LOG_LEVEL: 'loud', CONSENT_TTL_SECONDS: 'long' });
    expect(await run.ended).toBe(1);
    expect(run.said()).toMatch(/CONSENT_TTL_SECONDS:[^]*LOG_LEVEL:/);
    expect(run.said()).not.toContain('MongoDB');
  });

  it('says so and stops everything when one of its processes dies', async () => {
    const run = start();
    const { sandboxUrl } = await isUp(run);
    await get(`${sandboxUrl}/die`).catch(() => undefined);
    expect(await run.ended).toBe(1);
    expect(run.said()).toContain('the UPS sandbox ended with exit code 7');
  });

  it('refuses to run against UPS itself', async () => {
    const run = start({ UPS_ENV: 'production' });
    expect(await run.ended).toBe(1);
    expect(run.said()).toContain('UPS_ENV is production');
  });
});
