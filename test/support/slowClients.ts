/** Slow clients: they send the head of a request and part of its body, then nothing. */

import net, { type Socket } from 'node:net';

export interface SlowClient {
  /** The status of the answer, or null while there is none. */
  status(): number | null;
  isClosed(): boolean;
  /** Sends the rest. */
  send(text: string): void;
  leave(): void;
}

export interface SlowRequest {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  /** The part of the body that is sent at once. */
  begin?: string;
  contentLength?: number;
}

export function makeSlowClients(publicUrl: string) {
  const { hostname, port, host } = new URL(publicUrl);
  const sockets = new Set<Socket>();

  function start({ method = 'POST', path, headers = {}, begin = '', contentLength = 1_000 }: SlowRequest): SlowClient {
    const socket = net.connect(Number(port), hostname);
    sockets.add(socket);
    let heard = '';
    let isClosed = false;
    socket.on('data', (bytes) => (heard += bytes.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      isClosed = true;
      sockets.delete(socket);
    });
    const length = method === 'GET' ? {} : { 'Content-Length': String(contentLength) };
    const lines = Object.entries({ Host: host, ...length, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${begin}`);
    return {
      status: () => {
        const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(heard) ?? [];
        return status === undefined ? null : Number(status);
      },
      isClosed: () => isClosed,
      send: (text) => void socket.write(text),
      leave: () => socket.destroy(),
    };
  }

  return {
    start,
    startMany: (count: number, request: (n: number) => SlowRequest): SlowClient[] =>
      Array.from({ length: count }, (_, n) => start(request(n))),
    leave: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** How many were answered with each status; those without an answer are under `null`. */
export function statusesOf(clients: readonly SlowClient[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const client of clients) {
    const status = String(client.status());
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}
