import dns from 'node:dns/promises';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const LOOKUP_MS = 1_500;

/** Whether a download may be tried: the downloaders' own retries would take seconds where there is no network. */
export async function resolves(url: string): Promise<boolean> {
  const { hostname } = new URL(url);
  const timer = new AbortController();
  const tooLong = delay(LOOKUP_MS, false, { signal: timer.signal, ref: false }).catch(() => false);
  const found = dns.lookup(hostname).then(
    () => true,
    () => false,
  );
  return Promise.race([found, tooLong]).finally(() => timer.abort());
}

/** A port nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}

/** Without a host: on every address, as the service listens. */
export async function isPortFree(port: number, host?: string): Promise<boolean> {
  const server = net.createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, ...(host === undefined ? {} : { host }), exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
