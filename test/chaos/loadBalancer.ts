/** A TCP load balancer in front of the api processes: each new connection goes to the next process that accepts it. */

import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

export interface Balancer {
  url: string;
  stop(): Promise<void>;
}

export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  let turn = 0;
  const open = new Set<Socket>();
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  };

  /** If a process is down the next one is tried. A paused process accepts the connection and does not answer. */
  function carry(from: Socket, [port, ...others]: readonly number[]): void {
    if (port === undefined || from.destroyed) {
      from.destroy();
      return;
    }
    const to = connect(port, '127.0.0.1');
    keep(to);
    to.once('connect', () => {
      from.pipe(to).pipe(from);
      to.once('close', () => from.destroy());
    });
    to.once('error', () => (to.pending ? carry(from, others) : from.destroy()));
    from.once('close', () => to.destroy());
  }

  const server = createServer((from) => {
    keep(from);
    from.on('error', () => from.destroy());
    turn += 1;
    carry(from, [...ports.slice(turn % ports.length), ...ports.slice(0, turn % ports.length)]);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
