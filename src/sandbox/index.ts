import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeApp } from './app';
import { makeFaults } from './faults';
import { openSandbox, type Log } from './sandbox';

export interface SandboxOptions {
  /** 0 takes any free one. */
  readonly port: number;
  /** The control surface has no key: anything but localhost is for a network of one's own. */
  readonly host?: string;
  /** Folder of its journal; made when missing. One sandbox a folder. */
  readonly dataDir: string;
  /** Of the application, or of several: `<publicUrl>/oauth/callback` is registered for each. */
  readonly publicUrl: string | readonly string[];
  readonly clientId: string;
  readonly clientSecret: string;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  readonly log?: Log;
}

export interface RunningSandbox {
  readonly url: string;
  /** Closes its port and its journal; safe to call twice. */
  readonly stop: () => Promise<void>;
}

/** Starts a UPS to develop against. What it knew in `dataDir` it still knows. */
export async function startSandbox(options: SandboxOptions): Promise<RunningSandbox> {
  const stopping = new AbortController();
  const publicUrls = typeof options.publicUrl === 'string' ? [options.publicUrl] : options.publicUrl;
  const clock = options.clock ?? Date.now;
  const { sandbox, close } = await openSandbox(options.dataDir, {
    faults: makeFaults(clock),
    client: { id: options.clientId, secret: options.clientSecret },
    redirectUris: publicUrls.map((url) => `${url.replace(/\/+$/, '')}/oauth/callback`),
    clock,
    makeSecret: () => randomBytes(32).toString('base64url'),
    log: options.log ?? (() => undefined),
    stopping: stopping.signal,
  });
  const host = options.host ?? '127.0.0.1';
  const server = createServer(makeApp(sandbox));
  // Longer than any client keeps an idle connection: who closes first must not be a race that looks like a lost answer.
  server.keepAliveTimeout = 75_000;
  try {
    await listen(server, options.port, host);
  } catch (error) {
    await close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  sandbox.log({ msg: 'The UPS sandbox listens.', url });

  let stopped: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    stopping.abort();
    await closeServer(server);
    await close();
  };
  return { url, stop: () => (stopped ??= stop()) };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Requests under way get a moment to be answered; then their connections close. */
async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const patience = setTimeout(() => server.closeAllConnections(), 500);
  await closed;
  clearTimeout(patience);
}
