/** A server that can be stopped or killed and started again at the same address. */

import type { DevServer } from '../../src/dev/context';
import { identify, signalProcess } from '../../src/dev/processes';
import type { Running } from '../../src/dev/running';

export interface RestartableServer {
  url: string;
  isUp(): boolean;
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  start(): Promise<void>;
}

/** `start` must use the same data folder each time if data should survive. */
export async function makeRestartableServer(
  start: () => Promise<DevServer>,
  running: Running,
): Promise<RestartableServer> {
  let server: DevServer | null = null;
  let pid: number | undefined;

  async function up(): Promise<DevServer> {
    const started = await start();
    pid = running.list().findLast(({ name }) => name === started.name)?.pid;
    return (server = started);
  }

  const { url } = await up();
  return {
    url,
    isUp: () => server !== null,
    async stop(signal) {
      const stopping = server;
      const id = pid === undefined ? undefined : identify(pid);
      server = null;
      if (signal === 'SIGKILL' && id) signalProcess(id, 'SIGKILL');
      await stopping?.stop();
    },
    async start() {
      if (server !== null) return;
      const again = await up();
      if (again.url !== url)
        throw new Error(`A server came back at ${again.url} and not at ${url}: its port was taken.`);
    },
  };
}
