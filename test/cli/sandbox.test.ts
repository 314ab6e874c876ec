import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from '../support/until';
import { freePort, listenAnywhere } from './ports';
import { json, startUpslink, type Running } from './upslink';

const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-cli-sandbox-'));
const started: Running[] = [];

afterAll(async () => {
  for (const { child, ended } of started) {
    child.kill('SIGKILL');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

function start(args: string[], env: Record<string, string>): Running {
  const running = startUpslink(['sandbox', ...args], { DATA_DIR: folder, ...env });
  started.push(running);
  return running;
}

async function startedAt(running: Running, port: number): Promise<string> {
  const url = `http://127.0.0.1:${port}`;
  await until('the sandbox says where it is', () => running.said().stdout.includes(url) || undefined);
  return url;
}

it('runs alone with a client of its own, which it tells, and keeps what it knows over a restart', async () => {
  const port = await freePort();
  const env = { SANDBOX_PORT: String(port) };
  const first = start([], env);
  const url = await startedAt(first, port);
  expect(first.said().stdout).toContain('sandbox-secret');
  const callback = encodeURIComponent('http://localhost:4400/oauth/callback');
  const asked = await fetch(
    `${url}/security/v1/oauth/authorize?client_id=sandbox-client&redirect_uri=${callback}&response_type=code&scope=read`,
    { redirect: 'manual' },
  );
  expect(asked.status).toBe(302);
  const headers = { 'content-type': 'application/json' };
  await fetch(`${url}/sandbox/settings`, { method: 'POST', headers, body: '{"accessTokenSeconds":77}' });
  first.child.kill('SIGTERM');
  expect(await first.ended).toMatchObject({ code: 0 });

  const second = start([], env);
  await startedAt(second, port);
  const settings = (await (await fetch(`${url}/sandbox/settings`)).json()) as object;
  expect(settings).toMatchObject({ accessTokenSeconds: 77 });
  // As a terminal and npm do it: one Ctrl-C, heard twice.
  second.child.kill('SIGINT');
  second.child.kill('SIGINT');
  expect(await second.ended).toMatchObject({ code: 0 });
});

it('never repeats a secret that was given', async () => {
  const port = await freePort();
  const env = { SANDBOX_PORT: String(port), UPS_CLIENT_ID: 'mine', UPS_CLIENT_SECRET: 'hunter2' };
  const running = start(['--json'], env);
  await startedAt(running, port);
  running.child.kill('SIGTERM');
  const ended = await running.ended;
  expect(json(ended)).toMatchObject({ clientId: 'mine', clientSecret: null });
  expect(ended.stdout + ended.stderr).not.toContain('hunter2');
});

it('ends with 1 and a way out when its port is taken', async () => {
  const other = await listenAnywhere();
  const ended = await start([], { SANDBOX_PORT: String(other.port) }).ended;
  await other.close();
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(new RegExp(`^upslink: Port ${other.port} is taken: .*SANDBOX_PORT`, 'm'));
  expect(ended.stderr).not.toMatch(/\n\s+at /);
});

it('names DATA_DIR when a file is in its way', async () => {
  const { code, stderr } = await start([], { DATA_DIR: __filename, SANDBOX_PORT: String(await freePort()) }).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^ +DATA_DIR: .* folder/m);
  expect(stderr).not.toMatch(/unexpected|\n\s+at /);
});
