import { Worker } from 'node:worker_threads';
import { Pool, RetryAgent } from 'undici';
import type { UpsTimeouts } from '../../src/ups';
import { TIMEOUT_DEFAULTS } from '../../src/ups/client';
import { systemClock } from '../../src/ups/clock';
import { makeWire, postOnce, type WireRequest } from '../../src/ups/wire';
import { selfSigned } from './self-signed';
import { closedPort, json, makeReleases, openHttp, openRaw, openTls } from './testServers';

const releases = makeReleases();
afterEach(() => releases.run());

const request: WireRequest = { path: '/x', headers: { 'content-type': 'text/plain' }, body: 'the-body', sendBy: null };

function wireTo(origin: string, given: Partial<UpsTimeouts> = {}, connections = 2) {
  const wire = makeWire({ origin, connections, timeouts: { ...TIMEOUT_DEFAULTS, ...given }, clock: systemClock });
  releases.add(() => wire.close());
  return wire;
}

/** A server in a thread of its own: it answers while ours stands still, and tells of each request before it does. */
async function openElsewhere(): Promise<{ port: number; worker: Worker }> {
  const code = `
    const { parentPort } = require('node:worker_threads');
    const server = require('node:http').createServer((request, response) => {
      parentPort.postMessage('arrived');
      setTimeout(() => response.end('{"ok":true}'), 50);
    });
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
  `;
  const worker = new Worker(code, { eval: true });
  releases.add(async () => void (await worker.terminate()));
  const port = await new Promise<number>((resolve) => worker.once('message', resolve));
  return { port, worker };
}

describe('provably not sent', () => {
  test('a name that does not resolve', async () => {
    const wire = wireTo('http://ups.invalid');
    expect(await wire.post(request)).toMatchObject({ kind: 'not-sent', cause: 'dns' });
  });

  test('a port nobody listens on', async () => {
    const wire = wireTo(`http://127.0.0.1:${await closedPort()}`);
    expect(await wire.post(request)).toMatchObject({ kind: 'not-sent', cause: 'connect', fault: 'ECONNREFUSED' });
  });

  test('a certificate nobody vouches for: not a byte of the request goes out', async () => {
    let decrypted = 0;
    const { port } = await openTls(releases, selfSigned, () => (decrypted += 1));
    expect(await wireTo(`https://localhost:${port}`).post(request)).toMatchObject({ kind: 'not-sent', cause: 'tls' });
    expect(decrypted).toBe(0);
  });

  test('a server that speaks no TLS', async () => {
    const { port } = await openRaw(releases, (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
    expect(await wireTo(`https://127.0.0.1:${port}`).post(request)).toMatchObject({ kind: 'not-sent' });
  });

  test('a handshake that never ends', async () => {
    const { port } = await openRaw(releases, () => undefined);
    const wire = wireTo(`https://127.0.0.1:${port}`, { connectMs: 50 });
    expect(await wire.post(request)).toMatchObject({ kind: 'not-sent', cause: 'connect-timeout' });
  });

  test('a handshake that never ends, when the whole call has less time than the connection', async () => {
    const { port } = await openRaw(releases, () => undefined);
    const wire = wireTo(`https://127.0.0.1:${port}`, { connectMs: 300, totalMs: 50 });
    expect(await wire.post(request)).toMatchObject({ kind: 'not-sent', cause: 'no-connection' });
  });

  test('too late before it began: no connection is opened', async () => {
    const { port, arrived } = await openRaw(releases, () => undefined);
    const answer = await wireTo(`http://127.0.0.1:${port}`).post({ ...request, sendBy: systemClock.monotonic() });
    expect(answer).toMatchObject({ kind: 'not-sent', cause: 'too-late' });
    expect(arrived.connections).toBe(0);
  });

  test('too late by the clock just before the socket is written: connected, and not a byte sent', async () => {
    const { port, arrived } = await openRaw(releases, () => undefined);
    let looks = 0;
    // In time when asked first, late when the connection is there.
    const clock = { now: () => 0, monotonic: () => (looks++ < 2 ? 0 : 10_000) };
    const wire = makeWire({ origin: `http://127.0.0.1:${port}`, connections: 1, timeouts: TIMEOUT_DEFAULTS, clock });
    releases.add(() => wire.close());
    expect(await wire.post({ ...request, sendBy: 10_000 })).toMatchObject({
      kind: 'not-sent',
      cause: 'too-late',
      fault: null,
    });
    expect(arrived.bytes).toBe(0);
  });

  test('a call that waits for a busy connection past its sendBy ends then, and is not sent when its turn comes', async () => {
    const held: (() => void)[] = [];
    const server = await openHttp(releases, (_request, response) => held.push(() => response.end('{}')));
    const wire = wireTo(server.baseUrl, {}, 1);
    const first = wire.post(request);
    await until(() => held.length === 1);
    const second = await wire.post({ ...request, path: '/second', sendBy: systemClock.monotonic() + 40 });
    expect(second).toMatchObject({ kind: 'not-sent', cause: 'too-late' });
    held[0]?.();
    expect(await first).toMatchObject({ kind: 'answered' });
    const third = wire.post({ ...request, path: '/third' });
    await until(() => held.length === 2);
    held[1]?.();
    await third;
    expect(server.seen.map((one) => one.url)).toEqual(['/x', '/third']);
  });

  test('a closed client', async () => {
    const server = await openHttp(releases, json(200, {}));
    const wire = wireTo(server.baseUrl);
    await wire.close();
    expect(await wire.post(request)).toMatchObject({ kind: 'not-sent', cause: 'closed' });
    await wire.close();
    expect(server.seen).toHaveLength(0);
  });
});

describe('lost after it left', () => {
  test('a reset before any answer', async () => {
    const { port, arrived } = await openRaw(releases, (socket) => socket.once('data', () => socket.resetAndDestroy()));
    const answer = await wireTo(`http://127.0.0.1:${port}`).post(request);
    expect(answer).toMatchObject({ kind: 'lost', cause: 'connection-lost', httpStatus: null });
    expect(arrived.bytes).toBeGreaterThan(0);
    expect(arrived.connections).toBe(1);
  });

  test('a connection closed politely before any answer', async () => {
    const { port, arrived } = await openRaw(releases, (socket) => socket.once('data', () => socket.end()));
    expect(await wireTo(`http://127.0.0.1:${port}`).post(request)).toMatchObject({
      kind: 'lost',
      cause: 'connection-lost',
    });
    expect(arrived.connections).toBe(1);
  });

  test('a kept-alive connection reset under the second request: lost, and never sent again by itself', async () => {
    let heard = 0;
    const { port, arrived } = await openRaw(releases, (socket) => {
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1').split('POST ').length - 1;
        if (heard === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\n{}');
        else socket.resetAndDestroy();
      });
    });
    const wire = wireTo(`http://127.0.0.1:${port}`, {}, 1);
    expect(await wire.post(request)).toMatchObject({ kind: 'answered', httpStatus: 200 });
    expect(await wire.post(request)).toMatchObject({ kind: 'lost', cause: 'connection-lost' });
    expect({ heard, connections: arrived.connections }).toEqual({ heard: 2, connections: 1 });
  });

  test('a dispatcher that would send it again is not allowed to', async () => {
    let heard = '';
    const { port } = await openRaw(releases, (socket) =>
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1');
        socket.resetAndDestroy();
      }),
    );
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 1 });
    releases.add(() => pool.destroy());
    const again = new RetryAgent(pool, { methods: ['POST'], maxRetries: 1, minTimeout: 1, maxTimeout: 1 });
    const answer = await postOnce(again, request, TIMEOUT_DEFAULTS, systemClock);
    expect(answer).toMatchObject({ kind: 'lost', cause: 'connection-lost', fault: 'WOULD_SEND_TWICE' });
    await until(() => pool.stats.size === 0);
    expect(heard.split('the-body')).toHaveLength(2);
  });

  test('a body cut short: the status is kept', async () => {
    const { port } = await openRaw(releases, (socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 429 Slow\r\nretry-after: 3\r\ncontent-length: 99\r\n\r\n{"resp')),
    );
    expect(await wireTo(`http://127.0.0.1:${port}`).post(request)).toMatchObject({
      kind: 'lost',
      httpStatus: 429,
      retryAfterMs: 3000,
    });
  });

  test('no answer in time', async () => {
    const server = await openHttp(releases, () => undefined);
    expect(await wireTo(server.baseUrl, { headersMs: 50 }).post(request)).toMatchObject({
      kind: 'lost',
      cause: 'timeout',
      fault: 'UND_ERR_HEADERS_TIMEOUT',
    });
  });

  test('an answer that stops half way', async () => {
    const server = await openHttp(releases, (_request, response) => void response.write('{"a":'));
    expect(await wireTo(server.baseUrl, { bodyMs: 50 }).post(request)).toMatchObject({
      kind: 'lost',
      cause: 'timeout',
      fault: 'UND_ERR_BODY_TIMEOUT',
      httpStatus: 200,
    });
  });

  test('an answer that drips for ever ends with the whole call', async () => {
    let dripping: NodeJS.Timeout | undefined;
    releases.add(() => clearInterval(dripping));
    const server = await openHttp(releases, (_request, response) => {
      dripping = setInterval(() => response.write(' '), 5);
    });
    expect(await wireTo(server.baseUrl, { bodyMs: 1000, totalMs: 80 }).post(request)).toMatchObject({
      kind: 'lost',
      cause: 'timeout',
      fault: 'TOTAL_TIMEOUT',
    });
  });

  test('an answer too large to be one', async () => {
    const server = await openHttp(releases, json(200, JSON.stringify('x'.repeat(600 * 1024))));
    expect(await wireTo(server.baseUrl).post(request)).toMatchObject({ kind: 'lost', cause: 'unexpected-answer' });
  });

  test('an answer that is no HTTP', async () => {
    const { port } = await openRaw(releases, (socket) => socket.once('data', () => socket.end('SSH-2.0-no\r\n\r\n')));
    expect(await wireTo(`http://127.0.0.1:${port}`).post(request)).toMatchObject({
      kind: 'lost',
      cause: 'unexpected-answer',
    });
  });
});

describe('answered', () => {
  test('while this process stood still for longer than the call may take', async () => {
    const { port, worker } = await openElsewhere();
    const wire = wireTo(`http://127.0.0.1:${port}`, { totalMs: 400 });
    const stillness = new Int32Array(new SharedArrayBuffer(4));
    worker.once('message', () => Atomics.wait(stillness, 0, 0, 800));
    expect(await wire.post(request)).toMatchObject({ kind: 'answered', httpStatus: 200, body: { ok: true } });
  });

  test('the request arrives whole, once, on a connection that is used again', async () => {
    const server = await openHttp(releases, json(200, { ok: true }));
    let connections = 0;
    server.server.on('connection', () => (connections += 1));
    const wire = wireTo(server.baseUrl, {}, 1);
    const before = systemClock.now();
    const answer = await wire.post(request);
    expect(answer).toMatchObject({ kind: 'answered', httpStatus: 200, retryAfterMs: null, body: { ok: true } });
    expect(answer.kind === 'answered' && answer.leftAt >= before && answer.leftAt <= systemClock.now()).toBe(true);
    await wire.post(request);
    expect(server.seen.map((one) => `${one.method} ${one.url} ${one.body}`)).toEqual([
      'POST /x the-body',
      'POST /x the-body',
    ]);
    expect(connections).toBe(1);
  });

  test('a redirect is an answer, and is not followed', async () => {
    const elsewhere = await openHttp(releases, json(200, {}));
    const server = await openHttp(releases, json(307, '', { location: `${elsewhere.baseUrl}/stolen` }));
    expect(await wireTo(server.baseUrl).post(request)).toMatchObject({
      kind: 'answered',
      httpStatus: 307,
      body: undefined,
    });
    expect(elsewhere.seen).toHaveLength(0);
  });

  test('a body that is no JSON is undefined, and Retry-After is read as seconds or a date', async () => {
    const later = new Date(Date.now() + 90_000).toUTCString();
    const values = ['2', later];
    const server = await openHttp(releases, (seen, response, socket) =>
      json(429, '<html>', { 'retry-after': values.shift() ?? '' })(seen, response, socket),
    );
    const wire = wireTo(server.baseUrl);
    expect(await wire.post(request)).toMatchObject({ httpStatus: 429, retryAfterMs: 2000, body: undefined });
    const dated = await wire.post(request);
    expect(dated.kind === 'answered' && dated.retryAfterMs !== null && dated.retryAfterMs > 80_000).toBe(true);
  });

  test('an interim 103 is not taken for the answer, nor for a part of one', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\n\r\n';
    const endings = ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}', ''];
    const { port } = await openRaw(releases, (socket) =>
      socket.once('data', () => socket.end(hints + (endings.shift() ?? ''))),
    );
    const wire = wireTo(`http://127.0.0.1:${port}`);
    expect(await wire.post(request)).toMatchObject({ kind: 'answered', httpStatus: 200 });
    expect(await wire.post(request)).toMatchObject({ kind: 'lost', cause: 'connection-lost', httpStatus: null });
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
