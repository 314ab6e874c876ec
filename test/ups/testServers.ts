import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import type { UpsClock } from '../../src/ups';

/** What a test opened, closed in reverse order. */
export function makeReleases() {
  const stack: (() => Promise<void> | void)[] = [];
  return {
    add: (release: () => Promise<void> | void) => void stack.push(release),
    async run() {
      for (let release = stack.pop(); release !== undefined; release = stack.pop()) await release();
    },
  };
}
export type Releases = ReturnType<typeof makeReleases>;

export interface SeenRequest {
  method: string;
  url: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}
export type Answer = (request: SeenRequest, response: http.ServerResponse, socket: net.Socket) => void;

/** An HTTP server on an ephemeral port that keeps what it was sent. */
export async function openHttp(releases: Releases, answer: Answer) {
  const seen: SeenRequest[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      };
      seen.push(one);
      answer(one, response, request.socket);
    });
  });
  const port = await listen(releases, server);
  releases.add(() => server.closeAllConnections());
  return { baseUrl: `http://127.0.0.1:${port}`, seen, server };
}

export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

export const upsError = (
  status: number,
  code: string,
  message = 'said UPS',
  headers: Record<string, string> = {},
): Answer => json(status, { response: { errors: [{ code, message }] } }, headers);

/** A server below HTTP: gets the sockets and the count of bytes that arrived. */
export async function openRaw(releases: Releases, onSocket: (socket: net.Socket) => void) {
  const arrived = { connections: 0, bytes: 0 };
  const server = net.createServer((socket) => {
    arrived.connections += 1;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => (arrived.bytes += chunk.length));
    releases.add(() => void socket.destroy());
    onSocket(socket);
  });
  const port = await listen(releases, server);
  return { port, arrived };
}

export async function openTls(releases: Releases, options: tls.TlsOptions, onSecure: () => void) {
  const server = tls.createServer(options, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', onSecure);
    releases.add(() => void socket.destroy());
  });
  server.on('tlsClientError', () => undefined);
  return { port: await listen(releases, server) };
}

/** A port nobody listens on: opened once, so that it is nobody else's, and closed again. */
export async function closedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listen(releases: Releases, server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  releases.add(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

/** A clock that stands until moved; `now` and `monotonic` differ, so that taking one for the other is seen. */
export function makeStillClock(): UpsClock & { move(ms: number): void } {
  let ms = 1_000;
  return {
    now: () => 1_795_000_000_000 + ms,
    monotonic: () => ms,
    move: (by) => void (ms += by),
  };
}
