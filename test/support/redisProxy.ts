/**
 * A proxy in front of Redis: counts connections and commands, and answers each command with an error if the test says so.
 * With `certificate` it accepts TLS connections.
 */

import net from 'node:net';
import tls from 'node:tls';

export interface RedisProxy {
  url: string;
  /** Since the start. */
  connections(): number;
  commands(): number;
  /** Every command is answered with it from now on, such as `LOADING Redis is loading the dataset in memory`. */
  refuse(answer: string): void;
  /** Connections that met a refusal are closed, as a restarted server's are. */
  allow(): void;
  close(): Promise<void>;
}

export async function startRedisProxy(
  target: string,
  { certificate }: { certificate?: { key: string; cert: string } } = {},
): Promise<RedisProxy> {
  const { hostname, port, username, password, pathname } = new URL(target);
  const open = new Set<net.Socket>();
  const count = { connections: 0, commands: 0 };
  let answer: string | null = null;

  function meet(client: net.Socket): void {
    count.connections += 1;
    const server = net.connect({ host: hostname, port: Number(port) });
    const counter = makeCounter();
    for (const socket of [client, server]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        open.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (data: Buffer) => {
      const arrived = counter(data);
      count.commands += arrived;
      if (answer === null) server.write(data);
      else client.write(`-${answer}\r\n`.repeat(arrived));
    });
    server.on('data', (data) => client.write(data));
  }

  const server = certificate ? tls.createServer(certificate, meet) : net.createServer(meet);
  server.on('tlsClientError', () => (count.connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as net.AddressInfo;
  const login = username || password ? `${username}:${password}@` : '';
  const closeAll = (): void => open.forEach((socket) => void socket.destroy());
  return {
    url: `${certificate ? 'rediss' : 'redis'}://${login}127.0.0.1:${address.port}${pathname}`,
    connections: () => count.connections,
    commands: () => count.commands,
    refuse: (text) => (answer = text),
    allow() {
      answer = null;
      closeAll();
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      closeAll();
      await closed;
    },
  };
}

/** How many commands end in what arrives: each is an array of strings with their lengths. */
function makeCounter(): (data: Buffer) => number {
  let left = Buffer.alloc(0);
  let strings = 0;
  return (data) => {
    left = Buffer.concat([left, data]);
    let ended = 0;
    for (;;) {
      const end = left.indexOf('\r\n');
      if (end < 0) return ended;
      const length = Number(left.subarray(1, end).toString());
      if (left[0] === 0x2a) strings = length;
      else if (left.length < end + 2 + length + 2) return ended;
      else if (--strings === 0) ended += 1;
      left = left.subarray(left[0] === 0x2a ? end + 2 : end + 2 + length + 2);
    }
  };
}
