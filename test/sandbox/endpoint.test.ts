import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { makeApp } from '../../src/sandbox/app';
import { makeFaults } from '../../src/sandbox/faults';
import { openSandbox, type Sandbox } from '../../src/sandbox/sandbox';
import {
  Browser,
  authorizeUrl,
  client,
  connect,
  control,
  redirectUri,
  refresh,
  refreshPath,
  seed,
  until,
  type Tokens,
} from './testSandbox';

// A real sandbox on a disk whose syncs can be held up.
let ups: { url: string };
let sandbox: Sandbox;
let server: Server;
let close: () => Promise<void>;
let dataDir: string;
let tokens: Tokens;
let holding: { waiting: number; release: () => void; released: Promise<void> } | null;

beforeEach(async () => {
  holding = null;
  dataDir = await mkdtemp(path.join(tmpdir(), 'upslink-held-'));
  const opened = await openSandbox(dataDir, {
    faults: makeFaults(() => 1_800_000_000_000),
    client: { id: client.clientId, secret: client.clientSecret },
    redirectUris: [redirectUri],
    clock: () => 1_800_000_000_000,
    makeSecret: () => randomBytes(32).toString('base64url'),
    log: () => undefined,
    stopping: new AbortController().signal,
  });
  close = opened.close;
  const { synced } = opened.sandbox;
  sandbox = {
    ...opened.sandbox,
    async synced() {
      if (holding) {
        holding.waiting += 1;
        await holding.released;
      }
      await synced();
    },
  };
  server = createServer(makeApp(sandbox));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  ups = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  await seed(ups, 'merchant');
  tokens = await connect(ups, 'merchant');
});

afterEach(async () => {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  await close();
  await rm(dataDir, { recursive: true, force: true });
});

function holdDisk(): void {
  let release = () => undefined as void;
  const released = new Promise<void>((resolve) => (release = resolve));
  holding = { waiting: 0, release, released };
}

const reachedDisk = () => until(() => holding?.waiting !== 0, 'it waits for the disk');

test.each<[string, () => Promise<unknown>]>([
  ['a refresh', () => refresh(ups, tokens.refresh_token)],
  ['a refusal', () => refresh(ups, 'unknown')],
  ['a profile', () => seed(ups, 'other')],
  ['settings', () => control(ups, 'settings', { codeSeconds: 3 })],
])('%s is not answered before the disk has it', async (_what, send) => {
  holdDisk();
  let answered = false;
  const answer = send().then(() => (answered = true));
  await reachedDisk();
  // Time enough for an answer that did not wait to come over localhost.
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(answered).toBe(false);
  holding?.release();
  await answer;
});

test('a code is on the disk before the browser carries it away', async () => {
  const browser = new Browser();
  await browser.open(authorizeUrl(ups));
  await browser.submit(ups.url, '/login', { username: 'merchant', password: 'merchant-pass' });
  holdDisk();
  let answered = false;
  const back = browser.submit(ups.url, '/consent', { decision: 'allow' }).finally(() => (answered = true));
  await reachedDisk();
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(answered).toBe(false);
  holding?.release();
  expect(await back).toContain('code=');
});

test('a dropped answer hangs up only once the disk has what was processed', async () => {
  sandbox.faults.add({ match: { path: refreshPath }, do: 'drop-answer', times: 1 });
  holdDisk();
  let hungUp = false;
  const call = refresh(ups, tokens.refresh_token).catch(() => (hungUp = true));
  await reachedDisk();
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(hungUp).toBe(false);
  holding?.release();
  await call;
  expect(hungUp).toBe(true);
});

test('a request is in the ledger before it is answered', async () => {
  holdDisk();
  const answer = refresh(ups, tokens.refresh_token);
  await reachedDisk();
  expect(sandbox.state.uses.at(-1)).toMatchObject({
    endpoint: 'refresh',
    username: 'merchant',
    answeredAt: null,
    status: null,
  });
  holding?.release();
  await answer;
  expect(sandbox.state.uses.at(-1)).toMatchObject({ answeredAt: 1_800_000_000_000, status: 200 });
});
