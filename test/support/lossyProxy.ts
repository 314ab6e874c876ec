/** A proxy in front of MongoDB (or of Redis, by a mongodb: URL) that can lose answers, stay silent or refuse connections. */

import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';

/** open: everything passes. deaf: requests arrive, answers do not. cut: nobody can connect. */
export type ProxyState = 'open' | 'deaf' | 'cut';

export interface LossyProxy {
  /** Connects directly: the addresses of a replica set would bypass the proxy. */
  url: string;
  become(state: ProxyState): void;
  /** Breaks the connection when the next command of that name is answered, once. */
  loseAnswerTo(command: string): void;
  close(): Promise<void>;
}

export async function startLossyProxy(serverUrl: string): Promise<LossyProxy> {
  const target = new URL(serverUrl.replace(/^mongodb:/, 'http:'));
  let state: ProxyState = 'open';
  let losing: string | null = null;
  const sockets = new Set<Socket>();

  const kept = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };

  const server = net.createServer((client) => {
    kept(client);
    if (state === 'cut') return void client.destroy();
    const upstream = kept(net.connect(Number(target.port), target.hostname));
    let breaks = false;
    client.on('data', (request) => {
      if (losing !== null && request.includes(`${losing}\0`)) {
        losing = null;
        breaks = true;
      }
      upstream.write(request);
    });
    upstream.on('data', (answer) => {
      if (breaks) client.destroy();
      else if (state === 'open') client.write(answer);
    });
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const through = new URL(target);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as AddressInfo).port);
  through.searchParams.set('directConnection', 'true');

  return {
    url: through.href.replace(/^http:/, 'mongodb:'),
    become(next) {
      state = next;
      if (state === 'cut') for (const socket of sockets) socket.destroy();
    },
    loseAnswerTo(command) {
      losing = command;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
